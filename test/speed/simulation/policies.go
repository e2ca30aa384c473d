package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/policy"
)

// What is replayed: each image with each speed of the network in bytes a second, some histories of each.
const (
	replayedCommits   = 200
	replayedPerDay    = 10
	replayedHistories = 5
)

var networks = []float64{12.5e6, 125e6, 1250e6}

// policyResult is what acting did in one history, against the same choice for all builds.
type policyResult struct {
	image   string
	network float64
	acting  totals
	fixed   map[policy.Choice]totals
}

var fixedChoices = []policy.Choice{policy.All, policy.Final, policy.None}

// replayPolicies replays all histories.
func replayPolicies(seed uint64) []policyResult {
	var results []policyResult
	for _, i := range images {
		for _, network := range networks {
			for history := range uint64(replayedHistories) {
				own := seed*1000 + history
				commits := commitsOf(seeded(own), replayedCommits, replayedPerDay)
				result := policyResult{image: i.name, network: network, fixed: map[policy.Choice]totals{}}
				result.acting = newReplay(i, network, own, "").replayAll(commits)
				for _, c := range fixedChoices {
					result.fixed[c] = newReplay(i, network, own, c).replayAll(commits)
				}
				results = append(results, result)
			}
		}
	}
	return results
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }

// best returns the choice with which all builds together take the shortest.
func (r policyResult) best() policy.Choice {
	return slices.MinFunc(fixedChoices, func(a, b policy.Choice) int {
		if r.fixed[a].seconds < r.fixed[b].seconds {
			return -1
		}
		return 1
	})
}

// lost is the share of time that acting took longer than the best fixed choice.
func (r policyResult) lost() float64 { return r.acting.seconds/r.fixed[r.best()].seconds - 1 }

// percentile returns the value below which the share of the values is.
func percentile(values []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

// policySummary is the result of several histories.
type policySummary struct {
	lost95, lostMost, lostMean float64
	// storedMean is the mean share of what all layers store in a history.
	storedMean float64
	// seconds of a build, and stored bytes, in the mean.
	seconds, stored map[policy.Choice]float64
	chosen          map[policy.Choice]int
}

// acting is the key of the policy in the maps of a summary.
const acting policy.Choice = ""

func summarizePolicies(results []policyResult) policySummary {
	s := policySummary{seconds: map[policy.Choice]float64{}, stored: map[policy.Choice]float64{}, chosen: map[policy.Choice]int{}}
	var lost []float64
	for _, r := range results {
		lost = append(lost, r.lost())
		s.lostMean += r.lost() / float64(len(results))
		s.storedMean += r.acting.byteDays / r.fixed[policy.All].byteDays / float64(len(results))
		note := func(c policy.Choice, t totals) {
			s.seconds[c] += t.seconds / replayedCommits / float64(len(results))
			s.stored[c] += t.byteDays / t.today / float64(len(results))
		}
		note(acting, r.acting)
		for c, t := range r.fixed {
			note(c, t)
		}
		for c, n := range r.acting.chosen {
			s.chosen[c] += n
		}
	}
	s.lost95, s.lostMost = percentile(lost, 0.95), slices.Max(lost)
	return s
}

// storedShare is what acting stores, as a share of what all layers do.
func (s policySummary) storedShare() float64 { return s.stored[acting] / s.stored[policy.All] }

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func bitsPerSecond(network float64) string {
	if bits := network * 8; bits < 1e9 {
		return number(bits/1e6) + " Mbit/s"
	}
	return number(network*8/1e9) + " Gbit/s"
}

// policyTable has a line for each image and network, and one for all together.
func policyTable(results []policyResult) string {
	rows := [][]string{{"image", "network", "all: a build", "final", "none", "act", "act chose", "time lost", "stored"}}
	line := func(name, network string, some []policyResult) {
		s := summarizePolicies(some)
		row := []string{name, network}
		for _, c := range []policy.Choice{policy.All, policy.Final, policy.None, acting} {
			row = append(row, fmt.Sprintf("%.1f s", s.seconds[c]))
		}
		total := s.chosen[policy.All] + s.chosen[policy.Final] + s.chosen[policy.None]
		var chose []string
		for _, c := range fixedChoices {
			switch share := 100 * float64(s.chosen[c]) / float64(total); {
			case share >= 0.5:
				chose = append(chose, fmt.Sprintf("%s %.0f %%", string(c), share))
			case share > 0:
				chose = append(chose, string(c)+" < 1 %")
			}
		}
		stored := percent(s.storedShare())
		if network == "" {
			stored += " of the bytes, " + percent(s.storedMean) + " in the mean"
		}
		rows = append(rows, append(row, strings.Join(chose, ", "), percent(s.lost95), stored))
	}
	for _, i := range images {
		for _, network := range networks {
			line(i.name, bitsPerSecond(network), slices.DeleteFunc(slices.Clone(results), func(r policyResult) bool { return r.image != i.name || r.network != network }))
		}
	}
	line("all together", "", results)
	return table(rows...)
}
