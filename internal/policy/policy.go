// Package policy chooses what a build does with the cache of its image, by what the last builds showed: read and
// write all layers, read and write those of the last stage, or neither.
//
// The record of the cache has a history. For each of the last builds it has how long the build's steps take with each
// of the choices: measured for the choice that was in force, calculated from the times of the steps for the others,
// together with what import, export and push took when they were last seen. A layer that was made again has other
// bytes, so without a cache the image's push takes longer. The choice with the shortest builds on average wins. Among
// choices that are about equal, the one that stores least wins. A choice that is not in force is tried again now and then,
// as far as the trials take at most a hundredth of the time of all builds. Nothing depends on a clock.
package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Choice is what a build does with its cache.
type Choice string

// The choices, from the one that stores least.
const (
	// None neither reads nor writes the cache.
	None Choice = "none"
	// Final reads the cache, and writes the layers of the last stage.
	Final Choice = "final"
	// All reads the cache, and writes the layers of all stages.
	All Choice = "all"
)

var choices = []Choice{None, Final, All}

// words describe the choices in reports.
var words = map[Choice]string{None: "no cache", Final: "the last stage's layers", All: "all layers"}

// String returns the choice in words.
func (c Choice) String() string { return words[c] }

const (
	// version is the version of the history's format. Histories of other versions are kept as they are, and not used.
	version = 1
	// maxBuilds is the number of builds that a history keeps.
	maxBuilds = 30
	// minBuilds is the number of builds that have to show how a choice does before it is given up; one is enough if another
	// choice is clearly better: by clearMargin.
	minBuilds   = 3
	clearMargin = 0.5
	// minSame is the number of builds with a Dockerfile from which on those with others do not count any more.
	minSame = 10
	// tolerance is the share of the time of a build below which two choices count as equal.
	tolerance = 0.02
	// trialShare is the share of the time of all builds that trials may take, and minTrialInterval the number of builds
	// between two trials at least.
	trialShare       = 0.01
	minTrialInterval = 25
	// newWeight is the weight of a new measurement of what import, export and push take, from 0 to 1. Those before have the
	// rest.
	newWeight = 0.3
)

// History is what the builds with a cache showed.
type History struct {
	Version int `json:"version"`
	// Builds are the last builds, the latest one last.
	Builds []Build `json:"builds"`
	// Costs are what import, export and push take with a choice.
	Costs map[Choice]Cost `json:"costs,omitempty"`
	// SinceTrial is the number of builds since another choice was tried or left.
	SinceTrial int `json:"sinceTrial,omitempty"`
	// other is a history of another version, as it was read.
	other json.RawMessage
}

// Cost is how many seconds a build takes besides its steps.
type Cost struct {
	Import float64 `json:"import"`
	// Push is the seconds for the push of an image of which a step ran.
	Push float64 `json:"push"`
	// Export is the seconds for the export in a build that found the cache, FirstExport in a build that had none to read.
	Export      float64 `json:"export"`
	FirstExport float64 `json:"firstExport,omitempty"`
}

// Build is what one build showed.
type Build struct {
	// Choice was in force. Trial is true if it was tried.
	Choice Choice `json:"choice"`
	Trial  bool   `json:"trial,omitempty"`
	// First is true if there was no cache with the layers of the choice, so that the build does not show what it saves.
	First bool `json:"first,omitempty"`
	// Dockerfile is its digest; empty if not known.
	Dockerfile string `json:"dockerfile,omitempty"`
	// Times are what the build takes with each choice, as far as it is known.
	Times map[Choice]Time `json:"times"`
	// Import and Export are what the cache added, Push is how long the push of the image took besides.
	Import float64 `json:"import,omitempty"`
	Export float64 `json:"export,omitempty"`
	Push   float64 `json:"push,omitempty"`
}

// Time is what a build takes with a choice, without import and export.
type Time struct {
	Seconds float64 `json:"seconds"`
	// Runs is true if at least one step has to run, so that there is something to export.
	Runs bool `json:"runs,omitempty"`
}

