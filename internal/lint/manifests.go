package lint

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// checkManifests reports sources that are copied before an installation that needs only the manifests.
func checkManifests(c *checker) {
	ends := map[*stage]map[string]bool{}
	for _, s := range c.stages {
		installed := map[string]bool{}
		if s.parent != nil {
			installed = maps.Clone(ends[s.parent])
		}
		c.checkOrder(s.own, installed)
		c.checkOrder(s.triggers, map[string]bool{})
		ends[s] = installed
	}
}

// checkOrder checks instructions that run one after the other. installed holds the names of managers that
// have already installed the project's packages, or may have; their later commands are not reported.
func (c *checker) checkOrder(sequence []*instruction, installed map[string]bool) {
	var source *instruction
	var environment []string
	copied := false // files of the context, so a script may have installed with them
	for _, in := range sequence {
		environment = append(environment, in.assignments()...)
		if t, ok := in.transfer(); ok {
			copied = copied || len(t.contextPaths()) > 0
			if source == nil && c.isSource(t) {
				source = in
			}
		}
		for _, command := range in.commands() {
			m := findManager(command)
			switch {
			case m != nil && m.project != nil && m.project(command):
				if source != nil && !installed[m.name] && !installed[anyManager] && !m.isOfflineWith(environment) && !c.options.Context.mayBeVendored(m) {
					c.reportOrder(source, in, m, command)
				}
				installed[m.name] = true
			case m == nil && !command.isHarmless() && !command.isSystem() && command.program != "npm" && command.program != "git":
				// A command that is not known may install: before the source, with the manifests; after it, from it.
				installed[anyManager] = installed[anyManager] || (copied || in.hasFlag("mount")) && source == nil
			case command.program == "export":
				environment = append(environment, command.args...)
			}
		}
	}
}

// anyManager stands in a list of managers for each that is possible.
const anyManager = "*"

func (c *checker) reportOrder(source, install *instruction, m *manager, command shellCommand) {
	level := Warning
	if install.hasCacheMount() {
		level = Info
	}
	copyName := strings.ToUpper(source.node.Value)
	c.report(source, advice{
		level: level,
		message: fmt.Sprintf("%s copies the source before line %d runs %s: a change to any file installs all packages again",
			copyName, install.line, excerpt(command.String())),
		change: fmt.Sprintf("before this line, add COPY %s ./ and RUN %s; keep this %s and the steps that build the code after them",
			strings.Join(c.presentManifests(m), " "), m.fetch, copyName),
		effect: "the installed packages come from the cache until a manifest changes",
	})
}

// isSource reports whether a COPY copies source code: the whole context, or a folder with a typical name.
func (c *checker) isSource(t transfer) bool {
	folders := []string{"src", "source", "sources", "app", "lib", "cmd", "internal", "pkg"}
	return t.wholeContext() || slices.ContainsFunc(t.contextPaths(), func(p string) bool { return slices.Contains(folders, p) })
}

// presentManifests returns the manifests in the context, or the usual ones if the context has none or is not
// known.
func (c *checker) presentManifests(m *manager) []string {
	var present []string
	if c.options.Context != nil {
		for _, pattern := range m.manifests {
			matches, _ := fs.Glob(c.options.Context.Files, pattern)
			present = append(present, matches...)
		}
	}
	if len(present) > 0 {
		return present
	}
	return m.manifests[:min(2, len(m.manifests))]
}
