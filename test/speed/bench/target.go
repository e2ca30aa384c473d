package main

import (
	"fmt"

	"github.com/layercache/layercache/test/speed/bench/flow"
	"github.com/layercache/layercache/test/speed/bench/workload"
)

// target is a performance target of the project.
type target struct {
	// what describes the target; most and unit are its upper bound.
	what string
	most float64
	unit string
	// figure returns the measured figure; known reports whether it was measured.
	figure func(r *results) (got float64, known bool)
}

// verdict is a target with its measured figure.
type verdict struct {
	target
	got        float64
	known, met bool
}

func judge(r *results) []verdict {
	var verdicts []verdict
	for _, t := range targets() {
		got, known := t.figure(r)
		verdicts = append(verdicts, verdict{t, got, known, known && got <= t.most})
	}
	return verdicts
}

// targets returns the targets. All are for loopback: a network slows down the other flows' transfers more,
// which would favour layercache.
func targets() []target {
	at := func(workload, phase, f string) cell { return cell{loopbackKey, workload, phase, f} }
	mine, none := flow.Layercache, flow.None
	mounted := cell{mountsKey, "app", baseLinked, mine}
	off, living := flow.MountsOff, flow.Living
	return []target{
		{"(b) unchanged, compared with the published walkthrough", 1.0 / 30, "×", ratio(at("app", unchanged, mine), at("app", unchanged, flow.Walkthrough))},
		{"(b) unchanged, compared with pull and `--cache-from`", 1.0 / 8, "×", ratio(at("app", unchanged, mine), at("app", unchanged, flow.Pull))},
		{"(b) unchanged, extra time compared with by hand on a running builder", 0.35, "s",
			difference(at("app", unchanged, mine), at("app", unchanged, flow.ByHand))},
		{"(b) unchanged with TLS and a sign-in, extra time compared with by hand when already signed in", 0.35, "s",
			difference(cell{ecrKey, "app", unchanged, mine}, cell{ecrKey, "app", unchanged, flow.ByHand})},
		{"(b) source changed, compared with the walkthrough with a separate cache tag", 0.45, "×", ratio(at("app", source, mine), at("app", source, flow.OwnTag))},
		{"(b) source changed, compared with a registry cache by hand with gzip", 0.8, "×", ratio(at("app", source, mine), at("app", source, flow.ByHandGzip))},
		{"(b) source changed, compared with the same flags by hand", 0.75, "×", ratio(at("app", source, mine), at("app", source, flow.ByHand))},
		{"(b) cold with the cache written, compared with no cache", 1.1, "×", ratio(at("app", cold, mine), at("app", cold, none))},
		{"(a) setup, import and export", 0.5, "s", worst(addedTime, at("line", cold, mine), at("line", unchanged, mine))},
		{"(a) unchanged, the slowest of 200 or more builds compared with their median", 1.5, "×", slowestOf(200, at("line", unchanged, mine))},
		{"(e) unchanged", 1.5, "s", worst(buildTime, at("wide", unchanged, mine))},
		{"(e) unchanged with 400 steps, compared with the line through 50 and 200 steps", 1.3, "×", bend},
		{"(b) base changed with `--link`", 2, "s", worst(buildTime, at("app", baseLinked, mine))},
		{"(b) base changed with `--link`, layers of the base image pulled", 0, "", worst(baseLayers, at("app", baseLinked, mine))},
		{"(b) base changed with `--link`, the registry mounting layers", 2, "s", worst(buildTime, mounted)},
		{"(b) base changed with `--link`, the registry mounting layers, layers of the base image pulled", 0, "", worst(baseLayers, mounted)},
		{"(b) base changed with `--link`, steps run", 0, "", worst(stepsRun, at("app", baseLinked, mine))},
		{"(f) source changed, compared with the same flags by hand", 0.6, "×", ratio(at("large", source, mine), at("large", source, flow.ByHand))},
		{"(g) source changed, compared with empty cache mounts", 1.0 / 8, "×", ratio(at("helper", source, mine), at("helper", source, off))},
		{"(g) source changed, compared with a builder that lives on", 2, "×", ratio(at("helper", source, mine), at("helper", source, living))},
		{"(h) source changed, compared with empty cache mounts", 1.0 / 3, "×", ratio(at("cargo", source, mine), at("cargo", source, off))},
		{"(i) source changed, compared with empty cache mounts", 1.0 / 3, "×", ratio(at("maven", source, mine), at("maven", source, off))},
		{"(j) source changed, compared with empty cache mounts", 1.0 / 3, "×", ratio(at("npm", source, mine), at("npm", source, off))},
		{"(g) to (m) unchanged or changed, the slowest compared with empty cache mounts", 1.05, "×", slowest(off, unchanged, source, dependency)},
		{"(g) to (m) cold, the slowest compared with empty cache mounts", 1.1, "×", slowest(off, cold)},
		{"(g) unchanged, extra time compared with empty cache mounts", 0.02, "s", difference(at("helper", unchanged, mine), at("helper", unchanged, off))},
		{"(g) to (m) unchanged, requests for cache mounts", 0, "", worst(mountRequests, ofMounted(unchanged, mine)...)},
		{"(g) to (m) source changed, the largest part of the kept mounts that is uploaded", 0.1, "×", worst(uploadedPart, ofMounted(source, mine)...)},
		{"peak memory of the helper in any build", 64, "MB", peak},
		{"the helper's zip, the larger architecture", 21, "MB", zip},
		{"synth of 100 builds, compared with a JavaScript app", 1.3, "×", synthRatio},
	}
}

