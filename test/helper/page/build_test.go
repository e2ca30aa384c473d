package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/report"
)

// word is a text that cannot be broken at a space, such as a digest or a signed address.
var word = "https://example.com/" + strings.Repeat("0123456789abcdef", 20)

// buildOf is the report of a build with so many steps, in stages of twenty: a third of them ran, all kinds of work are there, and
// some texts are long.
func buildOf(steps int) *report.Report {
	r := &report.Report{
		Verdict: "partly-used", VerdictReason: "COPY src src had to run", App: "shop", Exported: "yes", HitRatio: new(0.66), HitsFrom: "cache",
		StartedAt: time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC), Worth: "keep", Reason: "it saves more than it costs",
		Seconds:      report.Seconds{Total: float64(steps) + 12, Setup: 0.5, Login: 0.25, Import: 1, Build: float64(steps), Push: 4, Export: 6, MountSave: 0.25},
		SavedSeconds: new(41.5), OverheadSeconds: 7.25, CriticalPath: &report.CriticalPath{Without: 61, With: 12.25},
		Cost: report.Cost{
			SavedUSD: new(0.0035), StorageUSDPerMonth: new(0.12), CacheBytes: new(int64(1 << 30)), NetUSDPer100Builds: new(0.2),
			Arithmetic: []string{"41.5 s saved x 0.005 USD a minute", word},
		},
		Builder: "native", BuilderReason: "buildkitd can run here", Frontend: "docker.io/docker/dockerfile:1",
		Refs:     report.Refs{Imports: []string{"111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev:shop-main"}, Export: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev:shop-main"},
		Caches:   []report.Cache{{Ref: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev:shop-main", Found: "cache"}, {Ref: "h/c:other", Found: "unknown", Problem: "connection refused by " + word}},
		Image:    "sha256:" + strings.Repeat("0a", 32),
		Warnings: []string{"the mirror did not answer: " + word},
		Mounts: []report.Mount{
			{ID: "/go/pkg/mod", Restored: true, From: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev:shop-main", Files: 8248, Bytes: 167e6, DownloadedBytes: 61e6, RestoreSeconds: 1.1,
				ReadFiles: new(8000), ReadBytes: new(int64(160e6)), NotSaved: "nothing is new", StoredBytes: new(int64(61e6))},
			{ID: "/root/.cache/go-build", Restored: true, From: "h/c:main", Files: 2804, Bytes: 256e6, DownloadedBytes: 60e6, RestoreSeconds: 0.9, Saved: true, UploadedBytes: 3e6, StoredBytes: new(int64(63e6)), SaveSeconds: 0.7},
			{ID: word, NotSaved: "what is stored was not read, and is kept", Problem: "not restored: " + word},
		},
		Activities: []report.Activity{
			{Kind: "restore", Label: "/go/pkg/mod", Start: 1.2, Seconds: 1.1, Bytes: 61e6}, {Kind: "restore", Label: "/root/.cache/go-build", Start: 1.2, Seconds: 0.9, Bytes: 60e6},
			{Kind: "save", Label: "/root/.cache/go-build", Start: float64(steps) + 3, Seconds: 0.7, Bytes: 3e6},
			{Kind: "context", Label: "the build context", Start: 0.5, Seconds: 0.2, Bytes: 1 << 20},
			{Kind: "import", Label: "h/c:a", Start: 0.6, Seconds: 1}, {Kind: "pull", Label: word, Start: 1, Seconds: 3, Bytes: 1 << 28},
			{Kind: "push", Label: "shop:v1", Start: float64(steps) + 2, Seconds: 4, Bytes: 1 << 26}, {Kind: "export", Label: "h/c:a", Start: float64(steps) + 3, Seconds: 6.25},
		},
	}
	for i := range steps {
		stage := fmt.Sprintf("stage-%d", i/20)
		step := report.Step{Stage: stage, Platform: "linux/amd64", Index: i%20 + 1, Total: 20, Instruction: fmt.Sprintf("RUN make part-%d", i), Start: float64(i) + 1, Seconds: 0.8}
		switch i % 5 {
		case 0:
			step.Instruction, step.Seconds = "FROM golang:1.26@sha256:"+strings.Repeat("0a", 32), 0
		case 1, 2:
			step.Cached, step.Seconds, step.SavedSeconds = true, 0, new(12.5)
		case 3:
			step.Instruction = "RUN curl -fsSL " + word + " | tar xz\nand a second line"
			r.Misses = append(r.Misses, report.Miss{Step: i, Cause: "the file src/" + word + "/main.go changed", Advice: "move COPY src src below RUN go mod download"})
		}
		r.Steps = append(r.Steps, step)
	}
	return r
}

// failedOf is a build whose last step failed.
func failedOf(steps int) *report.Report {
	r := buildOf(steps)
	r.ExitCode, r.Exported, r.Worth, r.SavedSeconds, r.CriticalPath, r.Cost = 1, "failed", "unknown", nil, nil, report.Cost{}
	last := &r.Steps[len(r.Steps)-1]
	last.Cached, last.Error = false, "process \"/bin/sh -c curl "+word+"\" did not complete successfully: exit code: 22"
	return r
}

func failed() *report.Report { return failedOf(30) }

// uncached is a build that no cache was configured for.
func uncached() *report.Report {
	r := buildOf(12)
	r.Verdict, r.VerdictReason, r.Exported, r.HitsFrom, r.HitRatio = "off", "no cache is configured", "off", "", nil
	r.Activities = slices.DeleteFunc(r.Activities, func(a report.Activity) bool {
		return slices.Contains([]string{report.Import, report.Export, report.Restore, report.Save}, a.Kind)
	})
	r.Mounts, r.MountsNotKept = nil, "the cache is off; their files were removed with the builder"
	r.Caches, r.Misses, r.Refs, r.SavedSeconds, r.CriticalPath, r.Cost = nil, nil, report.Refs{Imports: []string{}}, nil, nil, report.Cost{}
	for i := range r.Steps {
		r.Steps[i].Cached, r.Steps[i].SavedSeconds = false, nil
	}
	return r
}
