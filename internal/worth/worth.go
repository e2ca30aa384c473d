// Package worth says what a cache saved in one build and whether it pays: seconds along the critical path, less what the cache
// itself took, and the money that this is, against the price of keeping the cache.
package worth

import (
	"fmt"

	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/variables"
)

// The answers.
const (
	Keep    = "keep"
	Drop    = "drop"
	Unknown = "unknown"
)

// Evidence is what an answer rests on.
type Evidence struct {
	// Steps are the build's; Remembered is how long each took when it last ran, nil where that is not known.
	Steps      []progress.Step
	Remembered []*float64
	// OverheadSeconds is what the cache's import and export added.
	OverheadSeconds float64
	// CacheBytes is the cache's size, nil where it is not known.
	CacheBytes *int64
	Prices     variables.Prices
}

// Answer is what came of it. What is not known is nil.
type Answer struct {
	// Worth is one of the constants above, Reason says why.
	Worth, Reason string
	// Without and With are the critical path's seconds, without the cache and as they were.
	Without, With float64
	// SavedSeconds is Without less With and the overhead.
	SavedSeconds *float64
	SavedUSD     *float64
	// StorageUSDPerMonth is what keeping the cache costs.
	StorageUSDPerMonth *float64
	// NetUSDPer100Builds is what 100 such builds save, less the storage for the time that they take to come.
	NetUSDPer100Builds *float64
	// Arithmetic shows how the figures were reached.
	Arithmetic []string
}

const bytesPerGB = 1e9

// Of answers.
func Of(e Evidence) Answer {
	a := Answer{Worth: Unknown}
	if e.CacheBytes != nil {
		storage := float64(*e.CacheBytes) / bytesPerGB * e.Prices.GBMonth
		a.StorageUSDPerMonth = &storage
	}
	cached, unknown := 0, 0
	for i, step := range e.Steps {
		if step.Cached && !step.IsFrom() {
			cached++
			if e.Remembered[i] == nil {
				unknown++
			}
		}
	}
	switch {
	case cached == 0:
		a.Reason = "no step came from the cache, so this build cannot tell what the cache saves"
		return a
	case unknown > 0:
		a.Reason = fmt.Sprintf("how long %d of the %d cached steps take to run is not known yet: a build that runs them remembers it", unknown, cached)
		return a
	}
	a.Without = criticalPath(e.Steps, func(i int) float64 {
		if remembered := e.Remembered[i]; remembered != nil && (e.Steps[i].Cached || e.Steps[i].IsFrom()) {
			return max(*remembered, e.Steps[i].Seconds)
		}
		return e.Steps[i].Seconds
	})
	a.With = criticalPath(e.Steps, func(i int) float64 { return e.Steps[i].Seconds })
	a.judge(e)
	return a
}

// judge turns the seconds into money.
func (a *Answer) judge(e Evidence) {
	saved := a.Without - a.With - e.OverheadSeconds
	usd := saved / 60 * e.Prices.Minute
	hundred := 100 * usd
	a.SavedSeconds, a.SavedUSD, a.NetUSDPer100Builds = &saved, &usd, &hundred
	a.Arithmetic = []string{
		fmt.Sprintf("saved: %.1f s for the longest chain of steps without the cache - %.1f s with it - %.1f s for import and export = %.1f s", a.Without, a.With, e.OverheadSeconds, saved),
		fmt.Sprintf("100 such builds: 100 x %.1f s / 60 x %g USD a minute = %.2f USD", saved, e.Prices.Minute, hundred),
	}
	storage := "; what storing the cache costs is not known"
	if a.StorageUSDPerMonth != nil {
		share := *a.StorageUSDPerMonth * 100 / e.Prices.BuildsPerMonth
		hundred -= share
		a.Arithmetic = append(a.Arithmetic,
			fmt.Sprintf("storage: %.3f GB x %g USD a month = %.3f USD a month, at %g builds a month %.3f USD for 100 builds", float64(*e.CacheBytes)/bytesPerGB, e.Prices.GBMonth, *a.StorageUSDPerMonth, e.Prices.BuildsPerMonth, share),
			fmt.Sprintf("net: %.2f USD for 100 builds", hundred))
		storage = fmt.Sprintf(", and storing the cache meanwhile costs %.2f USD", share)
	}
	a.Worth = Keep
	if saved <= 0 || hundred <= 0 {
		a.Worth = Drop
	}
	a.Reason = fmt.Sprintf("100 builds like this one save %.1f minutes (%.2f USD)%s", 100*saved/60, 100*usd, storage)
}

// criticalPath is the longest chain of steps that wait for each other. A step waits for its inputs; those come before it in
// the list or not, but never in a circle.
func criticalPath(steps []progress.Step, cost func(int) float64) float64 {
	ends := make([]float64, len(steps))
	done := make([]bool, len(steps))
	var end func(int) float64
	end = func(i int) float64 {
		if done[i] {
			return ends[i]
		}
		done[i] = true
		var start float64
		for _, input := range steps[i].Inputs {
			start = max(start, end(input))
		}
		ends[i] = start + cost(i)
		return ends[i]
	}
	var longest float64
	for i := range steps {
		longest = max(longest, end(i))
	}
	return longest
}
