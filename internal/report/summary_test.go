package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func summary(r *Report) []string {
	var out bytes.Buffer
	r.Summary(&out)
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestTheSummaryEndsWithTheVerdict(t *testing.T) {
	assert.Equal(t, []string{
		"layercache: warning: slow",
		"layercache: setup 0.50 s, login 0.25 s, import 1.00 s, build 6.00 s, push 1.25 s, export 1.00 s; total 10.00 s",
		"layercache: first step that ran: [linux/amd64 build] RUN <<EOF …",
		"layercache: cache partly used: 1 of 2 steps had to run; 1 of 2 steps cached (hit ratio 0.50); cache written: yes",
	}, summary(full()))
	assert.Equal(t, []string{
		"layercache: setup 0.00 s, login 0.00 s, import 0.00 s, build 0.00 s, push 0.00 s, export 0.00 s; total 0.00 s",
		"layercache: cache off: no cache was asked for",
	}, summary(minimal()))
}

func TestTheFirstStepThatRanIsNamedWhereItTellsSomething(t *testing.T) {
	cases := []struct {
		name  string
		ratio *float64
		named bool
	}{
		{"some steps were cached", number(0.5), true},
		{"none was cached", number(0), false},
		{"there is no cache", nil, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := full()
			r.HitRatio = c.ratio
			assert.Equal(t, c.named, strings.Contains(strings.Join(summary(r), "\n"), "first step that ran"))
		})
	}
}

func TestFromIsNeitherAHitNorAMiss(t *testing.T) {
	r := &Report{Steps: []Step{{Instruction: "FROM a"}, {Instruction: "FROM b", Cached: true}, {Instruction: "FROMAGE", Cached: true}}}
	hits, counted := r.Hits()
	assert.Equal(t, 1, hits)
	assert.Equal(t, 1, counted)
	assert.Nil(t, r.FirstMiss())
}

func TestAStepIsNamedByPlatformStageAndItsFirstLine(t *testing.T) {
	for want, step := range map[string]Step{
		"RUN a":                        {Instruction: "RUN a"},
		"[build] RUN a":                {Stage: "build", Instruction: "RUN a"},
		"[linux/arm64] RUN a":          {Platform: "linux/arm64", Instruction: "RUN a"},
		"[linux/arm64 build] COPY a …": {Platform: "linux/arm64", Stage: "build", Instruction: "COPY a\nb"},
	} {
		assert.Equal(t, want, step.Label())
	}
}