// plain is a History without its methods.
type plain History

// UnmarshalJSON keeps a history of another version as it is, and one that is damaged as an empty one.
func (h *History) UnmarshalJSON(content []byte) error {
	var format struct{ Version int }
	if json.Unmarshal(content, &format) == nil && format.Version != version {
		*h = History{Version: format.Version, other: slices.Clone(content)}
		return nil
	}
	var read plain
	if json.Unmarshal(content, &read) != nil {
		read = plain{}
	}
	*h = History(read)
	h.Builds = slices.DeleteFunc(h.Builds, func(b Build) bool { return words[b.Choice] == "" })
	return nil
}

// MarshalJSON writes a history of another version as it was read.
func (h History) MarshalJSON() ([]byte, error) {
	if h.other != nil {
		return h.other, nil
	}
	return json.Marshal(plain(h))
}

// Known reports whether the history can be used and added to: it is not of another version.
func (h History) Known() bool { return h.other == nil }

// Add returns the history with one more build. It forgets the oldest. The receiver is not changed.
func (h History) Add(b Build) History {
	if !h.Known() {
		return h
	}
	left := h.settled() != b.Choice
	added := History{
		Version: version, Builds: append(slices.Clone(h.Builds), b), Costs: map[Choice]Cost{},
		SinceTrial: h.SinceTrial + 1,
	}
	added.Builds = added.Builds[max(0, len(added.Builds)-maxBuilds):]
	for choice, cost := range h.Costs {
		added.Costs[choice] = cost
	}
	added.Costs[b.Choice] = h.Costs[b.Choice].with(b)
	if left {
		added.SinceTrial = 0
	}
	return added
}

// with returns the cost with the build.
func (c Cost) with(b Build) Cost {
	mix := func(before, now float64) float64 {
		if before == 0 {
			return now
		}
		return (1-newWeight)*before + newWeight*now
	}
	switch {
	case b.First:
		c.FirstExport = mix(c.FirstExport, b.Export)
	case b.Times[b.Choice].Runs:
		c.Import, c.Export, c.Push = mix(c.Import, b.Import), mix(c.Export, b.Export), mix(c.Push, b.Push)
	default:
		c.Import = mix(c.Import, b.Import)
	}
	return c
}

// cost returns what import, export and push take with a choice. Of one that was never in force the export is taken to cost
// nothing, and the push as much as with the settled choice, so that it is tried as long as it may be the best.
func (h History) cost(c Choice) Cost {
	if cost, ok := h.Costs[c]; ok {
		return cost
	}
	return h.lowestCost(c)
}

// lowestCost is the least that import, export and push can cost with a choice that was never measured.
func (h History) lowestCost(c Choice) Cost {
	settled := h.Costs[h.settled()]
	if c == None {
		return Cost{Push: settled.Push}
	}
	return Cost{Import: h.Costs[otherCache(c)].Import, Push: settled.Push}
}

// otherCache returns All for Final, and Final for All.
func otherCache(c Choice) Choice {
	if c == All {
		return Final
	}
	return All
}

// settled returns the choice that was in force last, apart from trials; "" if there is none.
func (h History) settled() Choice {
	for _, b := range slices.Backward(h.Builds) {
		if !b.Trial {
			return b.Choice
		}
	}
	return ""
}

// seconds returns how long the build takes with the choice, with import, export and push. Where they were not measured,
// they cost as much as given.
func (b Build) seconds(c Choice, cost Cost) (seconds float64, known bool) {
	time, known := b.Times[c]
	switch {
	case !known:
		return 0, false
	case c == b.Choice && !b.First:
		return time.Seconds + b.Import + b.Export + b.Push, true
	}
	seconds = time.Seconds + cost.Import
	if time.Runs {
		seconds += cost.Export + cost.Push
	}
	return seconds, true
}

