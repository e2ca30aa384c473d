// Package worth estimates what a cache saved in one build and whether the cache is worth its cost: the
// seconds saved on the critical path, less the time that the cache itself took, in US dollars, against the
// price of storing the cache.
package worth

import (
	"cmp"
	"fmt"
	"math"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/variables"
)

// The values of Assessment.Worth.
const (
	Keep    = "keep"
	Drop    = "drop"
	Unknown = "unknown"
)

// Evidence is the input of an assessment.
type Evidence struct {
	// Steps are the steps of the build. RunSeconds is how long each took when it last ran; nil when not
	// known.
	Steps      []progress.Step
	RunSeconds []*float64
	// EmptySeconds is how long each step would have taken if its cache mounts had not been restored. It is nil for the
	// steps without restored mounts, and when not known. An empty list means nil for all.
	EmptySeconds []*float64
	// OverheadSeconds is the time that import and export of the cache added, and SaveWaitSeconds that of the saves of
	// cache mounts.
	OverheadSeconds, SaveWaitSeconds float64
	// CacheBytes is the size of the cache; nil when not known. MountBytes is the size of its cache mounts.
	CacheBytes *int64
	MountBytes int64
	Prices     variables.Prices
}

// Assessment is the result of Assess. Unknown figures are nil.
type Assessment struct {
	// Worth is Keep, Drop or Unknown; Reason explains it.
	Worth, Reason string
	// Without and With are the length of the critical path in seconds, without the cache and with it.
	Without, With float64
	// SavedSeconds is Without less With and the overhead.
	SavedSeconds *float64
	SavedUSD     *float64
	// StorageUSDPerMonth is the cost of storing the cache.
	StorageUSDPerMonth *float64
	// NetUSDPer100Builds is what 100 such builds save, less the cost of storage for as long as they take at
	// BuildsPerMonth.
	NetUSDPer100Builds *float64
	// Arithmetic shows how the figures were calculated.
	Arithmetic []string
}

const bytesPerGB = 1e9

// Assess estimates what the cache saved and costs.
func Assess(e Evidence) Assessment {
	a := Assessment{Worth: Unknown}
	if e.CacheBytes != nil {
		storage := e.gigabytes() * e.Prices.GBMonth
		a.StorageUSDPerMonth = &storage
	}
	cached, unknown, filled := 0, 0, 0
	for i, step := range e.Steps {
		if e.emptySeconds(i) != nil {
			filled++
		}
		if step.Cached && !step.IsFrom() && !step.Earlier {
			cached++
			if e.RunSeconds[i] == nil {
				unknown++
			}
		}
	}
	switch {
	case cached == 0 && filled == 0:
		a.Reason = "no step came from the cache, so this build does not show what the cache saves"
		return a
	case unknown > 0:
		a.Reason = fmt.Sprintf("the run time of %d of the %d cached steps is not known yet; the next build that runs them records it", unknown, cached)
		return a
	}
	inputs := func(i int) []int { return e.Steps[i].Inputs }
	a.Without = progress.LongestChain(len(e.Steps), inputs, func(i int) float64 {
		if empty := e.emptySeconds(i); empty != nil {
			return *empty
		}
		if ran := e.RunSeconds[i]; ran != nil && (e.Steps[i].Cached || e.Steps[i].IsFrom()) && !e.Steps[i].Earlier {
			return max(*ran, e.Steps[i].Seconds)
		}
		return e.Steps[i].Seconds
	})
	a.With = progress.LongestChain(len(e.Steps), inputs, func(i int) float64 { return e.Steps[i].Seconds })
	a.weigh(e)
	return a
}

// emptySeconds returns the step's element of EmptySeconds.
func (e Evidence) emptySeconds(step int) *float64 {
	if step >= len(e.EmptySeconds) {
		return nil
	}
	return e.EmptySeconds[step]
}

// gigabytes returns the size of the cache and its mounts. CacheBytes must be known.
func (e Evidence) gigabytes() float64 { return float64(*e.CacheBytes+e.MountBytes) / bytesPerGB }

// describeMounts returns what the restored cache mounts saved; nothing if that is not known of any step.
func (e Evidence) describeMounts() []string {
	var empty, filled float64
	count := 0
	for i, step := range e.Steps {
		if seconds := e.emptySeconds(i); seconds != nil {
			count++
			empty += *seconds
			filled += step.Seconds
		}
	}
	if count == 0 {
		return nil
	}
	return []string{fmt.Sprintf("cache mounts: %d of the steps ran with restored mounts: %.1f s with empty ones (median of earlier builds) - %.1f s with them and their restore = %.1f s, part of what is saved", count, empty, filled, empty-filled)}
}

// weigh converts the saved seconds to US dollars, subtracts the cost of storage, and sets Worth and Reason.
func (a *Assessment) weigh(e Evidence) {
	saved := a.Without - a.With - e.OverheadSeconds - e.SaveWaitSeconds
	wait := ""
	if e.SaveWaitSeconds > 0 {
		wait = fmt.Sprintf(" - %.1f s of waiting for cache mounts to be saved", e.SaveWaitSeconds)
	}
	usd := saved / 60 * e.Prices.Minute
	net := 100 * usd
	a.Arithmetic = append(e.describeMounts(),
		fmt.Sprintf("saved: %.1f s for the longest chain of steps without the cache - %.1f s with it - %.1f s for import and export%s = %.1f s", a.Without, a.With, e.OverheadSeconds, wait, rounded(saved, 1)),
		fmt.Sprintf("100 such builds: 100 x %.1f s / 60 x %g USD a minute = %.2f USD", rounded(saved, 1), e.Prices.Minute, rounded(net, 2)),
	)
	storage := "; the cost of storing the cache is not known"
	if a.StorageUSDPerMonth != nil {
		share := *a.StorageUSDPerMonth * 100 / e.Prices.BuildsPerMonth
		net -= share
		a.Arithmetic = append(a.Arithmetic,
			fmt.Sprintf("storage: %.3f GB x %g USD a month = %.3f USD a month, at %g builds a month %.3f USD for 100 builds", e.gigabytes(), e.Prices.GBMonth, *a.StorageUSDPerMonth, e.Prices.BuildsPerMonth, share),
			fmt.Sprintf("net: %.2f USD for 100 builds", rounded(net, 2)))
		storage = fmt.Sprintf("; storing the cache for that time costs %s", dollars(share))
	}
	a.SavedSeconds, a.SavedUSD, a.NetUSDPer100Builds = &saved, &usd, &net
	minutes := rounded(100*saved/60, 1)
	a.Worth = Keep
	if minutes <= 0 || net <= 0 {
		a.Worth = Drop
	}
	switch {
	case minutes == 0:
		a.Reason = "builds like this one take as long with the cache as without it" + storage
	case minutes < 0:
		a.Reason = fmt.Sprintf("100 builds like this one take %.1f minutes longer with the cache (%s)%s", -minutes, dollars(-100*usd), storage)
	default:
		a.Reason = fmt.Sprintf("100 builds like this one save %.1f minutes (%s)%s", minutes, dollars(100*usd), storage)
	}
}

// rounded returns the value with so many digits after the point, and 0 instead of -0, which fmt would write as -0.0.
func rounded(value float64, digits int) float64 {
	power := math.Pow10(digits)
	return cmp.Or(math.Round(value*power)/power, 0)
}

// dollars returns an amount that is not negative in words.
func dollars(usd float64) string {
	if usd > 0 && usd < 0.005 {
		return "less than 0.01 USD"
	}
	return fmt.Sprintf("%.2f USD", usd)
}
