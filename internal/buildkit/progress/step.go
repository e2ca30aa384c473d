package progress

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
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
	// Cached says that its result came from a cache, or that nobody needed it because what takes it did.
	Cached bool
	// Seconds is how long it ran.
	Seconds float64
	// Error is why it failed.
	Error string
	// Ran says that it ended without being cached.
	Ran bool
	// Start is when it first started; zero where it never did.
	Start time.Time
	// Inputs are the steps whose results it takes, by their places in the list that Steps returns.
	Inputs []int

	digest string
	// place is the stage on its platform.
	place string
}

// stepName is how BuildKit names the vertex of an instruction: "[PLATFORM STAGE 2/5] RUN make", platform and stage being
// left out where there is only one, and numbers padded with blanks where there are ten steps.
//
// https://github.com/moby/buildkit/blob/v0.33.0/frontend/dockerfile/dockerfile2llb/convert.go (prefixCommand)
var stepName = regexp.MustCompile(`(?s)^\[(?:(\S+/\S+) +)?(?:(\S+) +)? *(\d+)/(\d+)\] (.*)$`)

// IsFrom says that the step only names its base image, which is neither a hit nor a miss.
func (s Step) IsFrom() bool { return strings.HasPrefix(s.Instruction, "FROM ") }

// SameAs says that the other is the same instruction at the same place, in another build of the same Dockerfile.
func (s Step) SameAs(other Step) bool {
	return s.place == other.place && s.Index == other.Index && s.Instruction == other.Instruction
}

// linkPrefix marks the vertex that lays the result of a COPY --link over its base. It belongs to the step that it follows.
const linkPrefix = "LINK "

// Steps returns the Dockerfile's steps, stage by stage: a stage comes after those that it copies from.
func (g *Graph) Steps() []Step {
	var steps []Step
	depths := map[string]int{}
	deepest := map[string]int{}
	sources, unneeded := g.fetched(), g.unneeded()
	for _, node := range g.nodes {
		step, ok := node.step()
		if !ok || sources[node] {
			continue
		}
		if unneeded[node] {
			step.Cached, step.Ran, step.Error = true, false, ""
		}
		deepest[step.place] = max(deepest[step.place], g.depth(node.Digest, depths))
		steps = append(steps, step)
	}
	slices.SortStableFunc(steps, func(a, b Step) int {
		if a.place == b.place {
			return cmp.Compare(a.Index, b.Index)
		}
		return cmp.Or(cmp.Compare(deepest[a.place], deepest[b.place]), cmp.Compare(a.place, b.place))
	})
	g.connect(steps)
	return steps
}

func (n *Node) step() (Step, bool) {
	if !strings.HasPrefix(n.Name, "[") {
		return Step{}, false
	}
	match := stepName.FindStringSubmatch(n.Name)
	if match == nil || strings.HasPrefix(match[5], linkPrefix) {
		return Step{}, false
	}
	step := Step{
		Platform: match[1], Stage: match[2], Instruction: match[5], digest: n.Digest, place: match[1] + " " + match[2],
		Cached: n.Cached, Seconds: n.Seconds(), Error: n.Error, Ran: !n.Cached && n.Completed != nil,
	}
	step.Index, _ = strconv.Atoi(match[3])
	step.Total, _ = strconv.Atoi(match[4])
	if len(n.Spans) > 0 {
		step.Start = n.Spans[0].Start
	}
	return step, true
}

// unneeded are the vertices that BuildKit had begun with and cancelled, because it found what takes their results in the cache.
func (g *Graph) unneeded() map[*Node]bool {
	found := map[*Node]bool{}
	var takers []*Node
	for _, node := range g.nodes {
		if node.Cached {
			takers = append(takers, node)
		}
	}
	for len(takers) > 0 {
		taker := takers[len(takers)-1]
		takers = takers[:len(takers)-1]
		for _, digest := range taker.Inputs {
			if input := g.byDigest[digest]; input != nil && input.Cancelled() && !found[input] {
				found[input] = true
				takers = append(takers, input)
			}
		}
	}
	return found
}

// fetched are the vertices that fetch what an ADD of a URL or of a repository copies. They have the name of their step, which
// is another vertex, and run in every build.
func (g *Graph) fetched() map[*Node]bool {
	byName := map[string][]*Node{}
	for _, node := range g.nodes {
		if strings.Contains(node.Name, "] ADD ") {
			byName[node.Name] = append(byName[node.Name], node)
		}
	}
	sources := map[*Node]bool{}
	for _, alike := range byName {
		for _, node := range alike {
			if len(alike) > 1 && len(node.Inputs) == 0 {
				sources[node] = true
			}
		}
	}
	return sources
}

// connect fills in the steps' inputs. What lies between two steps, such as the vertex that links a copied layer, is passed
// through.
func (g *Graph) connect(steps []Step) {
	places := make(map[string]int, len(steps))
	for i, step := range steps {
		places[step.digest] = i
	}
	for i := range steps {
		seen := map[string]bool{}
		waiting := slices.Clone(g.byDigest[steps[i].digest].Inputs)
		for len(waiting) > 0 {
			digest := waiting[len(waiting)-1]
			waiting = waiting[:len(waiting)-1]
			if seen[digest] {
				continue
			}
			seen[digest] = true
			if at, ok := places[digest]; ok {
				steps[i].Inputs = append(steps[i].Inputs, at)
			} else if node := g.byDigest[digest]; node != nil {
				waiting = append(waiting, node.Inputs...)
			}
		}
		slices.Sort(steps[i].Inputs)
	}
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
