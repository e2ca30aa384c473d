package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

// habits describe how people commit. Figures without a source are assumptions, which docs/evidence/scale.md
// lists.
type habits struct {
	// oneCommit is the share of branches with a single commit, commits the mean over all branches: 10,193
	// merged pull requests of as many organizations have a median of 1, a third quartile of 3 and a mean of
	// 3.26 (https://dev.to/packmind/observations-on-10000-github-pull-requests-gmn).
	oneCommit, commits float64
	// daysOpen is the mean life of a branch. An assumption.
	daysOpen float64
	// same is the share of builds that change nothing in the image, dependencies the share that changes its
	// dependencies; the rest change its source. Assumptions.
	same, dependencies float64
}

var usual = habits{oneCommit: 0.6, commits: 3.26, daysOpen: 2, same: 0.15, dependencies: 0.05}

// buildsPerBranch returns the builds of a branch: one per commit, and one on the default branch for the
// merge.
func (h habits) buildsPerBranch() float64 { return h.commits + 1 }

// build is one build of an app. Branch 0 is the default branch.
type build struct {
	day    float64
	branch int
	change change
}

// appBuilds returns the builds of one app over the given days, ordered by time. Branches are opened as a
// Poisson process.
func (h habits) appBuilds(random *rand.Rand, perDay float64, days int) []build {
	builds := []build{{day: 0, change: everything}}
	branch := 0
	for opened := random.ExpFloat64() * h.buildsPerBranch() / perDay; opened < float64(days); opened += random.ExpFloat64() * h.buildsPerBranch() / perDay {
		branch++
		merged := opened + random.ExpFloat64()*h.daysOpen
		changed := nothing
		for n := range h.commitsOf(random) {
			at := opened
			if n > 0 {
				at += random.Float64() * (merged - opened)
			}
			c := h.changeOf(random)
			changed = larger(changed, c)
			builds = append(builds, build{at, branch, c})
		}
		builds = append(builds, build{day: merged, change: changed})
	}
	slices.SortStableFunc(builds, func(a, b build) int {
		switch {
		case a.day < b.day:
			return -1
		case a.day > b.day:
			return 1
		}
		return 0
	})
	return builds
}

// commitsOf draws the number of commits of a branch: one, or at least two with a geometric distribution.
func (h habits) commitsOf(random *rand.Rand) int {
	if random.Float64() < h.oneCommit {
		return 1
	}
	more := (h.commits-h.oneCommit)/(1-h.oneCommit) - 2
	return 2 + int(math.Log(1-random.Float64())/math.Log(more/(more+1)))
}

func (h habits) changeOf(random *rand.Rand) change {
	switch x := random.Float64(); {
	case x < h.same:
		return nothing
	case x < h.same+h.dependencies:
		return dependencies
	}
	return source
}

// larger returns the combined effect of two changes.
func larger(a, b change) change {
	for _, c := range []change{everything, dependencies, source} {
		if a == c || b == c {
			return c
		}
	}
	return nothing
}
