package agent

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// GraphBuild is one build of a batch's build graph.
type GraphBuild struct {
	Identifier string
	// DependsOn are the identifiers of the builds that must have succeeded before this one starts.
	DependsOn []string
	variables map[string]string
}

// Graph returns the builds of a buildspec's batch, each after its dependencies. It returns none if the buildspec
// has no batch. Run them with Build.BatchIdentifier.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/batch-build-buildspec.html
func Graph(buildspec string) ([]GraphBuild, error) {
	spec, err := parse(buildspec)
	if err != nil {
		return nil, err
	}
	var ordered []GraphBuild
	contains := func(identifier string) bool {
		return slices.ContainsFunc(ordered, func(b GraphBuild) bool { return b.Identifier == identifier })
	}
	for len(ordered) < len(spec.graph) {
		before := len(ordered)
		for _, identifier := range slices.Sorted(maps.Keys(spec.graph)) {
			ready := !slices.ContainsFunc(spec.graph[identifier].DependsOn, func(d string) bool { return !contains(d) })
			if ready && !contains(identifier) {
				ordered = append(ordered, spec.graph[identifier])
			}
		}
		if len(ordered) == before {
			return nil, fmt.Errorf("agent: batch.build-graph depends on itself or on missing builds; %d builds do not have this problem", len(ordered))
		}
	}
	return ordered, nil
}

// batch parses a build graph. Only the variables of a build's env are used, because all builds run on this
// machine.
func (p *parser) batch(node *yaml.Node) map[string]GraphBuild {
	batch := p.mapping(node, "batch", keys{known: []string{"fast-fail", "build-graph"}, unsupported: []string{"build-list", "build-matrix", "build-fanout"}})
	if batch["build-graph"] == nil {
		return nil
	}
	graph := map[string]GraphBuild{}
	for i, item := range batch["build-graph"].Content {
		path := fmt.Sprintf("batch.build-graph[%d]", i)
		entry := p.mapping(item, path, keys{known: []string{"identifier", "depend-on", "env"}, unsupported: []string{"buildspec", "debug-session", "ignore-failure"}})
		env := p.mapping(entry["env"], path+".env", keys{known: []string{"type", "image", "compute-type", "privileged-mode", "variables"}, unsupported: []string{"fleet"}})
		build := GraphBuild{Identifier: p.text(entry["identifier"], path+".identifier"), DependsOn: p.texts(entry["depend-on"], path+".depend-on"), variables: map[string]string{}}
		for name, value := range p.mapping(env["variables"], path+".env.variables", keys{any: true}) {
			build.variables[name] = p.text(value, path+".env.variables."+name)
		}
		graph[build.Identifier] = build
	}
	return graph
}
