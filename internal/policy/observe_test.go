package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func seconds(s float64) *float64 { return &s }

// twoStages is an image whose last stage copies from another one. Only the source has changed since the last build:
//
//	FROM -> install -> COPY . -> compile -+
//	FROM ---------------------------------+-> COPY --from
func twoStages() []Step {
	return []Step{
		{Base: true, Run: seconds(5)},
		{Inputs: []int{0}, Kept: true, Run: seconds(40), Fetch: 7},
		{Inputs: []int{1}, Run: seconds(1)},
		{Inputs: []int{2}, Run: seconds(30)},
		{Base: true, Last: true, Run: seconds(2)},
		{Inputs: []int{4, 3}, Last: true, Run: seconds(3)},
	}
}

func unchanged(steps []Step) []Step {
	for i := range steps {
		steps[i].Kept = !steps[i].Base
	}
	return steps
}

func TestTimesOfTheChoices(t *testing.T) {
	unknown := twoStages()
	unknown[1].Run = nil
	oneStage := []Step{{Base: true, Last: true, Run: seconds(5)}, {Inputs: []int{0}, Last: true, Kept: true, Run: seconds(10), Fetch: 2}, {Inputs: []int{1}, Last: true, Run: seconds(1)}}
	cases := []struct {
		name  string
		o     Observation
		times map[Choice]Time
	}{
		{
			"a changed source", Observation{Decision: Decision{Choice: None}, Steps: twoStages(), KeptKnown: true},
			map[Choice]Time{All: {5 + 7 + 1 + 30 + 3, true}, Final: {5 + 40 + 1 + 30 + 3, true}, None: {0, true}},
		},
		{
			"an unchanged source", Observation{Decision: Decision{Choice: None}, Steps: unchanged(twoStages()), KeptKnown: true},
			map[Choice]Time{All: {0, false}, Final: {0, false}, None: {0, true}},
		},
		{
			"a step whose time is not known", Observation{Decision: Decision{Choice: All}, Steps: unknown, KeptKnown: true},
			map[Choice]Time{All: {0, true}},
		},
		{
			"without knowing what a cache would have had", Observation{Decision: Decision{Choice: Final}, Steps: twoStages()},
			map[Choice]Time{Final: {0, true}, None: {79, true}},
		},
		{
			"one stage", Observation{Decision: Decision{Choice: None}, Steps: oneStage, KeptKnown: true},
			map[Choice]Time{All: {5 + 2 + 1, true}, None: {0, true}},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.times, c.o.Build().Times) })
	}
}

func TestTheTimeOfTheChoiceInForceIsMeasured(t *testing.T) {
	steps := twoStages()
	for i, s := range []float64{6, 8, 1, 33, 2, 3} {
		steps[i].Seconds = s
	}
	b := Observation{Decision: Decision{Choice: All, Trial: true}, Steps: steps, KeptKnown: true, Import: 1, Export: 2, Dockerfile: "d"}.Build()
	assert.Equal(t, Time{6 + 8 + 1 + 33 + 3, true}, b.Times[All])
	assert.Equal(t, Build{Choice: All, Trial: true, Dockerfile: "d", Times: b.Times, Import: 1, Export: 2}, b)
}
