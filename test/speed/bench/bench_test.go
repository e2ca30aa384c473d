package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/speed/bench/flow"
	"github.com/layercache/layercache/test/speed/bench/registry"
	"github.com/layercache/layercache/test/speed/bench/workload"
)

func TestCells(t *testing.T) {
	chosen, left, err := cells(choice{workloads: []string{"app"}, phases: []string{unchanged}, networks: []string{loopbackKey}})
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.Len(t, chosen, len(flow.OfLayers())+4, "and Compose, and layercache in the place of docker")

	chosen, left, err = cells(choice{workloads: []string{"app"}, phases: []string{baseLinked}, all: true, networks: []string{loopbackKey}})
	require.NoError(t, err)
	assert.Len(t, left, 2, "docker's classic builder, and the builder that lives on")
	assert.NotContains(t, chosen, left[0].cell)

	_, _, err = cells(choice{workloads: []string{"large"}, networks: []string{distantKey}})
	assert.ErrorContains(t, err, "the plan has nothing for this choice")
	_, _, err = cells(choice{phases: []string{"warm"}})
	assert.ErrorContains(t, err, `unknown phase "warm"`)
}

func TestThePlanMeasuresWhatTheTargetsNeed(t *testing.T) {
	chosen, _, err := cells(choice{})
	require.NoError(t, err)
	r := full(chosen)
	for _, m := range r.Measurements {
		for m.cell == (cell{loopbackKey, "line", unchanged, flow.Layercache}) && m.Round < 200 {
			m.Round++
			r.Measurements = append(r.Measurements, m)
		}
	}
	for _, v := range judge(r) {
		assert.True(t, v.known, v.what)
	}
}

// full returns results in which each cell took one second per position of its flow.
func full(chosen []cell) *results {
	r := &results{
		Runs: []provenance{{Commit: "c0ffee", Command: []string{"-runs", "1"}}}, Synth: &synthResult{synthPair: synthPair{Ratio: 1.2}},
		Bases: map[string]string{"small": "made of busybox"}, ZipBytes: map[string]int64{"amd64": 19e6, "arm64": 18e6},
		LeftOut: []leftOut{{cell{loopbackKey, "app", baseLinked, flow.Pull}, "no --link"}},
	}
	for _, c := range chosen {
		for i, f := range flow.All() {
			if f.Key == c.Flow {
				r.Measurements = append(r.Measurements, measurement{cell: c, Round: 1, Seconds: float64(i + 1), PeakBytes: 50e6,
					Parts: map[string]float64{"boot": 0.2, "import": 0.1, "export": 0.1}, Traffic: registry.Traffic{Sent: 3e6, Received: 2e6}})
			}
		}
	}
	return r
}

func TestAGroupIsOneWorkloadOnOneNetwork(t *testing.T) {
	chosen, _, err := cells(choice{workloads: []string{"app", "wide", "wide-50"}})
	require.NoError(t, err)
	all := groups(chosen)
	require.Len(t, all, 5, "app on four networks; one group for all wide graphs")
	var members int
	for _, group := range all {
		members += len(group)
	}
	assert.Equal(t, len(chosen), members)
}

func TestSeeds(t *testing.T) {
	wanted, err := seedsOf([]cell{
		{loopbackKey, "app", cold, flow.None}, {loopbackKey, "app", unchanged, flow.Peer}, {loopbackKey, "app", source, flow.Peer},
		{loopbackKey, "app", baseLinked, flow.Peer},
	})
	require.NoError(t, err)
	warmed, err := seedsOf([]cell{{loopbackKey, "helper", source, flow.Living}})
	require.NoError(t, err)
	assert.Empty(t, warmed, "a builder that lives on builds the first revision itself")
	peer := cell{loopbackKey, "app", cold, flow.Peer}
	assert.Equal(t, []seed{{peer, false}, {peer, true}}, wanted)
	assert.NotEqual(t, wanted[0].repository(), wanted[1].repository())
}

func TestSpread(t *testing.T) {
	assert.Equal(t, spread{median: 2, least: 1, most: 9, n: 3}, spreadOf([]float64{9, 1, 2}))
	assert.Equal(t, spread{median: 2.5, least: 1, most: 4, n: 4}, spreadOf([]float64{4, 3, 2, 1}))
	assert.Equal(t, spread{}, spreadOf(nil))
}

func TestTargets(t *testing.T) {
	unchangedApp := func(f string, seconds ...float64) (all []measurement) {
		for _, s := range seconds {
			all = append(all, measurement{cell: cell{loopbackKey, "app", unchanged, f}, Seconds: s})
		}
		return all
	}
	r := &results{}
	r.Measurements = append(r.Measurements, unchangedApp(flow.Layercache, 1, 0.9, 30)...)
	r.Measurements = append(r.Measurements, unchangedApp(flow.Walkthrough, 40, 40, 40)...)
	r.Measurements = append(r.Measurements, unchangedApp(flow.ByHand, 0.5)...)
	verdicts := judge(r)
	assert.True(t, verdicts[0].met, "1 of 40, by medians")
	assert.Equal(t, "met", verdicts[0].answer())
	assert.Equal(t, "0.025×", verdicts[0].figureText())
	assert.Equal(t, "not measured", verdicts[1].answer())
	assert.False(t, verdicts[1].met, "a target that was not measured is not met")
	assert.Equal(t, "**not met**", verdicts[2].answer())
	assert.Equal(t, "0.50 s", verdicts[2].figureText())
	assert.Equal(t, "0.8029×", verdict{target: target{most: 0.8, unit: "×"}, got: 0.80289, known: true}.figureText())
	assert.Equal(t, "0.3503 s", verdict{target: target{most: 0.35, unit: "s"}, got: 0.35031, known: true}.figureText())
}

