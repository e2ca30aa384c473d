package run

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/cache"
)

func TestWhenAnExportedManifestWasPushed(t *testing.T) {
	const own, main = "host.example/cache:shop--next", "host.example/cache:shop--main"
	cases := []struct {
		name   string
		states map[string]cache.State
		want   time.Time
	}{
		{"there was no cache, so it is new", nil, time.Now()},
		{"no cache has its content, so it is new", map[string]cache.State{own: {Config: "a"}, main: {Config: "b"}}, time.Now()},
		{"the branch's own cache has its content", map[string]cache.State{own: {Config: "same"}, main: {Config: "b"}}, time.Time{}},
		{"the default branch's cache has its content", map[string]cache.State{own: {}, main: {Config: "same"}}, time.Time{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.WithinDuration(t, c.want, knownCaches{states: c.states}.pushed("same"), time.Minute)
		})
	}
}
