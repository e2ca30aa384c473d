package worth

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/variables"
)

func number(value float64) *float64 { return &value }

// diamond is a base image, two independent stages on it, and a step that depends on both:
//
//	FROM -> slow -> final
//	FROM -> quick -> final
func diamond(slowCached, quickCached bool) []progress.Step {
	return []progress.Step{
		{Index: 1, Instruction: "FROM base", Ran: true, Seconds: 1},
		{Index: 2, Instruction: "RUN slow", Cached: slowCached, Ran: !slowCached, Seconds: 2, Inputs: []int{0}},
		{Index: 2, Instruction: "RUN quick", Cached: quickCached, Ran: !quickCached, Seconds: 1, Inputs: []int{0}},
		{Index: 3, Instruction: "COPY final", Ran: true, Seconds: 3, Inputs: []int{1, 2}},
	}
}

func TestSavedSecondsAreThoseOfTheCriticalPath(t *testing.T) {
	cases := []struct {
		name       string
		steps      []progress.Step
		runSeconds []*float64
		overhead   float64
		without    float64
		with       float64
	}{
		{"parallel steps are not added up", diamond(true, true), []*float64{number(1), number(60), number(50), nil}, 2, 64, 6},
		{"the pull of a base image that the cache avoided counts", diamond(true, true), []*float64{number(9), number(60), number(50), nil}, 0, 72, 6},
		{"a step off the critical path saves nothing", diamond(false, true), []*float64{number(1), nil, number(2), nil}, 0, 6, 6},
		{"a cached step costs at least the time of its download", diamond(true, true), []*float64{number(1), number(0.1), number(0.1), nil}, 1, 6, 6},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Assess(Evidence{Steps: c.steps, RunSeconds: c.runSeconds, OverheadSeconds: c.overhead, Prices: variables.DefaultPrices()})
			assert.InDelta(t, c.without, got.Without, 1e-9)
			assert.InDelta(t, c.with, got.With, 1e-9)
			require.NotNil(t, got.SavedSeconds)
			assert.InDelta(t, c.without-c.with-c.overhead, *got.SavedSeconds, 1e-9)
		})
	}
}

func TestAStepOfAnEarlierBuildOfTheJobIsNoSaving(t *testing.T) {
	steps := diamond(true, true)
	steps[1].Earlier = true
	got := Assess(Evidence{Steps: steps, RunSeconds: []*float64{number(1), number(60), number(50), nil}, Prices: variables.DefaultPrices()})
	assert.InDelta(t, 54, got.Without, 1e-9, "FROM, quick and final")
	steps[2].Earlier = true
	got = Assess(Evidence{Steps: steps, RunSeconds: []*float64{number(1), number(60), number(50), nil}, Prices: variables.DefaultPrices()})
	assert.Equal(t, Unknown, got.Worth)
	assert.Nil(t, got.SavedSeconds)
}

