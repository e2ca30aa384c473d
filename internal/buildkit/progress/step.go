package progress

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Step is one instruction of the Dockerfile.
type Step struct {
	// Stage is the stage's name. BuildKit names an unnamed stage "stage-N", or "" if it is the only stage.
	Stage string
	// Platform is empty if the build is for one platform only.
	Platform string
	// Index counts the stage's steps from 1 to Total.
	Index, Total int
	// Instruction is the instruction's text with variables replaced.
	Instruction string
	// Cached is true if its result came from a cache, or was not needed because a later step came from a
	// cache.
	Cached bool
	// Earlier is true for a cached step that an earlier build of the same job left in the builder. BuildKit tells only of
	// builds that are still running; whoever knows of others sets it.
	Earlier bool
	// Seconds is how long it ran.
	Seconds float64
	// Error is why it failed.
	Error string
	// Tail is the end of the output of a step that failed.
	Tail string
	// Ran is true if it ended and was not cached.
	Ran bool
	// Unpacked is true if layers were unpacked for it. If the first step on an image comes from the cache, FROM only
	// resolves the image's name.
	Unpacked bool
	// Start is when it first started; zero if it did not.
	Start time.Time
	// Inputs are the steps whose results it uses, as indexes in the list that Steps returns.
	Inputs []int

	digest string
	// place is the platform and stage.
	place string
}

// stepName matches the name of an instruction's vertex: "[PLATFORM STAGE 2/5] RUN make". Platform and stage
// are omitted if there is only one, and numbers are padded with spaces from ten steps on.
//
// https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/dockerfile2llb/convert.go (prefixCommand)
var stepName = regexp.MustCompile(`(?s)^\[(?:(\S+/\S+) +)?(?:(\S+) +)? *(\d+)/(\d+)\] (.*)$`)

// IsFrom reports whether the step is FROM, which is neither a hit nor a miss.
func (s Step) IsFrom() bool { return strings.HasPrefix(s.Instruction, "FROM ") }

// SameAs reports whether the other step, of another build, is the same instruction at the same place in the
// Dockerfile.
func (s Step) SameAs(other Step) bool {
	return s.place == other.place && s.Index == other.Index && s.Instruction == other.Instruction
}

// Images returns the images that the build uses, with their digests, as the names after FROM. For an image that a step
// takes files from, BuildKit shows a FROM without a stage.
func (g *Graph) Images() []string {
	var images []string
	for _, node := range g.nodes {
		name := node.Name
		if step, ok := node.step(); ok {
			name = step.Instruction
		}
		if image, ok := strings.CutPrefix(name, "FROM "); ok && !slices.Contains(images, image) {
			images = append(images, image)
		}
	}
	return images
}

// linkPrefix starts the name of the vertex that merges the result of COPY --link with its base. It is part of
// the step before it.
const linkPrefix = "LINK "

// Steps returns the Dockerfile's steps by stage. A stage comes after those that it copies from.
func (g *Graph) Steps() []Step {
	var steps []Step
	depths := map[string]int{}
	deepest := map[string]int{}
	downloads, unneeded := g.downloads(), g.unneeded()
	for _, node := range g.nodes {
		step, ok := node.step()
		if !ok || downloads[node] {
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
		Cached: n.Cached, Earlier: n.earlier, Seconds: n.Seconds(), Error: n.Error, Ran: !n.Cached && n.Completed != nil, Unpacked: n.unpacked(),
	}
	step.Index, _ = strconv.Atoi(match[3])
	step.Total, _ = strconv.Atoi(match[4])
	if len(n.Spans) > 0 {
		step.Start = n.Spans[0].Start
	}
	if n.Error != "" {
		step.Tail = string(n.tail)
	}
	return step, true
}

// unneeded returns the vertices that BuildKit started and then cancelled, because a later vertex came from
// the cache. What is cancelled after a vertex has failed is not among them: BuildKit then cancels all that
// still run.
func (g *Graph) unneeded() map[*Node]bool {
	found := map[*Node]bool{}
	failed := g.failedAt()
	var later []*Node
	for _, node := range g.nodes {
		if node.Cached {
			later = append(later, node)
		}
	}
	for len(later) > 0 {
		node := later[len(later)-1]
		later = later[:len(later)-1]
		for _, digest := range node.Inputs {
			if input := g.byDigest[digest]; input != nil && input.Cancelled() && !found[input] && !input.endedAfter(failed) {
				found[input] = true
				later = append(later, input)
			}
		}
	}
	return found
}

// failedAt returns when the first vertex failed by itself; nil if none did.
func (g *Graph) failedAt() *time.Time {
	var first *time.Time
	for _, node := range g.nodes {
		if node.Error == "" || node.Cancelled() || node.isCacheTransfer() || node.Completed == nil {
			continue
		}
		if first == nil || node.Completed.Before(*first) {
			first = node.Completed
		}
	}
	return first
}

// endedAfter reports whether the vertex ended at that time or later. It is false for a nil time.
func (n *Node) endedAfter(at *time.Time) bool {
	return at != nil && n.Completed != nil && !n.Completed.Before(*at)
}

// downloads returns the vertices that download the source of an ADD from a URL or a repository. Such a vertex
// has the same name as the step's own vertex, and runs in every build.
func (g *Graph) downloads() map[*Node]bool {
	byName := map[string][]*Node{}
	for _, node := range g.nodes {
		if strings.Contains(node.Name, "] ADD ") {
			byName[node.Name] = append(byName[node.Name], node)
		}
	}
	downloads := map[*Node]bool{}
	for _, nodes := range byName {
		for _, node := range nodes {
			if len(nodes) > 1 && len(node.Inputs) == 0 {
				downloads[node] = true
			}
		}
	}
	return downloads
}

// connect sets the inputs of the steps. It follows vertices between two steps, such as the one that links a
// copied layer.
func (g *Graph) connect(steps []Step) {
	indexes := make(map[string]int, len(steps))
	for i, step := range steps {
		indexes[step.digest] = i
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
			if index, ok := indexes[digest]; ok {
				steps[i].Inputs = append(steps[i].Inputs, index)
			} else if node := g.byDigest[digest]; node != nil {
				waiting = append(waiting, node.Inputs...)
			}
		}
		slices.Sort(steps[i].Inputs)
	}
}

// depth returns the number of vertices on the longest path from a source to the vertex.
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