func buildTime(m measurement) float64 { return m.Seconds }

func baseLayers(m measurement) float64 { return float64(m.Traffic.BaseLayers) }

func stepsRun(m measurement) float64 { return float64(m.StepsRun) }

// addedTime is the time that a cache adds to a build: the builder's start, the import and the export.
func addedTime(m measurement) float64 { return m.Parts["boot"] + m.Parts["import"] + m.Parts["export"] }

func ratio(a, b cell) func(*results) (float64, bool) {
	return func(r *results) (float64, bool) {
		over, under := r.seconds(a), r.seconds(b)
		if over.n == 0 || under.n == 0 {
			return 0, false
		}
		return over.median / under.median, true
	}
}

func difference(a, b cell) func(*results) (float64, bool) {
	return func(r *results) (float64, bool) {
		from, less := r.seconds(a), r.seconds(b)
		return from.median - less.median, from.n > 0 && less.n > 0
	}
}

// worst returns the largest median of some cells.
func worst(of func(measurement) float64, cells ...cell) func(*results) (float64, bool) {
	return func(r *results) (float64, bool) {
		largest, known := 0.0, false
		for _, c := range cells {
			if s := r.figures(c, of); s.n > 0 {
				largest, known = max(largest, s.median), true
			}
		}
		return largest, known
	}
}

// slowestOf returns the slowest of at least n builds of a cell as a multiple of their median.
func slowestOf(n int, c cell) func(*results) (float64, bool) {
	return func(r *results) (float64, bool) {
		s := r.seconds(c)
		if s.n < n {
			return 0, false
		}
		return s.most / s.median, true
	}
}

// ofMounted returns the cells of the workloads with cache mounts.
func ofMounted(phase, f string) (cells []cell) {
	for _, key := range workload.Mounted() {
		cells = append(cells, cell{loopbackKey, key, phase, f})
	}
	return cells
}

// mountRequests is the number of requests for cache mounts.
func mountRequests(m measurement) float64 {
	if m.Mounts == nil {
		return 0
	}
	return float64(m.Mounts.Requests)
}

// uploadedPart is the part of the kept cache mounts that a build uploaded.
func uploadedPart(m measurement) float64 {
	if m.Mounts == nil || m.Mounts.StoredBytes == 0 {
		return 0
	}
	return float64(m.Mounts.UploadedBytes) / float64(m.Mounts.StoredBytes)
}

// slowest returns the largest ratio of layercache to another flow, of the workloads with cache mounts in some phases.
func slowest(other string, phases ...string) func(*results) (float64, bool) {
	return func(r *results) (float64, bool) {
		largest, all := 0.0, true
		for _, phase := range phases {
			for i, mine := range ofMounted(phase, flow.Layercache) {
				got, known := ratio(mine, ofMounted(phase, other)[i])(r)
				largest, all = max(largest, got), all && known
			}
		}
		return largest, all
	}
}

// bend is at most 1 if the time of an unchanged build grows no faster than linearly with its steps.
func bend(r *results) (float64, bool) {
	at := func(workload string) spread {
		return r.seconds(cell{loopbackKey, workload, unchanged, flow.Layercache})
	}
	few, some, many := at("wide-50"), at("wide"), at("wide-400")
	if few.n == 0 || some.n == 0 || many.n == 0 {
		return 0, false
	}
	return many.median / (some.median + (some.median-few.median)/150*200), true
}

func peak(r *results) (float64, bool) {
	most := int64(0)
	for _, m := range r.Measurements {
		most = max(most, m.PeakBytes)
	}
	return megabytes(most), most > 0
}

func zip(r *results) (float64, bool) {
	most := int64(0)
	for _, size := range r.ZipBytes {
		most = max(most, size)
	}
	return megabytes(most), most > 0
}

func synthRatio(r *results) (float64, bool) {
	if r.Synth == nil {
		return 0, false
	}
	return r.Synth.Ratio, true
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

// answer returns the verdict as text.
func (v verdict) answer() string {
	switch {
	case !v.known:
		return "not measured"
	case v.met:
		return "met"
	default:
		return "**not met**"
	}
}

func (v verdict) figureText() string {
	if !v.known {
		return "–"
	}
	text := amount(v.got, v.unit)
	if !v.met && text == amount(v.most, v.unit) {
		// Rounded, a figure just above its bound would look as if it met it.
		return withDigits(v.got, 4, v.unit)
	}
	return text
}

// amount formats a figure with as many digits as it needs.
func amount(figure float64, unit string) string {
	digits := 2
	switch {
	case unit == "":
		digits = 0
	case figure < 0.1:
		digits = 3
	case figure >= 10:
		digits = 1
	}
	return withDigits(figure, digits, unit)
}

func withDigits(figure float64, digits int, unit string) string {
	text := fmt.Sprintf("%.*f", digits, figure)
	if unit == "×" || unit == "" {
		return text + unit
	}
	return text + " " + unit
}