func TestWorth(t *testing.T) {
	prices := variables.Prices{Minute: 0.006, GBMonth: 0.1, BuildsPerMonth: 50}
	gigabytes := func(n int64) *int64 { n *= 1e9; return &n }
	known := []*float64{number(1), number(62), number(1), nil}
	cases := []struct {
		name       string
		runSeconds []*float64
		steps      []progress.Step
		overhead   float64
		bytes      *int64
		worth      string
		reason     string
		net        *float64
	}{
		{"a minute saved per build is worth a gigabyte of storage", known, diamond(true, true), 0, gigabytes(1), Keep, "save 100.0 minutes (0.60 USD); storing the cache for that time costs 0.20 USD", number(0.4)},
		{"storage that costs more than the cache saves is not worth it", known, diamond(true, true), 0, gigabytes(10), Drop, "costs 2.00 USD", number(-1.4)},
		{"a cache that takes longer than it saves is not worth it", known, diamond(true, true), 90, gigabytes(0), Drop, "take 50.0 minutes longer with the cache (0.30 USD)", number(-0.3)},
		{"a difference that rounds to zero is none", known, diamond(true, true), 60.01, gigabytes(0), Drop, "builds like this one take as long with the cache as without it; storing the cache for that time costs 0.00 USD", number(-0.0001)},
		{"small amounts are not written as zero", known, diamond(true, true), 60.1, nil, Drop, "take 0.2 minutes longer with the cache (less than 0.01 USD)", number(-0.001)},
		{"storage of unknown size is not counted", known, diamond(true, true), 0, nil, Keep, "the cost of storing the cache is not known", number(0.6)},
		{"without a hit the worth is unknown", known, diamond(false, false), 5, gigabytes(1), Unknown, "no step came from the cache", nil},
		{"with a step of unknown run time the worth is unknown", []*float64{nil, nil, number(1), nil}, diamond(true, true), 0, gigabytes(1), Unknown, "1 of the 2 cached steps", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Assess(Evidence{Steps: c.steps, RunSeconds: c.runSeconds, OverheadSeconds: c.overhead, CacheBytes: c.bytes, Prices: prices})
			assert.Equal(t, c.worth, got.Worth)
			assert.Contains(t, got.Reason, c.reason)
			assert.Equal(t, c.bytes == nil, got.StorageUSDPerMonth == nil)
			if c.net == nil {
				assert.Nil(t, got.NetUSDPer100Builds)
				assert.Empty(t, got.Arithmetic)
				return
			}
			require.NotNil(t, got.NetUSDPer100Builds)
			assert.InDelta(t, *c.net, *got.NetUSDPer100Builds, 1e-9)
		})
	}
}

func TestMountsAreWorthWhatTheySave(t *testing.T) {
	prices := variables.Prices{Minute: 0.006, GBMonth: 0.1, BuildsPerMonth: 50}
	steps := []progress.Step{
		{Index: 1, Instruction: "FROM base", Ran: true, Seconds: 1},
		{Index: 2, Instruction: "RUN download", Ran: true, Seconds: 4, Inputs: []int{0}},
		{Index: 3, Instruction: "RUN compile", Ran: true, Seconds: 3, Inputs: []int{1}},
		{Index: 2, Instruction: "RUN test", Ran: true, Seconds: 5, Inputs: []int{0}},
	}
	bytes := int64(1e9)
	for _, c := range []struct {
		name         string
		empty        []*float64
		mountBytes   int64
		saved        float64
		worth        string
		mount, store string
	}{
		{"a mount that a step needs", []*float64{nil, nil, number(63), nil}, 1e9, 59.5, Keep, "cache mounts: 1 of the steps ran with restored mounts: 63.0 s with empty ones (median of earlier builds) - 3.0 s with them and their restore = 60.0 s", "storage: 2.000 GB"},
		{"two steps after each other", []*float64{nil, number(14), number(63), nil}, 0, 69.5, Keep, "2 of the steps", "storage: 1.000 GB"},
		{"a step off the longest chain counts as far as it would have been on it", []*float64{nil, nil, nil, number(10)}, 0, 2.5, Drop, "= 5.0 s", "storage"},
		{"a restore that takes longer than it saves", []*float64{nil, nil, number(1), nil}, 0, -2.5, Drop, "= -2.0 s", "storage"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Assess(Evidence{Steps: steps, RunSeconds: make([]*float64, 4), EmptySeconds: c.empty, CacheBytes: &bytes, MountBytes: c.mountBytes, SaveWaitSeconds: 0.5, Prices: prices})
			require.NotNil(t, got.SavedSeconds)
			assert.InDelta(t, c.saved, *got.SavedSeconds, 1e-9)
			assert.Equal(t, c.worth, got.Worth)
			assert.Contains(t, got.Arithmetic[0], c.mount)
			assert.Contains(t, got.Arithmetic[1], " - 0.0 s for import and export - 0.5 s of waiting for cache mounts to be saved = ")
			assert.Contains(t, got.Arithmetic[3], c.store)
		})
	}
	got := Assess(Evidence{Steps: steps, RunSeconds: make([]*float64, 4), EmptySeconds: make([]*float64, 4), Prices: prices})
	assert.Equal(t, Unknown, got.Worth, "without a time with empty mounts")
}

func TestABuildWithoutStepsIsOfUnknownWorth(t *testing.T) {
	assert.Equal(t, Unknown, Assess(Evidence{}).Worth)
}
