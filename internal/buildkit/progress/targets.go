package progress

import (
	"slices"
	"strings"
	"time"
)

// Targets are the targets of one call of `docker buildx bake`. buildx puts the name of a target before the name of each
// of its vertices. A vertex that several targets share has one digest, and is in the stream once for each of them.
type Targets struct {
	names []string
	// All is the graph of the call, without the names of the targets.
	All    *Graph
	graphs map[string]*Graph
}

// NewTargets returns the state of a call that builds the targets.
func NewTargets(names []string) *Targets {
	t := &Targets{names: names, All: NewGraph(), graphs: map[string]*Graph{}}
	for _, name := range names {
		t.graphs[name] = NewGraph()
	}
	return t
}

// SharedSince is Graph.SharedSince for all graphs. It does nothing if t is nil.
func (t *Targets) SharedSince(begin time.Time) {
	if t == nil {
		return
	}
	t.All.SharedSince(begin)
	for _, graph := range t.graphs {
		graph.SharedSince(begin)
	}
}

// Graph returns the graph of a target.
func (t *Targets) Graph(target string) *Graph { return t.graphs[target] }

// Split returns the event as it would be in the stream of `docker buildx build`, and adds it to the graphs of the targets
// that it is about, but not to All.
func (t *Targets) Split(event Event) Event {
	event.Vertexes = slices.Clone(event.Vertexes)
	for i, vertex := range event.Vertexes {
		name, target, found := t.cut(vertex.Name)
		event.Vertexes[i].Name = name
		if found {
			own := event.Vertexes[i]
			own.Inputs = slices.Clone(own.Inputs)
			t.graphs[target].Observe(Event{Vertexes: []Vertex{own}})
		}
	}
	for _, status := range event.Statuses {
		for _, graph := range t.graphs {
			graph.Observe(Event{Statuses: []Status{status}})
		}
	}
	return event
}

// cut returns the name of a vertex without the target. A single target has no prefix.
//
// https://github.com/docker/buildx/blob/v0.38.2/util/progress/multiwriter.go
func (t *Targets) cut(name string) (rest, target string, found bool) {
	if len(t.names) == 1 {
		return name, t.names[0], true
	}
	inside, ok := strings.CutPrefix(name, "[")
	end := strings.IndexAny(inside, " ]")
	if !ok || end < 0 || t.graphs[inside[:end]] == nil {
		return name, "", false
	}
	target = inside[:end]
	if inside[end] == ']' {
		return strings.TrimPrefix(inside[end+1:], " "), target, true
	}
	return "[" + inside[end+1:], target, true
}

// Steps returns the steps of a target. same are other targets with the same Dockerfile, context and arguments, whose steps
// of the same name are the same steps. A step that another target ran in this call ran, although the builder then had it
// for this target.
//
// Two targets take different files of one context, so a step of a stage that they share has a vertex for each of them.
// BuildKit merges the two and then shows both in either target, at least one of them as cached.
func (t *Targets) Steps(target string, same []string) []Step {
	steps := t.graphs[target].Steps()
	kept, places := []Step{}, make([]int, len(steps))
	var digests [][]string
	for i, step := range steps {
		twin := slices.IndexFunc(kept, step.SameAs)
		if twin < 0 {
			places[i] = len(kept)
			kept, digests = append(kept, step), append(digests, []string{step.digest})
			continue
		}
		places[i] = twin
		digests[twin] = append(digests[twin], step.digest)
		if kept[twin].Cached && !step.Cached {
			step.Inputs, kept[twin] = kept[twin].Inputs, step
		}
	}
	for i := range kept {
		var inputs []int
		for _, input := range kept[i].Inputs {
			if place := places[input]; place != i && !slices.Contains(inputs, place) {
				inputs = append(inputs, place)
			}
		}
		kept[i].Inputs = inputs
		if node := t.ranElsewhere(kept[i], digests[i], target, same); kept[i].Cached && node != nil {
			kept[i].Cached, kept[i].Ran, kept[i].Seconds, kept[i].Start = false, true, node.Seconds(), node.Spans[0].Start
		}
	}
	return kept
}

// ranElsewhere returns the vertex of another target that ran the step in this call, or nil.
func (t *Targets) ranElsewhere(step Step, digests []string, target string, same []string) *Node {
	for _, name := range t.names {
		if name == target {
			continue
		}
		isSame := slices.Contains(same, name)
		for _, node := range t.graphs[name].nodes {
			if node.Cached || node.Completed == nil || node.Error != "" || len(node.Spans) == 0 {
				continue
			}
			if slices.Contains(digests, node.Digest) {
				return node
			}
			if isSame && strings.HasSuffix(node.Name, step.Instruction) {
				if other, ok := node.step(); ok && step.SameAs(other) {
					return node
				}
			}
		}
	}
	return nil
}

// Span returns the time from the first vertex of a target to its last. It is zero if none has started.
func (t *Targets) Span(target string) Span {
	var whole Span
	for _, node := range t.graphs[target].nodes {
		for _, span := range node.Spans {
			if whole.Start.IsZero() || span.Start.Before(whole.Start) {
				whole.Start = span.Start
			}
			if span.End.After(whole.End) {
				whole.End = span.End
			}
		}
	}
	return whole
}
