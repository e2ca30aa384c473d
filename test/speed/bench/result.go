package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/layercache/layercache/test/speed/bench/registry"
)

// results are the results of one or several runs, as saved in a file.
type results struct {
	Runs []provenance `json:"runs"`
	// Bases describes the content of each base image.
	Bases map[string]string `json:"bases"`
	// ZipBytes is the size of the helper's zip by architecture.
	ZipBytes     map[string]int64 `json:"zipBytes"`
	Synth        *synthResult     `json:"synth,omitempty"`
	LeftOut      []leftOut        `json:"leftOut,omitempty"`
	Failures     []failure        `json:"failures,omitempty"`
	Measurements []measurement    `json:"measurements"`
}

// provenance describes where, when and from which commit a run was made.
type provenance struct {
	Machine machine `json:"machine"`
	// Disk describes the file system of the builds.
	Disk     string    `json:"disk"`
	Commit   string    `json:"commit"`
	Command  []string  `json:"command"`
	Seed     uint64    `json:"seed"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
}

// measurement is one build.
type measurement struct {
	cell
	// Run is the index of the build's run in Runs.
	Run     int     `json:"run"`
	Round   int     `json:"round"`
	Seconds float64 `json:"seconds"`
	// Parts are the seconds of the builder's start, the cache's import, its export and, with layercache, the
	// other parts of its report.
	Parts map[string]float64 `json:"parts,omitempty"`
	// Verdict and PeakBytes are only set for layercache.
	Verdict   string           `json:"verdict,omitempty"`
	StepsRun  int              `json:"stepsRun"`
	PeakBytes int64            `json:"peakBytes,omitempty"`
	Traffic   registry.Traffic `json:"traffic"`
	// Mounts is only set if the cache has archives of mounts.
	Mounts *registry.MountTraffic `json:"mounts,omitempty"`
}

// failure is a build that failed or gave a wrong result.
type failure struct {
	cell
	Round int    `json:"round"`
	Error string `json:"error"`
}

// write saves the results in a file, which is complete at any time.
func (r *results) write(path string) error {
	content, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if err := os.WriteFile(path+".new", append(content, '\n'), 0o644); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return os.Rename(path+".new", path)
}

func readResults(path string) (*results, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	var r results
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("bench: %s: %w", path, err)
	}
	return &r, nil
}

// join joins the results of several runs, and saves them if file is not empty.
func join(paths []string, file string) (*results, error) {
	joined := &results{Bases: map[string]string{}}
	for _, path := range paths {
		r, err := readResults(path)
		if err != nil {
			return nil, err
		}
		for _, m := range r.Measurements {
			m.Run += len(joined.Runs)
			joined.Measurements = append(joined.Measurements, m)
		}
		joined.Runs = append(joined.Runs, r.Runs...)
		joined.Failures = append(joined.Failures, r.Failures...)
		joined.LeftOut = append(joined.LeftOut, r.LeftOut...)
		if joined.Synth = cmp.Or(joined.Synth, r.Synth); joined.ZipBytes == nil {
			joined.ZipBytes = r.ZipBytes
		}
		maps.Copy(joined.Bases, r.Bases)
	}
	if file == "" {
		return joined, nil
	}
	return joined, joined.write(file)
}

// sheets separates results that must not be compared, because a machine may be faster in one run than in
// another. The first sheet has all cells, each from the first run that measured it. A later run that measured
// one of them again gets its own sheet.
func (r *results) sheets() []*results {
	first := *r
	first.Measurements = nil
	all := []*results{&first}
	for run := range len(r.Runs) {
		ofRun := slices.DeleteFunc(slices.Clone(r.Measurements), func(m measurement) bool { return m.Run != run })
		if slices.ContainsFunc(ofRun, func(m measurement) bool { return len(first.of(m.cell)) > 0 }) {
			all = append(all, &results{Runs: r.Runs[run : run+1], Measurements: ofRun})
			continue
		}
		first.Measurements = append(first.Measurements, ofRun...)
	}
	return all
}

// of returns the measurements of a cell.
func (r *results) of(c cell) []measurement {
	return slices.DeleteFunc(slices.Clone(r.Measurements), func(m measurement) bool { return m.cell != c })
}

// spread is the median and the range of some figures.
type spread struct {
	median, least, most float64
	n                   int
}

func spreadOf(figures []float64) spread {
	n := len(figures)
	if n == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(figures))
	return spread{median: (sorted[(n-1)/2] + sorted[n/2]) / 2, least: sorted[0], most: sorted[n-1], n: n}
}

// seconds returns the spread of a cell's durations.
func (r *results) seconds(c cell) spread {
	return r.figures(c, func(m measurement) float64 { return m.Seconds })
}

func (r *results) figures(c cell, of func(measurement) float64) spread {
	var figures []float64
	for _, m := range r.of(c) {
		figures = append(figures, of(m))
	}
	return spreadOf(figures)
}
