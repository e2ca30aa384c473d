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
// have already installed the project's packages; their later commands are not reported.
func (c *checker) checkOrder(sequence []*instruction, installed map[string]bool) {
	var source *instruction
	for _, in := range sequence {
		if t, ok := in.transfer(); ok && source == nil && c.isSource(t) {
			source = in
		}
		for _, command := range in.commands() {
			m := findManager(command)
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
