package report

import (
	"bytes"
	"fmt"
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
		"layercache: the build took 10.00 s: setup 0.50 s, login 0.25 s, cache import 1.00 s, build 5.75 s, image push 1.15 s, cache export 1.00 s, mount save 0.25 s, finish 0.10 s, other 0.00 s",
		"layercache: registry throttled: waited 1.0 s",
		"layercache: cache policy: all layers on trial: it is tried again after 25 builds with no cache",
		"layercache: cache mounts: 1 restored, 167 MB in 1.1 s, 2 not restored; 3 MB saved",
		"layercache: cache mount pip: left empty: it costs 3 s and saves 1 s",
		"layercache: the step names come from the frontend docker.io/docker/dockerfile:1",
		"layercache: had to run: [linux/amd64 build] RUN <<EOF …, because its text changed",
		"layercache: advice: move it last",
		"layercache: the cache saved about 12 s: the longest chain of steps takes 17 s without it and took 3.5 s with it; importing and exporting the cache took 2.0 s",
		"layercache: worth keeping: 100 builds like this one save 20.0 minutes (0.90 USD)",
		"layercache: cache partly used: 1 of 2 steps had to run; saved about 12 s; cache written; what to do: build again; see https://layercache.example/troubleshooting.md#registry-failed",
	}, summary(full()))
	assert.Equal(t, []string{
		"layercache: the build took 0.00 s: setup 0.00 s, login 0.00 s, cache import 0.00 s, build 0.00 s, image push 0.00 s, cache export 0.00 s, mount save 0.00 s, finish 0.00 s, other 0.00 s",
		"layercache: cache off: no cache is configured; the build failed (exit status 1)",
	}, summary(minimal()))
}

func TestThePartsAddUpToTheTotal(t *testing.T) {
	r := minimal()
	r.Seconds = Seconds{Setup: 1, Build: 2, Finish: 0.5, Total: 9.5}
	assert.Equal(t, "layercache: the build took 9.50 s: setup 1.00 s, login 0.00 s, cache import 0.00 s, build 2.00 s, image push 0.00 s, cache export 0.00 s, mount save 0.00 s, finish 0.50 s, other 6.00 s", summary(r)[0])
	for _, seconds := range []Seconds{r.Seconds, full().Seconds} {
		total := 0.0
		for _, part := range seconds.Parts() {
			total += part.Seconds
		}
		assert.InDelta(t, seconds.Total, total, 1e-9)
	}
}

func TestTheLastLineSaysWhatToDo(t *testing.T) {
	failed := &Report{
		Verdict: "cold", VerdictReason: "there is no cache yet", Exported: "off", ExitCode: 1, Worth: "unknown", Reason: "no step came from the cache",
		Failure: &Failure{Kind: FailureStep, Reason: "RUN make failed with exit code 2"}, Help: &Help{"read the step's output above", "https://h/page#step-failed"},
	}
	lines := summary(failed)
	assert.Equal(t, "layercache: cache cold: there is no cache yet; cache not written; the build failed (exit status 1): RUN make failed with exit code 2; "+
		"what to do: read the step's output above; see https://h/page#step-failed", lines[len(lines)-1])
	assert.NotContains(t, strings.Join(lines, "\n"), "worth keeping", "a build that failed shows nothing of the cache's worth")

	said := &Report{Verdict: "missing", VerdictReason: "there is no repository: create it", Exported: "off", Help: &Help{"create it", "https://h/page#missing"}}
	lines = summary(said)
	assert.Equal(t, "layercache: cache missing: there is no repository: create it; cache not written; see https://h/page#missing", lines[len(lines)-1])
}

func TestTheVerdictAsOneLine(t *testing.T) {
	cases := []struct {
		name   string
		change func(*Report)
		want   string
	}{
		{"the saved time is not known", func(r *Report) { r.SavedSeconds = nil }, "cache used: why; cache written"},
		{"the cache costs more than it saves", func(r *Report) { r.SavedSeconds = number(-3.21) }, "cache used: why; made the build about 3.2 s slower; cache written"},
		{"nothing was saved", func(r *Report) { r.SavedSeconds = number(-0.04) }, "cache used: why; saved no time; cache written"},
		{"little was saved", func(r *Report) { r.SavedSeconds = number(0.25) }, "cache used: why; saved about 0.25 s; cache written"},
		{"nothing new to write", func(r *Report) { r.Exported = "unchanged" }, "cache used: why; saved about 41 s; cache already up to date"},
		{"the export failed", func(r *Report) { r.Exported = "failed" }, "cache used: why; saved about 41 s; cache could not be written"},
		{"there was no export", func(r *Report) { r.Exported = "off" }, "cache used: why; saved about 41 s; cache not written"},
		{"the build failed", func(r *Report) { r.ExitCode = 2 }, "cache used: why; saved about 41 s; cache written; the build failed (exit status 2)"},
		{"a verdict of two words", func(r *Report) { r.Verdict = "import-failed" }, "cache import failed: why; saved about 41 s; cache written"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := &Report{Verdict: "used", VerdictReason: "why", SavedSeconds: number(41.2), Exported: "yes"}
			c.change(r)
			assert.Equal(t, c.want, r.Line())
		})
	}
}

