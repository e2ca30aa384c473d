package policy

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// times are what a build takes with each choice, without import and export.
func times(all, final, none float64) map[Choice]Time {
	return map[Choice]Time{All: {Seconds: all, Runs: true}, Final: {Seconds: final, Runs: true}, None: {Seconds: none, Runs: true}}
}

// oneStage are the times of an image with one stage.
func oneStage(all, none float64) map[Choice]Time {
	t := times(all, 0, none)
	delete(t, Final)
	return t
}

// with is a build with the choice, whose import and export took a second each.
func with(c Choice, t map[Choice]Time) Build {
	b := Build{Choice: c, Dockerfile: "d", Times: t}
	if c != None {
		b.Import, b.Export = 1, 1
	}
	return b
}

func first(b Build, export float64) Build {
	b.First, b.Import, b.Export = true, 0, export
	return b
}

func trial(b Build) Build {
	b.Trial = true
	return b
}

// pushed is a trial without a cache whose push took the seconds.
func pushed(t map[Choice]Time, push float64) []Build {
	b := trial(with(None, t))
	b.Push = push
	return []Build{b}
}

func repeated(b Build, count int) []Build {
	var builds []Build
	for range count {
		builds = append(builds, b)
	}
	return builds
}

func history(parts ...[]Build) History {
	var h History
	for _, builds := range parts {
		for _, b := range builds {
			h = h.Add(b)
		}
	}
	return h
}

var now = Now{Dockerfile: "d", Usual: All}

func TestChoose(t *testing.T) {
	follower := Now{Dockerfile: "d", Usual: All, Follows: true}
	start := []Build{first(with(All, times(60, 60, 60)), 9)}
	useless, useful := oneStage(20, 20), oneStage(5, 60)
	cases := []struct {
		name    string
		history History
		now     Now
		choice  Choice
		trial   bool
		reason  string
	}{
		{"without a history, the settings decide", History{}, now, All, false, "no build has shown yet"},
		{"builds of which nothing is known decide nothing", history(repeated(Build{Choice: None}, 5)), now, All, false, "no build has shown yet"},
		{"without a history, the settings decide for the last stage", History{}, Now{Usual: Final}, Final, false, "no build has shown yet"},
		{"the first build does not show what the cache saves", history(start), now, All, false, "3 more"},
		{"a cache is judged after three builds that read it", history(start, repeated(with(All, useless), 2)), now, All, false, "1 more"},
		{"before a cache that saves nothing is given up, the push without it is measured", history(start, repeated(with(All, useless), 3)), now, None, true, "how long the push takes without a cache is not known"},
		{"a cache that saves nothing is not used", history(start, repeated(with(All, useless), 3), pushed(useless, 0)), now, None, false, "20.0 s with no cache, 22.0 s with all layers (means of the last 4 builds"},
		{"a cache that spares a long push is used", history(start, repeated(with(All, useless), 3), pushed(useless, 9)), now, All, false, "29.0 s with no cache"},
		{"the push is measured again, because it may have become faster", history(start, repeated(with(All, useless), 3), pushed(useless, 9), repeated(with(All, useless), 40)), now, None, true, "tried again after 40 builds with all layers"},
		{"one build is enough if no cache is clearly better", history(start, []Build{with(All, oneStage(200, 20))}, pushed(oneStage(200, 20), 0)), now, None, false, "20.0 s with no cache"},
		{"a cache that saves is used", history(start, repeated(with(All, useful), 3)), now, All, false, "7.0 s with all layers, 60.0 s with no cache"},
		{"of two choices that are about equal, the one that stores less wins", history(start, repeated(with(All, oneStage(98, 99)), 3), pushed(oneStage(98, 99), 0)), now, None, false, "99.0 s with no cache"},
		{"the last stage's layers do if the others run in each build", history(start, repeated(with(All, times(50, 50, 80)), 3)), now, Final, false, "51.0 s with the last stage's layers"},
		{"layers of other stages that save are kept", history(start, repeated(with(All, times(10, 50, 80)), 3)), now, All, false, "12.0 s with all layers"},
		{"a choice that stores more than the settings want is never made", history(repeated(with(Final, times(1, 50, 80)), 4)), Now{Dockerfile: "d", Usual: Final}, Final, false, "52.0 s with the last stage's layers, 80.0 s with no cache"},
		{"a choice that the settings do not want any more is left", history(repeated(with(All, useful), 4)), Now{Usual: Final}, Final, false, "no build has shown yet"},
		{"steps that got slower bring the cache back", history(start, repeated(with(All, useless), 3), repeated(with(None, useful), 4)), now, All, false, "with all layers"},
		{"a first export that takes longer than it will save does not", history([]Build{first(with(All, useless), 2000)}, repeated(with(All, useless), 3), repeated(with(None, oneStage(5, 50)), 4)), now, None, false, ""},
		{"without a reason to change, nothing is tried for a while", history(start, repeated(with(All, useless), 3), repeated(with(None, useless), 20)), now, None, false, "with no cache"},
		{"the cache is tried again", history(start, repeated(with(All, useless), 3), repeated(with(None, useless), 70)), now, All, true, "tried again after 69 builds with no cache"},
		{"a changed Dockerfile is a reason to try it earlier", history(start, repeated(with(All, useless), 3), repeated(with(None, useless), 50)), Now{Dockerfile: "other", Usual: All}, All, true, "tried again after 49 builds"},
		{"the same Dockerfile is none", history(start, repeated(with(All, useless), 3), repeated(with(None, useless), 50)), now, None, false, ""},
		{"the second build of a trial reads what the first wrote", history(start, repeated(with(All, useless), 3), repeated(with(None, useless), 70), []Build{trial(first(with(All, useless), 9))}), now, All, true, "reads what the last one wrote"},
		{"a trial that shows nothing new ends", history(start, repeated(with(All, useless), 3), repeated(with(None, useless), 70), []Build{trial(first(with(All, useless), 9)), trial(with(All, useless))}), now, None, false, "with no cache"},
		{"a build that follows does not measure the push", history(start, repeated(with(All, useless), 3)), follower, All, false, "is to try no cache next"},
		{"a build that follows does not try the cache again", history(start, repeated(with(All, useless), 3), repeated(with(None, useless), 70)), follower, None, false, "is to try all layers next"},
		{"a build that follows does not read what a trial wrote", history(start, repeated(with(All, useless), 3), repeated(with(None, useless), 70), []Build{trial(first(with(All, useless), 9))}), follower, None, false, "is to try all layers next"},
		{"a build that follows does what is settled", history(start, repeated(with(All, useless), 3), pushed(useless, 0)), follower, None, false, "20.0 s with no cache"},
		{"what is not known of the steps is tried", history(start, repeated(with(All, useless), 3), repeated(with(None, map[Choice]Time{None: {Seconds: 20, Runs: true}}), 50)), now, All, true, "tried again after 49 builds"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := c.history.Choose(c.now)
			assert.Equal(t, c.choice, got.Choice, got.Reason)
			assert.Equal(t, c.trial, got.Trial, got.Reason)
			assert.Contains(t, got.Reason, c.reason)
		})
	}
}