// Now is what is known before a build.
type Now struct {
	// Dockerfile is its digest; empty if not known.
	Dockerfile string
	// Usual is the choice that the settings make: All or Final. A choice that stores more is never made.
	Usual Choice
	// Follows is true for a build that does not add itself to the history. It makes no trial: it could not record what
	// the trial showed, and the builds after it would make the same trial.
	Follows bool
}

// Decision is the choice for a build.
type Decision struct {
	Choice Choice
	// Trial is true if the choice is only tried.
	Trial bool
	// Reason is why, with the figures. It is a clause.
	Reason string
}

// Choose returns the choice for the next build.
func (h History) Choose(now Now) Decision {
	decision := h.choose(now)
	if decision.Trial && now.Follows {
		return Decision{Choice: h.settled(), Reason: fmt.Sprintf("a build that can record the result is to try %s next", decision.Choice)}
	}
	return decision
}

func (h History) choose(now Now) Decision {
	if !h.Known() {
		return Decision{Choice: now.Usual, Reason: fmt.Sprintf("the history was written by another version of layercache (format %d)", h.Version)}
	}
	settled := h.settled()
	if settled == "" || !now.allows(settled) {
		return Decision{Choice: now.Usual, Reason: "no build has shown yet what the cache saves"}
	}
	if last := h.Builds[len(h.Builds)-1]; last.Trial && last.First && now.allows(last.Choice) {
		return Decision{Choice: last.Choice, Trial: true, Reason: "it is tried again: this build reads what the last one wrote"}
	}
	s := h.summarize(now, settled)
	best := s.best()
	missing := minBuilds - h.shown(settled)
	if s.builds == 0 && missing <= 0 {
		return Decision{Choice: now.Usual, Reason: "no build has shown yet what the cache saves"}
	}
	if missing > 0 && s.mean[settled] <= (1+clearMargin)*s.mean[best] {
		return Decision{Choice: settled, Reason: fmt.Sprintf("it is judged after %d builds that could read its layers, %d more", minBuilds, missing)}
	}
	if _, measured := h.Costs[None]; best == None && settled != None && !measured {
		return Decision{Choice: None, Trial: true, Reason: "it is tried, because how long the push takes without a cache is not known"}
	}
	if best != settled {
		return Decision{Choice: best, Reason: s.reason(best)}
	}
	if candidate, ok := h.trial(now, s); ok {
		return Decision{Choice: candidate, Trial: true, Reason: fmt.Sprintf("it is tried again after %d builds with %s", h.SinceTrial, settled)}
	}
	return Decision{Choice: settled, Reason: s.reason(settled)}
}

func (n Now) allows(c Choice) bool { return slices.Index(choices, c) <= slices.Index(choices, n.Usual) }

// shown returns how many of the last builds in a row show how the choice does. A build without the cache shows it at once.
func (h History) shown(c Choice) int {
	if c == None {
		return minBuilds
	}
	count := 0
	for _, b := range slices.Backward(h.Builds) {
		if b.Trial {
			continue
		}
		if b.Choice != c {
			break
		}
		if !b.First {
			count++
		}
	}
	return count
}

// summary compares the choices over the builds that count.
type summary struct {
	settled Choice
	builds  int
	// mean is the mean time of a build with each choice that is known. It is that with the settled choice, less the mean
	// of the differences over the builds of which both are known.
	mean map[Choice]float64
	// start is what a choice costs once, when its first layers are written.
	start map[Choice]float64
	// lowestMeanNone is the mean without a cache if its push took no longer than with the settled choice.
	lowestMeanNone float64
}

