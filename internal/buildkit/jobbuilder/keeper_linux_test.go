package jobbuilder

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// newTestKeeper returns a keeper without a builder.
func newTestKeeper() *keeper {
	return &keeper{
		idle: time.Hour, unused: time.NewTimer(time.Hour), done: make(chan struct{}),
		members: map[*line]*membership{}, steps: map[string]bool{}, unsure: map[string]bool{},
	}
}

func TestOneBuildAtATimeKeepsItsCacheMounts(t *testing.T) {
	k := newTestKeeper()
	first, second, third := &line{}, &line{}, &line{}
	assert.False(t, k.join(first, true).Used)
	assert.True(t, k.join(second, true).MountsInUse)
	without := k.join(third, false)
	assert.NotNil(t, without.Daemon, "a build without cache mounts joins")
	assert.True(t, without.Used)
	k.leave(first)
	assert.NotNil(t, k.join(second, true).Daemon)
}

func TestWhatABuildLearnsAboutItsSteps(t *testing.T) {
	shared, own := Identity("linux/arm64", "shared"), Identity("linux/arm64", "own")
	asked := request{Report: true, Asked: []string{own, shared}}
	for _, c := range []struct {
		name string
		// other is what another build does with the keeper that it has joined.
		other func(k *keeper, other *line)
		want  StepOrigins
	}{
		{"the other build ran one of them", func(k *keeper, other *line) {
			k.report(other, request{Steps: []string{shared}})
			k.leave(other)
		}, StepOrigins{Complete: true, Earlier: []string{shared}}},
		{"it has reported and still pushes its image", func(k *keeper, other *line) {
			k.report(other, request{Steps: []string{shared}})
		}, StepOrigins{Complete: true, Earlier: []string{shared}}},
		{"it ran another platform's", func(k *keeper, other *line) {
			k.report(other, request{Steps: []string{Identity("linux/amd64", "shared")}})
		}, StepOrigins{Complete: true}},
		{"it runs, and may have one of them", func(k *keeper, other *line) {
			k.declare(other, []string{"shared", "its own"})
		}, StepOrigins{Complete: true, Unsure: []string{shared}}},
		{"it was killed, and may have left one of them", func(k *keeper, other *line) {
			k.declare(other, []string{"shared", "its own"})
			k.leave(other)
		}, StepOrigins{Complete: true, Unsure: []string{shared}}},
		{"it runs, and nothing is known of it", func(*keeper, *line) {}, StepOrigins{}},
		{"it was killed, and nothing is known of it", func(k *keeper, other *line) { k.leave(other) }, StepOrigins{}},
		{"it ran a step that cannot be told from others", func(k *keeper, other *line) {
			k.report(other, request{Steps: []string{shared}, Unidentified: true})
		}, StepOrigins{Earlier: []string{shared}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newTestKeeper()
			other, build := &line{}, &line{}
			k.join(other, false)
			k.join(build, false)
			c.other(k, other)
			assert.Equal(t, c.want, k.report(build, asked))
		})
	}
	t.Run("there is no other build", func(t *testing.T) {
		k := newTestKeeper()
		build := &line{}
		k.join(build, false)
		assert.Equal(t, StepOrigins{Complete: true, Alone: true}, k.report(build, asked))
	})
}
