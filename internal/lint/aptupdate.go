package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkUpdate reports package lists that one RUN fetches and a later one installs with.
func checkUpdate(c *checker) {
	ends := map[*stage]map[string]*instruction{}
	reported := map[*instruction]bool{}
	for _, s := range c.stages {
		fetched := map[string]*instruction{}
		if s.parent != nil {
			fetched = maps.Clone(ends[s.parent])
		}
		c.checkLists(s.own, fetched, reported)
		c.checkLists(s.triggers, map[string]*instruction{}, reported)
		ends[s] = fetched
	}
}

// checkLists checks instructions that run one after the other. fetched holds, for each kind of lists, the RUN
// that fetched them last.
func (c *checker) checkLists(sequence []*instruction, fetched map[string]*instruction, reported map[*instruction]bool) {
	for _, in := range sequence {
		if in.hidesFiles() {
			continue
		}
		known := true // no command of this RUN so far may have fetched lists unseen
		for _, command := range in.commands() {
			kind := listsOf(command.program)
			switch {
			case kind != "" && command.subcommand() == "update" && !command.usesOtherLists():
				fetched[kind] = in
			case kind != "" && installsFromLists(command):
				if from := fetched[kind]; known && from != nil && from != in && !reported[from] {
					reported[from] = true
					c.reportLists(from, in, command)
				}
			case command.program == "rm" && strings.Contains(command.String(), "/var/lib/apt"):
				delete(fetched, "apt")
			case command.program == "rm" && strings.Contains(command.String(), "/var/cache/apk"):
				delete(fetched, "apk")
			case !command.isHarmless() && !command.isSystem():
				known = false
				maps.DeleteFunc(fetched, func(_ string, from *instruction) bool { return from != in })
			}
		}
	}
}

func (c *checker) reportLists(from, in *instruction, install shellCommand) {
	subcommand := install.subcommand()
	c.report(from, advice{
		message: fmt.Sprintf("the RUN in line %d installs with the package lists of this RUN: when only that RUN changes, it uses the old cached lists and requests versions that the mirror may no longer have",
			in.line),
		change: fmt.Sprintf("use one instruction: RUN %s update && %s %s …", install.program, install.program, subcommand),
		effect: "lists and packages have the same age",
	})
}

// listsOf returns the kind of package lists that a program uses; empty if it uses none that a RUN fetches.
func listsOf(program string) string {
	switch program {
	case "apt-get", "apt", "aptitude":
		return "apt"
	case "apk":
		return "apk"
	}
	return ""
}

// installsFromLists reports whether a command installs packages with lists that are already there.
func installsFromLists(c shellCommand) bool {
	m := managersByProgram()[c.program]
	fetches := c.program == "apk" && c.hasLetter('U') || c.has("--no-cache", "--update", "--update-cache")
	return m != nil && m.installs(c) && !m.isOffline(c) && !c.usesOtherLists() && !fetches
}

// usesOtherLists reports whether a command only prints, or may use the package lists of another system.
func (c shellCommand) usesOtherLists() bool {
	return c.has("--help", "-h", "--version", "--print-uris", "--root", "-p") || slices.ContainsFunc(c.args, func(arg string) bool {
		return strings.HasPrefix(arg, "Dir") || strings.HasPrefix(arg, "-oDir") || strings.HasPrefix(arg, "--option=Dir") || strings.HasPrefix(arg, "--root=")
	})
}

// hidesFiles reports whether a mount of the RUN may hold the package lists instead of the image.
func (in *instruction) hidesFiles() bool {
	return slices.ContainsFunc(in.node.Flags, func(flag string) bool {
		options, ok := strings.CutPrefix(strings.ToLower(flag), "--mount=")
		return ok && (strings.Contains(options, "type=cache") || strings.Contains(options, "type=tmpfs") || strings.Contains(options, "type=bind") || !strings.Contains(options, "type="))
	})
}