func TestRunsThatMeasuredTheSameCellAreNotMixed(t *testing.T) {
	mine, other := cell{loopbackKey, "app", unchanged, flow.Layercache}, cell{loopbackKey, "app", unchanged, flow.Peer}
	line := cell{loopbackKey, "line", unchanged, flow.Layercache}
	var files []string
	for i, measured := range [][]measurement{{{cell: mine, Seconds: 1}}, {{cell: mine, Seconds: 9}, {cell: other, Seconds: 18}}, {{cell: line, Seconds: 5}}} {
		files = append(files, filepath.Join(t.TempDir(), fmt.Sprint(i)))
		require.NoError(t, (&results{Runs: []provenance{{Seed: uint64(i)}}, Measurements: measured}).write(files[i]))
	}
	joined, err := join(files, "")
	require.NoError(t, err)
	sheets := joined.sheets()
	require.Len(t, sheets, 2)
	assert.Equal(t, 1.0, sheets[0].seconds(mine).median)
	assert.Equal(t, 5.0, sheets[0].seconds(line).median)
	assert.Zero(t, sheets[0].seconds(other).n)
	assert.Equal(t, 9.0, sheets[1].seconds(mine).median)
	assert.Equal(t, uint64(1), sheets[1].Runs[0].Seed)

	var printed strings.Builder
	printTables(&printed, joined)
	assert.Contains(t, printed.String(), "### Another run: (b)")
	assert.Contains(t, printed.String(), "18.0 2.00×")
}

func TestBend(t *testing.T) {
	r := &results{}
	add := func(work string, seconds float64) {
		r.Measurements = append(r.Measurements, measurement{cell: cell{loopbackKey, work, unchanged, flow.Layercache}, Seconds: seconds})
	}
	add("wide-50", 0.5)
	add("wide", 2)
	_, known := bend(r)
	assert.False(t, known)
	add("wide-400", 4)
	got, known := bend(r)
	assert.True(t, known)
	assert.InDelta(t, 1, got, 1e-9)
}

func TestTheSlowestOfManyBuilds(t *testing.T) {
	r := &results{}
	c := cell{loopbackKey, "line", unchanged, flow.Layercache}
	for _, seconds := range []float64{0.5, 0.5, 1.5} {
		r.Measurements = append(r.Measurements, measurement{cell: c, Seconds: seconds})
	}
	_, known := slowestOf(4, c)(r)
	assert.False(t, known, "too few builds to meet a slow one")
	got, known := slowestOf(3, c)(r)
	assert.True(t, known)
	assert.InDelta(t, 3, got, 1e-9)
}

func TestPageAndPicture(t *testing.T) {
	chosen, _, err := cells(choice{})
	require.NoError(t, err)
	dir := t.TempDir()
	kept := filepath.Join(dir, "results.json")
	require.NoError(t, full(chosen).write(kept))
	joined := filepath.Join(dir, "joined.json")
	page, picture := filepath.Join(dir, "page.md"), filepath.Join(dir, "picture.svg")
	var printed bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-from", kept + "," + kept, "-page", page, "-picture", picture, "-json", joined}, &printed))
	both, err := readResults(joined)
	require.NoError(t, err)
	assert.Len(t, both.Runs, 2)

	text, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(text), "| layercache | **9.00** | **9.00** |")
	assert.Contains(t, string(text), "| no cache | 1.00 0.11× |")
	assert.Contains(t, string(text), "### Another run: (a) ")
	assert.Contains(t, string(text), "commit c0ffee: `go -C test run ./speed/bench -runs 1`")
	assert.Contains(t, string(text), "no --link: app base-link pull")
	assert.Contains(t, string(text), printed.String()[:100])
	drawn, err := os.ReadFile(picture)
	require.NoError(t, err)
	assert.Contains(t, string(drawn), `y="528" dy="12">9.00 s</text>`)
	assert.NotContains(t, string(drawn), "NaN")
}

func TestPlausibleVerdicts(t *testing.T) {
	app, err := workload.Named("app")
	require.NoError(t, err)
	line, err := workload.Named("line")
	require.NoError(t, err)
	p, err := phaseNamed(unchanged)
	require.NoError(t, err)
	assert.True(t, p.right(app, "used"))
	assert.False(t, p.right(app, "cold"), "a build that did not use the cache is not a valid measurement")
	assert.True(t, p.right(line, "cold"), "a Dockerfile of one line has nothing to cache")
}

func TestCommandLine(t *testing.T) {
	o, err := parse([]string{"-workloads", "app,go", "-runs", "5", "-seed", "7"})
	require.NoError(t, err)
	assert.Equal(t, []string{"app", "go"}, o.workloads)
	assert.Equal(t, uint64(7), o.seed)
	_, err = parse([]string{"app"})
	assert.ErrorContains(t, err, `unexpected argument "app"`)
}