func TestTheSummaryStatesWhetherTheCacheIsWorthKeeping(t *testing.T) {
	for worth, want := range map[string]string{
		"keep":    "layercache: worth keeping: why",
		"drop":    "layercache: not worth keeping: why",
		"unknown": "layercache: not known yet whether the cache is worth keeping: why",
	} {
		assert.Contains(t, summary(&Report{Verdict: "used", Worth: worth, Reason: "why"}), want)
	}
}

func TestTheSummaryNamesFiveStepsAndCountsTheOthers(t *testing.T) {
	r := &Report{Verdict: "partly-used", Steps: []Step{{Instruction: "RUN a", Cached: true}}}
	for i := range 7 {
		r.Steps = append(r.Steps, Step{Stage: fmt.Sprint("stage", i), Instruction: "RUN " + strings.Repeat("b", 200)}, Step{Stage: fmt.Sprint("stage", i), Instruction: "RUN c"})
	}
	lines := summary(r)
	var named int
	for _, line := range lines {
		if strings.HasPrefix(line, "layercache: had to run: [stage") {
			named++
			assert.LessOrEqual(t, len(line), 200, "a long instruction is cut")
			assert.Contains(t, line, "…, for an unknown reason")
		}
	}
	assert.Equal(t, shownMisses, named)
	assert.Contains(t, lines, "layercache: had to run: 2 more, listed in report.md")
}

func TestNoStepIsNamedIfNothingWasCachedAndNoCauseIsKnown(t *testing.T) {
	r := &Report{Verdict: "cold", Steps: []Step{{Instruction: "RUN a"}}}
	assert.Empty(t, r.FirstMisses())
	r.Misses = []Miss{{Step: 0, Cause: "its text changed"}, {Step: 1}, {Step: -1}}
	assert.Equal(t, []Miss{{Step: 0, Cause: "its text changed"}}, r.FirstMisses(), "a miss whose step is not in the report is left out")
}

func TestTextFromOutsideStaysInItsLineOfTheLog(t *testing.T) {
	const evil = "\x1b[2J\r\nlayercache: cache used\n::error::x\n##[error]y\u2028z\x9b\a\u009b2J\u202e"
	withoutMounts := hostile(evil)
	withoutMounts.Mounts = nil
	for _, line := range append(summary(hostile(evil)), summary(withoutMounts)...) {
		assert.Regexp(t, `\Alayercache: [^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}\x{202a}-\x{202e}]*\z`, line)
		assert.NotContains(t, line, "##[")
	}
}

// hostile returns a report with the text in every field, also in those that should never hold text from
// outside.
func hostile(text string) *Report {
	r := full()
	r.Verdict, r.VerdictReason, r.App, r.HitsFrom, r.Exported, r.Worth, r.Reason = text, text, text, text, text, text, text
	r.Steps = append(r.Steps, Step{Stage: text, Platform: text, Instruction: text, Error: text})
	r.Misses = []Miss{{Step: 3, Cause: text, Advice: text}}
	r.Activities = append(r.Activities, Activity{Kind: text, Label: text})
	r.Caches = []Cache{{Ref: text, Found: text, Problem: text}}
	r.Mounts = append(r.Mounts, Mount{ID: text, Restored: true, From: text, Saved: true, Problem: text}, Mount{ID: text, NotSaved: text, Decision: text})
	r.MountsNotKept = text
	r.Cost.Arithmetic = []string{text}
	r.Builder, r.BuilderReason, r.Refs, r.Image = text, text, Refs{Imports: []string{text}, Export: text}, text
	r.Warnings = []string{text}
	return r
}

func TestFromIsNeitherAHitNorAMiss(t *testing.T) {
	r := &Report{Steps: []Step{{Instruction: "FROM a"}, {Instruction: "FROM b", Cached: true}, {Instruction: "FROMAGE", Cached: true}}}
	hits, counted := r.Hits()
	assert.Equal(t, 1, hits)
	assert.Equal(t, 1, counted)
	assert.Empty(t, r.FirstMisses())
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