// A trial's price is paid back by the builds before the next one.
func TestTrialsTakeAHundredthOfTheTime(t *testing.T) {
	for _, export := range []float64{1, 30, 300} {
		h := history([]Build{first(with(All, oneStage(20, 20)), export)}, repeated(with(All, oneStage(20, 20)), 3))
		var all, extra float64
		for range 3000 {
			decision := h.Choose(now)
			b := with(decision.Choice, oneStage(20, 20))
			b.Trial = decision.Trial
			if decision.Choice != None && h.Builds[len(h.Builds)-1].Choice == None {
				b = first(b, export)
			}
			extra += b.Import + b.Export
			all += 20 + b.Import + b.Export
			h = h.Add(b)
		}
		assert.LessOrEqual(t, extra/all, 0.015, "an export of %v s", export)
		assert.NotZero(t, extra)
	}
}

// A history comes from a registry, so it may hold anything that has the form.
func TestAnyHistoryGivesAnAllowedChoice(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	number := func() float64 { return []float64{0, -1, 1, 1e-300, 1e300, 100 * random.Float64()}[random.IntN(6)] }
	for range 5000 {
		h := History{Version: version, SinceTrial: random.IntN(200) - 50, Costs: map[Choice]Cost{}}
		for range random.IntN(12) {
			b := Build{Choice: choices[random.IntN(3)], Trial: random.IntN(4) == 0, First: random.IntN(4) == 0, Import: number(), Export: number(), Push: number(), Times: map[Choice]Time{}}
			for _, c := range choices[:random.IntN(4)] {
				b.Times[c] = Time{number(), random.IntN(2) == 0}
			}
			h.Builds = append(h.Builds, b)
			h.Costs[choices[random.IntN(3)]] = Cost{number(), number(), number(), number()}
		}
		for _, usual := range []Choice{All, Final} {
			now := Now{Usual: usual}
			got := h.Choose(now)
			assert.True(t, now.allows(got.Choice) && words[got.Choice] != "", "%+v gives %+v", h, got)
			assert.NotEmpty(t, got.Reason)
		}
	}
}

func TestAHistoryIsBounded(t *testing.T) {
	h := history(repeated(with(All, times(10, 50, 80)), 500))
	assert.Len(t, h.Builds, maxBuilds)
	content, err := json.Marshal(h)
	require.NoError(t, err)
	assert.Less(t, len(content), 16<<10)
	var read History
	require.NoError(t, json.Unmarshal(content, &read))
	assert.Equal(t, h, read)
}

func TestAHistoryThatCannotBeReadIsNotUsed(t *testing.T) {
	type record struct {
		Policy *History `json:"policy"`
		Other  int      `json:"other"`
	}
	cases := []struct {
		name, content string
		known         bool
		// kept is true if the history is written as it was read.
		kept bool
	}{
		{"of a newer version", `{"policy":{"version":2,"builds":"in another form","more":[1]},"other":7}`, false, true},
		{"of another type", `{"policy":[1,2],"other":7}`, true, false},
		{"with a field of another type", `{"policy":{"version":1,"builds":{"a":1}},"other":7}`, true, false},
		{"with a choice that is not known", `{"policy":{"version":1,"builds":[{"choice":"most","times":{}}]},"other":7}`, true, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var r record
			require.NoError(t, json.Unmarshal([]byte(c.content), &r))
			assert.Equal(t, 7, r.Other, "the rest of the record is read")
			assert.Equal(t, c.known, r.Policy.Known())
			assert.Equal(t, All, r.Policy.Choose(now).Choice)
			added := r.Policy.Add(with(All, times(1, 2, 3)))
			if !c.kept {
				assert.Len(t, added.Builds, 1)
				return
			}
			content, err := json.Marshal(record{Policy: &added, Other: 7})
			require.NoError(t, err)
			assert.JSONEq(t, c.content, string(content))
		})
	}
}
