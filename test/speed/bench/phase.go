package main

import (
	"fmt"
	"slices"

	"github.com/layercache/layercache/test/speed/bench/workload"
)

// phase is what happened before a build and what has changed since.
type phase struct {
	key, name string
	// seeded reports whether a cold build of the same flow comes first.
	seeded bool
	// release is the release of the base image that changes.
	release int
	// change applies the phase's change.
	change func(r *workload.Revision, token string)
	// branch is the value of LAYERCACHE_BRANCH; "main" if empty.
	branch string
	// linked uses COPY --link, in this build and the cold one.
	linked bool
	// verdicts are the valid verdicts of layercache.
	verdicts []string
}

const (
	cold         = "cold"
	unchanged    = "unchanged"
	source       = "source"
	sourceLinked = "source-link"
	dependency   = "dependency"
	base         = "base"
	baseLinked   = "base-link"
	branch       = "branch"
)

func phases() []phase {
	same := func(*workload.Revision, string) {}
	newSource := func(r *workload.Revision, token string) { r.Source = token }
	return []phase{
		{key: cold, name: "cold", release: 1, change: same, verdicts: []string{"cold"}},
		{key: unchanged, name: "unchanged", seeded: true, release: 1, change: same, verdicts: []string{"used"}},
		{key: source, name: "source changed", seeded: true, release: 1, change: newSource, verdicts: []string{"partly-used"}},
		{key: sourceLinked, name: "source changed, `COPY --link`", seeded: true, release: 1, change: newSource, linked: true, verdicts: []string{"partly-used"}},
		{key: dependency, name: "dependency changed", seeded: true, release: 1, verdicts: []string{"partly-used", "cold"},
			change: func(r *workload.Revision, token string) { r.Dependencies = token }},
		{key: base, name: "base changed", seeded: true, release: 2, change: same, verdicts: []string{"partly-used", "cold"}},
		{key: baseLinked, name: "base changed, `COPY --link`", seeded: true, release: 2, change: same, linked: true, verdicts: []string{"used"}},
		{key: branch, name: "another branch's first build", seeded: true, release: 1, change: same, branch: "feature", verdicts: []string{"used"}},
	}
}

func phaseNamed(key string) (phase, error) {
	for _, p := range phases() {
		if p.key == key {
			return p, nil
		}
	}
	return phase{}, fmt.Errorf("bench: unknown phase %q", key)
}

// right reports whether a verdict of layercache is valid for the phase. The workload "line" has no step that
// could be cached.
func (p phase) right(w workload.Workload, verdict string) bool {
	return w.Proof == "" && w.Key == "line" || slices.Contains(p.verdicts, verdict)
}
