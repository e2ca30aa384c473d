package progress

import (
	"slices"
	"strings"
	"time"
)

// Timing is the wall-clock time that each part of a build added, in seconds. Parallel work counts once, for
// the first of these parts: the steps, the push of the image, the export of the cache, the import of the
// cache.
type Timing struct {
	Import, Build, Push, Export float64
}

// Timing returns the time of each part so far.
func (g *Graph) Timing() Timing {
	var build, push, export, imports []Span
	for _, node := range g.nodes {
		switch {
		case strings.HasPrefix(node.Name, importPrefix):
			imports = append(imports, node.Spans...)
		case strings.HasPrefix(node.Name, exportPrefix):
			export = append(export, node.Spans...)
		case strings.HasPrefix(node.Name, "exporting to "), strings.HasPrefix(node.Name, "pushing "):
			push = append(push, node.Spans...)
		default:
			build = append(build, node.Spans...)
		}
	}
	var counted []Span
	added := func(spans []Span) float64 {
		before := union(counted)
		counted = append(counted, spans...)
		return (union(counted) - before).Seconds()
	}
	var t Timing
	t.Build = added(build)
	t.Push = added(push)
	t.Export = added(export)
	t.Import = added(imports)
	return t
}

// union returns the total time covered by at least one span. A span that has not ended does not count.
func union(spans []Span) time.Duration {
	ended := slices.DeleteFunc(slices.Clone(spans), func(s Span) bool { return !s.End.After(s.Start) })
	slices.SortFunc(ended, func(a, b Span) int { return a.Start.Compare(b.Start) })
	var total time.Duration
	var reached time.Time
	for _, span := range ended {
		start := span.Start
		if start.Before(reached) {
			start = reached
		}
		if span.End.After(start) {
			total += span.End.Sub(start)
			reached = span.End
		}
	}
	return total
}
