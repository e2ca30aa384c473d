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

	"github.com/layercache/layercache/test/bench/registry"
)

// results are one run of the benchmark or several, as they are kept in a file.
type results struct {
	Runs []provenance `json:"runs"`
	// Bases says what each base image is made of.
	Bases map[string]string `json:"bases"`
	// ZipBytes is the size of the helper's zip by architecture.
	ZipBytes     map[string]int64 `json:"zipBytes"`
	Synth        *synthResult     `json:"synth,omitempty"`
	LeftOut      []leftOut        `json:"leftOut,omitempty"`
	Failures     []failure        `json:"failures,omitempty"`
	Measurements []measurement    `json:"measurements"`
}

// provenance says where, when and of what figures were taken.
type provenance struct {
	Machine machine `json:"machine"`
	// Disk says what file system the builds had.
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
	// Run is the place of the build's run in the list of runs.
	Run     int     `json:"run"`
	Round   int     `json:"round"`
	Seconds float64 `json:"seconds"`
	// Parts are the seconds of the builder's start, the cache's import, its export and, with layercache, the other parts of
	// its report.
	Parts map[string]float64 `json:"parts,omitempty"`
	// Verdict and PeakBytes are layercache's.
	Verdict   string           `json:"verdict,omitempty"`
	StepsRun  int              `json:"stepsRun"`
	PeakBytes int64            `json:"peakBytes,omitempty"`
	Traffic   registry.Traffic `json:"traffic"`
}

// failure is a build that did not do what it should.
type failure struct {
	cell
	Round int    `json:"round"`
	Error string `json:"error"`
}

// write keeps the results in a file, which is whole at any time.
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

// join puts the results of several runs together, and into a file where one is named.
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
		joined.ZipBytes, joined.Synth = r.ZipBytes, cmp.Or(r.Synth, joined.Synth)
		maps.Copy(joined.Bases, r.Bases)
	}
	if file == "" {
		return joined, nil
	}
	return joined, joined.write(file)
}

// sheets keep apart what must not be compared: a machine may be faster in one run than in another. The first has all cells,
// each from the first run that measured it; a later run that measured one of them again has a sheet of its own.
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

// of are the measurements of a cell.
func (r *results) of(c cell) []measurement {
	return slices.DeleteFunc(slices.Clone(r.Measurements), func(m measurement) bool { return m.cell != c })
}

// spread is the middle and the ends of some figures.
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

// seconds are a cell's.
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
