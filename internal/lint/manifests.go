package lint

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// checkManifests looks for sources that are copied before the packages are installed that only the manifests decide about.
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

// checkOrder goes through instructions that run one after the other. The names in installed are of managers that have
// installed the project's packages already, so that a later command only adds to them.
func (c *checker) checkOrder(sequence []*instruction, installed map[string]bool) {
	var source *instruction
	for _, in := range sequence {
		if t, ok := in.transfer(); ok && source == nil && c.isSource(t) {
			source = in
		}
		for _, command := range in.commands() {
			m := managerOf(command)
			if m == nil || m.project == nil || !m.project(command) || installed[m.name] {
				continue
			}
			installed[m.name] = true
			if source != nil {
				c.reportOrder(source, in, m, command)
			}
		}
	}
}

func (c *checker) reportOrder(source, install *instruction, m *manager, command shellCommand) {
	level := Warning
	if install.hasCacheMount() {
		level = Info
	}
	what := strings.ToUpper(source.node.Value)
	c.report(source, advice{
		level: level,
		message: fmt.Sprintf("%s takes the source before line %d runs %s: every change of any file installs all packages again",
			what, install.line, excerpt(command.String())),
		change: fmt.Sprintf("before this line: COPY %s ./ and RUN %s; then this %s and what builds the code",
			strings.Join(c.presentManifests(m), " "), m.fetch, what),
		effect: "the installed packages come from the cache until a manifest changes",
	})
}

// isSource tells whether a COPY takes the source: the whole context, or a folder that by its name holds code.
func (c *checker) isSource(t transfer) bool {
	folders := []string{"src", "source", "sources", "app", "lib", "cmd", "internal", "pkg"}
	return t.wholeContext() || slices.ContainsFunc(t.contextPaths(), func(p string) bool { return slices.Contains(folders, p) })
}

// presentManifests are the manifests that the context has, or the usual ones where that is not known.
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
