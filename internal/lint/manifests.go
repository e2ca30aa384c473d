package lint

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
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
		c.checkOrder(s.own, installed, s.environment(), ends)
		c.checkOrder(s.triggers, map[string]bool{}, nil, ends)
		ends[s] = installed
	}
}

// packageFolder matches paths of folders that hold the packages of a manager.
var packageFolder = regexp.MustCompile(`(^|/)(node_modules|site-packages|dist-packages|vendor|\.?venv|\.m2|\.gradle|\.cargo|\.nuget|\.npm|\.yarn|pkg/mod|go/pkg|cargo/registry|bundle|deps)(/|$)`)

// mayGetPackages reports for an instruction which managers may get their packages from elsewhere by it: from a stage
// that has installed them, or with a folder that holds packages.
func (c *checker) mayGetPackages(in *instruction, ends map[*stage]map[string]bool) map[string]bool {
	names := map[string]bool{}
	from := in.mountOptions("from")
	holdsPackages := in.mountsPackages() && !in.hasCacheMount()
	if t, ok := in.transfer(); ok && t.from != "" {
		from = append(from, t.from)
		holdsPackages = slices.ContainsFunc(t.SourcePaths, packageFolder.MatchString) || packageFolder.MatchString(t.DestPath)
	}
	for _, name := range from {
		if s := c.stageFrom(name); s != nil {
			maps.Copy(names, ends[s])
		}
	}
	for _, command := range in.commands() {
		moves := slices.Contains([]string{"cp", "mv", "ln", "tar", "unzip"}, command.program)
		holdsPackages = holdsPackages || moves && slices.ContainsFunc(command.args, packageFolder.MatchString)
	}
	if holdsPackages {
		names[anyManager] = true
	}
	return names
}

// stageFrom returns the stage with the name or the number, or nil.
func (c *checker) stageFrom(name string) *stage {
	if number, err := strconv.Atoi(name); err == nil && number >= 0 && number < len(c.stages) {
		return c.stages[number]
	}
	return c.stageNamed(name)
}

// checkOrder checks instructions that run one after the other. installed holds the names of managers that
// have already installed the project's packages, or may have; their later commands are not reported.
// environment holds the assignments above them, ends what each stage before has installed.
func (c *checker) checkOrder(sequence []*instruction, installed map[string]bool, environment []string, ends map[*stage]map[string]bool) {
	var source *instruction
	copied := false // files, so a script may have installed with them
	for _, in := range sequence {
		environment = append(environment, in.assignments()...)
		if t, ok := in.transfer(); ok {
			copied = true
			if source == nil && c.isSource(t) {
				source = in
			}
		}
		maps.Copy(installed, c.mayGetPackages(in, ends))
		for _, command := range in.commands() {
			m := findManager(command)
			switch {
			case m != nil && m.project != nil && m.project(command):
				if source != nil && !installed[m.name] && !installed[anyManager] && !m.isOfflineWith(environment) && !in.isOffline() && !c.options.Context.mayBeVendored(m) {
					c.reportOrder(source, in, m, command)
				}
				installed[m.name] = true
			case m == nil && !command.installsNothing() || m != nil && command.mayReadManifests():
				// A command that is not known may install: before the source, with the manifests; after it, from it.
				installed[anyManager] = installed[anyManager] || (copied || in.hasFlag("mount")) && source == nil
			}
		}
	}
}

// mayReadManifests reports whether a command that is not known to install a project's packages may do so: with a
// requirements file outside the source, or with words that xargs adds.
func (c shellCommand) mayReadManifests() bool {
	return slices.ContainsFunc(c.args, func(arg string) bool {
		return arg == moreWords || c.program == "pip" && strings.HasPrefix(arg, "-r") || strings.HasPrefix(arg, "--requirement")
	})
}

// installsNothing reports whether a command is known to install no packages of a project. An archive may hold some.
func (c shellCommand) installsNothing() bool {
	switch c.program {
	case "tar", "unzip":
		return false
	case "npm":
		return slices.Contains([]string{"", "config", "set", "get", "cache", "version"}, c.firstOperand()) || c.has("-g", "--global")
	}
	return c.isHarmless() || c.isSystem() || c.program == "git"
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
