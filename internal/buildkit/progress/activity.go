package progress

import (
	"slices"
	"strings"
)

// Activity is work of the build outside the steps of the Dockerfile.
type Activity struct {
	// Kind is one of the constants below. Label names the image, cache or context.
	Kind, Label string
	Span
	// Bytes is the number of bytes transferred; 0 if BuildKit did not report it.
	Bytes int64
}

// The kinds of activities.
const (
	KindPull    = "pull"
	KindPush    = "push"
	KindImport  = "import"
	KindExport  = "export"
	KindContext = "context"
)

// Activities returns the work outside the steps, in the order of the vertices. All layers pulled for one
// vertex are one activity.
func (g *Graph) Activities() []Activity {
	var activities []Activity
	for _, node := range g.nodes {
		if pulled, ok := node.pulled(); ok {
			activities = append(activities, pulled)
		}
		kind, label := classify(node.Name)
		if kind == "" || len(node.Spans) == 0 {
			continue
		}
		whole := Span{Start: node.Spans[0].Start, End: node.Spans[len(node.Spans)-1].End}
		activities = append(activities, Activity{Kind: kind, Label: label, Span: whole, Bytes: node.transferred()})
	}
	return slices.DeleteFunc(activities, func(a Activity) bool { return !a.End.After(a.Start) })
}

// classify returns the kind and label of the activity that a vertex with the name does; empty if it does
// none.
func classify(name string) (kind, label string) {
	if ref, ok := strings.CutPrefix(name, importPrefix); ok {
		return KindImport, ref
	}
	if place, ok := strings.CutPrefix(name, exportPrefix); ok {
		return KindExport, place
	}
	switch {
	case strings.HasPrefix(name, "exporting to "), strings.HasPrefix(name, "pushing "):
		return KindPush, name
	case strings.HasPrefix(name, "[internal] load build context"):
		return KindContext, "build context"
	case strings.HasPrefix(name, "[context "):
		label, _, _ := strings.Cut(strings.TrimPrefix(name, "[context "), "]")
		return KindContext, "context " + label
	}
	return "", ""
}

// unpackPrefix starts the id of the status of a layer that is unpacked. The layer's digest follows.
const unpackPrefix = "extracting "

// unpacked reports whether a layer was unpacked for the vertex.
func (n *Node) unpacked() bool {
	return slices.ContainsFunc(n.Statuses, func(s Status) bool { return strings.HasPrefix(s.ID, unpackPrefix) && s.Completed != nil })
}

// pulled returns the download and extraction of the vertex's layers. It is false if there were none.
func (n *Node) pulled() (Activity, bool) {
	activity := Activity{Kind: KindPull, Label: n.Name}
	if match := stepName.FindStringSubmatch(n.Name); match != nil {
		activity.Label = match[5]
	}
	for _, status := range n.Statuses {
		layer := strings.TrimPrefix(status.ID, unpackPrefix)
		if !strings.HasPrefix(layer, "sha256:") || status.Started == nil || status.Completed == nil {
			continue
		}
		if activity.Start.IsZero() || status.Started.Before(activity.Start) {
			activity.Start = *status.Started
		}
		if status.Completed.After(activity.End) {
			activity.End = *status.Completed
		}
		if layer == status.ID {
			activity.Bytes += status.Total
		}
	}
	return activity, !activity.Start.IsZero()
}

// transferred returns the number of bytes that the vertex of a context received.
func (n *Node) transferred() int64 {
	var bytes int64
	for _, status := range n.Statuses {
		if strings.HasPrefix(status.ID, "transferring ") {
			bytes += status.Current
		}
	}
	return bytes
}
