package report

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// services is the report of so many targets, of which the second had to run a step.
func services(count int) *Report {
	r := &Report{Verdict: "partly-used", VerdictReason: "some", App: "shop", Exported: "yes", Builder: "native", Steps: []Step{}, Refs: Refs{Imports: []string{}}, Seconds: Seconds{Total: 9}, Worth: "unknown", HitRatio: new(0.9)}
	for i := range count {
		target := &Report{
			Target: fmt.Sprintf("service-%d", i), Verdict: "used", VerdictReason: "every step came from the cache", HitRatio: new(1.0), HitsFrom: "cache", Exported: "unchanged", Seconds: Seconds{Total: float64(i)},
			App:   fmt.Sprintf("shop/service-%d", i),
			Steps: []Step{{Stage: "base", Instruction: "FROM busybox"}, {Stage: "base", Instruction: "RUN make tools", Cached: true}, {Stage: "app", Instruction: "COPY . .", Cached: true}},
			Refs:  Refs{Imports: []string{"h/c:a"}, Export: "h/c:a"}, Warnings: []string{"the clock is slow"},
		}
		r.Targets = append(r.Targets, target)
	}
	r.Targets[1].Verdict, r.Targets[1].Steps[2].Cached = "partly-used", false
	r.Targets[1].Misses = []Miss{{Step: 2, Cause: "main.go changed"}}
	return r
}

func TestTheSummaryOfTargetsIsATable(t *testing.T) {
	r := services(3)
	r.Targets[2].ExitCode, r.Targets[2].Steps[2].Error = 1, "exit code: 9"
	var log strings.Builder
	r.Summary(&log)
	for _, line := range []string{
		"layercache: warning: service-0, service-1, service-2: the clock is slow\n",
		"layercache: service-1: had to run: [app] COPY . ., because main.go changed\n",
		"layercache: target     steps cached   seconds  verdict\n" +
			"layercache: service-0        2 of 2      0.00  used\n" +
			"layercache: service-1        1 of 2      1.00  partly used\n" +
			"layercache: service-2        2 of 2      2.00  used, build failed\n",
	} {
		assert.Contains(t, log.String(), line)
	}
	assert.True(t, strings.HasSuffix(log.String(), r.Line()+"\n"), "the verdict is last")
}

func TestThirtyServicesStayReadable(t *testing.T) {
	r := services(30)
	for _, target := range r.Targets {
		target.Misses = []Miss{{Step: 1, Cause: "the base image changed"}}
	}
	var log strings.Builder
	r.Summary(&log)
	assert.Less(t, strings.Count(log.String(), "\n"), 45, log.String())
	assert.Contains(t, log.String(), "had to run: steps of 25 more targets, listed in report.md")
	assert.Contains(t, log.String(), "service-5 and 24 more: the clock is slow")
	markdown := string(r.Markdown())
	assert.Contains(t, markdown, "| `service-29` | 2 of 2 | 29.00 | used | every step came from the cache |")
	assert.Equal(t, 1, strings.Count(markdown, "\n## "), "only a target that ran a step has a section")
}

func TestATargetThatWasCancelledIsNotFinished(t *testing.T) {
	r := &Report{Verdict: "cold", ExitCode: 1, Steps: []Step{{Instruction: "RUN make", Error: "failed to solve: context canceled"}}}
	assert.Equal(t, "cold, build not finished", r.outcome())
}

func TestEachTargetIsASuite(t *testing.T) {
	r := services(30)
	for range 40 {
		r.Targets[0].Steps = append(r.Targets[0].Steps, Step{Instruction: "RUN more", Cached: true})
	}
	content, err := r.JUnit()
	require.NoError(t, err)
	var parsed struct {
		Suites []struct {
			Name  string `xml:"name,attr"`
			Tests int    `xml:"tests,attr"`
			Cases []struct {
				Name string `xml:"name,attr"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(content, &parsed))
	require.Len(t, parsed.Suites, 31)
	total := 0
	for _, suite := range parsed.Suites {
		assert.Equal(t, suite.Tests, len(suite.Cases))
		assert.Equal(t, "verdict", suite.Cases[0].Name)
		total += suite.Tests
	}
	assert.Equal(t, "service-0", parsed.Suites[1].Name)
	assert.LessOrEqual(t, total, caseLimit)
}

func TestThePageHasEachTargetOnce(t *testing.T) {
	content, err := services(2).HTML()
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(content), `"target":"service-1"`))
}

func TestAFailedStepThatTargetsShareIsAnnotatedOnce(t *testing.T) {
	r := services(3)
	for _, target := range r.Targets {
		target.Steps[1].Error = "exit code: 9"
	}
	assert.Len(t, r.failedSteps(), 1)
}