// summarize compares the choices over the builds with the Dockerfile, or over all while those are few.
func (h History) summarize(now Now, settled Choice) summary {
	counts := func(b Build) bool { _, known := b.Times[settled]; return known && !b.First }
	var all, same []Build
	for _, b := range h.Builds {
		if counts(b) {
			all = append(all, b)
			if b.Dockerfile == now.Dockerfile {
				same = append(same, b)
			}
		}
	}
	if len(same) >= minSame {
		all = same
	}
	s := summary{settled: settled, builds: len(all), mean: map[Choice]float64{}, start: map[Choice]float64{}}
	for _, b := range all {
		seconds, _ := b.seconds(settled, h.cost(settled))
		s.mean[settled] += seconds / float64(len(all))
	}
	mean := func(c Choice, cost Cost) (seconds float64, known bool) {
		saved, pairs := 0.0, 0
		for _, b := range all {
			if other, known := b.seconds(c, cost); known {
				own, _ := b.seconds(settled, h.cost(settled))
				saved += own - other
				pairs++
			}
		}
		return s.mean[settled] - saved/float64(max(pairs, 1)), pairs > 0
	}
	for _, c := range choices {
		if c == settled || !now.allows(c) {
			continue
		}
		if seconds, known := mean(c, h.cost(c)); known {
			s.mean[c], s.start[c] = seconds, h.cost(c).FirstExport
		}
	}
	s.lowestMeanNone, _ = mean(None, h.lowestCost(None))
	return s
}

// best returns the choice with the shortest builds. Of those that are about as short, it is the one that stores least. A
// choice that stores more has to save what its first export takes within the builds that a history has.
func (s summary) best() Choice {
	shortest := s.settled
	for _, c := range choices {
		if mean, known := s.mean[c]; known && mean+s.startPerBuild(c) < s.mean[shortest]+s.startPerBuild(shortest) {
			shortest = c
		}
	}
	limit := s.mean[shortest] * (1 + tolerance)
	if s.mean[s.settled] <= limit && shortest != None && s.stores(shortest) > s.stores(s.settled) {
		shortest, limit = s.settled, s.mean[s.settled]
	}
	for _, c := range choices {
		if mean, known := s.mean[c]; known && mean <= limit && s.stores(c) < s.stores(shortest) {
			return c
		}
	}
	return shortest
}

func (s summary) stores(c Choice) int { return slices.Index(choices, c) }

// startPerBuild returns the part of a build in what the choice costs once.
func (s summary) startPerBuild(c Choice) float64 {
	if s.stores(c) <= s.stores(s.settled) {
		return 0
	}
	return s.start[c] / maxBuilds
}

// reason gives the figures, those of the choice first.
func (s summary) reason(c Choice) string {
	figures := []string{fmt.Sprintf("%.1f s with %s", s.mean[c], c)}
	for _, other := range choices {
		if mean, known := s.mean[other]; known && other != c {
			figures = append(figures, fmt.Sprintf("%.1f s with %s", mean, other))
		}
	}
	builds := fmt.Sprintf("means of the last %d builds", s.builds)
	if s.builds == 1 {
		builds = "the last build"
	}
	return fmt.Sprintf("steps, import, export and push take %s (%s, calculated from their steps)", strings.Join(figures, ", "), builds)
}

// trial returns the choice to try again, if one is due: of those that store more than the settled one, the one that saves
// most; or no cache, if a faster push could make that the best.
func (h History) trial(now Now, s summary) (candidate Choice, due bool) {
	extra := 0.0
	switch {
	case s.settled != now.Usual:
		candidate = now.Usual
		for _, c := range choices[s.stores(s.settled)+1:] {
			if mean, known := s.mean[c]; known && now.allows(c) && mean < s.mean[candidate] {
				candidate = c
			}
		}
		extra = 2*max(0, s.mean[candidate]-s.mean[s.settled]) + s.start[candidate]
	case s.settled != None && s.lowestMeanNone < s.mean[s.settled]:
		candidate, extra = None, max(0, s.mean[None]-s.mean[s.settled])
	default:
		return "", false
	}
	interval := max(minTrialInterval, extra/(trialShare*s.mean[s.settled]))
	if h.Builds[len(h.Builds)-1].Dockerfile != now.Dockerfile {
		interval /= 2
	}
	return candidate, float64(h.SinceTrial) >= interval
}
