package progress

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Step is one instruction of the Dockerfile, as BuildKit ran it or found it in a cache.
type Step struct {
	// Stage is the stage's name, or "stage-N" as BuildKit names one without; empty where the Dockerfile has a single stage
	// without a name.
	Stage string
	// Platform is set when the build is for more than one.
	Platform string
	// Index counts the stage's steps from 1 to Total.
	Index, Total int
	// Instruction is the instruction's text with variables filled in.
	Instruction string
	// Cached says that its result came from a cache.
	Cached bool
	// Seconds is how long it ran.
	Seconds float64
	// Error is why it failed.
	Error string
	// Ran says that it ended without being cached.
	Ran bool
}

// stepName is how BuildKit names the vertex of an instruction: "[PLATFORM STAGE 2/5] RUN make", platform and stage being
// left out where there is only one.
//
// https://github.com/moby/buildkit/blob/v0.33.0/frontend/dockerfile/dockerfile2llb/convert.go (prefixCommand)
var stepName = regexp.MustCompile(`(?s)^\[(?:(\S+/\S+) )?(?:(\S+) )?(\d+)/(\d+)\] (.*)$`)

// IsFrom says that the step only names its base image, which is neither a hit nor a miss.
func (s Step) IsFrom() bool { return strings.HasPrefix(s.Instruction, "FROM ") }

// linkPrefix marks the vertex that lays the result of a COPY --link over its base. It belongs to the step that it follows.
const linkPrefix = "LINK "

// Steps returns the Dockerfile's steps, stage by stage: a stage comes after those that it copies from.
func (g *Graph) Steps() []Step {
	var steps []Step
	depths := map[string]int{}
	deepest := map[string]int{}
	for _, node := range g.nodes {
		match := stepName.FindStringSubmatch(node.Name)
		if match == nil || strings.HasPrefix(match[5], linkPrefix) {
			continue
		}
		stage := match[1] + " " + match[2]
		deepest[stage] = max(deepest[stage], g.depth(node.Digest, depths))
		index, _ := strconv.Atoi(match[3])
		total, _ := strconv.Atoi(match[4])
		steps = append(steps, Step{
			Platform: match[1], Stage: match[2], Index: index, Total: total, Instruction: match[5],
			Cached: node.Cached, Seconds: node.Seconds(), Error: node.Error,
			Ran: !node.Cached && node.Completed != nil,
		})
	}
	slices.SortStableFunc(steps, func(a, b Step) int {
		first, second := a.Platform+" "+a.Stage, b.Platform+" "+b.Stage
		return cmp.Or(cmp.Compare(deepest[first], deepest[second]), cmp.Compare(first, second), cmp.Compare(a.Index, b.Index))
	})
	return steps
}

// depth is the number of vertices on the longest way from a source to the vertex.
func (g *Graph) depth(digest string, known map[string]int) int {
	if depth, ok := known[digest]; ok {
		return depth
	}
	known[digest] = 0
	deepest := 0
	if node := g.byDigest[digest]; node != nil {
		for _, input := range node.Inputs {
			deepest = max(deepest, g.depth(input, known))
		}
	}
	known[digest] = deepest + 1
	return deepest + 1
}

// Import is one attempt to read a cache.
type Import struct {
	// Ref is what was read.
	Ref string
	// Error is why it could not be; the build goes on without.
	Error string
}

const (
	importPrefix = "importing cache manifest from "
	exportPrefix = "exporting cache to "
)

// Imports returns the attempts to read a cache. BuildKit names one that comes from a registry by its ref.
func (g *Graph) Imports() []Import {
	var imports []Import
	for _, node := range g.nodes {
		if ref, ok := strings.CutPrefix(node.Name, importPrefix); ok {
			imports = append(imports, Import{Ref: ref, Error: node.Error})
		}
	}
	return imports
}

// Export says whether a cache was exported, and the error if that failed.
func (g *Graph) Export() (attempted bool, failure string) {
	for _, node := range g.nodes {
		if strings.HasPrefix(node.Name, exportPrefix) {
			attempted = true
			if node.Error != "" {
				failure = node.Error
			}
		}
	}
	return attempted, failure
}
