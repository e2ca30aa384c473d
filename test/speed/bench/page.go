package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/layercache/layercache/test/speed/bench/flow"
	"github.com/layercache/layercache/test/speed/bench/workload"
)

//go:embed page.md.tmpl
var pageSource string

// writePage writes the documentation's page about the benchmark.
func writePage(path string, r *results) error {
	parsed, err := template.New("page").Parse(pageSource)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	var page bytes.Buffer
	if err := parsed.Execute(&page, contentOf(r)); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return nil
}

// content is the data of the page's template.
type content struct {
	Runs      []string
	Bases     []string
	Flows     []flow.Flow
	Workloads []workload.Workload
	Tables    string
	LeftOut   []string
	Failures  []string
	Builds    int
}

func contentOf(r *results) content {
	var tables strings.Builder
	printTables(&tables, r)
	c := content{Flows: flow.All(), Tables: strings.TrimSpace(tables.String()), Builds: len(r.Measurements), LeftOut: reasons(r)}
	for _, work := range workload.All() {
		if !strings.Contains(work.Key, "-") {
			c.Workloads = append(c.Workloads, work)
		}
	}
	for _, run := range r.Runs {
		c.Runs = append(c.Runs, run.text())
	}
	for _, name := range slices.Sorted(maps.Keys(r.Bases)) {
		c.Bases = append(c.Bases, fmt.Sprintf("`%s`: %s", name, r.Bases[name]))
	}
	for _, f := range r.Failures {
		first, _, _ := strings.Cut(f.Error, "\n")
		c.Failures = append(c.Failures, fmt.Sprintf("%s, %s, %s, %s: %s", f.Workload, f.Phase, f.Flow, f.Network, first))
	}
	return c
}

// text describes where, when and how a run was made.
func (p provenance) text() string {
	m := p.Machine
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(m.Versions)) {
		if m.Versions[name] != "" {
			_, version, found := strings.Cut(m.Versions[name], " version ")
			if !found {
				version = m.Versions[name]
			}
			versions = append(versions, name+" "+version)
		}
	}
	return fmt.Sprintf("%s, commit %s: `go -C test run ./speed/bench %s` with seed %d, on a machine with %d cores (%s), %.0f GB of memory, %s, kernel %s, %s; %s",
		p.Started.Format("2 January 2006"), p.Commit, strings.Join(p.Command, " "), p.Seed, m.Cores, m.Processor, float64(m.MemoryBytes)/1e9,
		m.System, m.Kernel, p.Disk, strings.Join(versions, ", "))
}

// reasons groups the cells that could not be measured by reason.
func reasons(r *results) []string {
	cellsOf := map[string][]string{}
	for _, left := range r.LeftOut {
		if r.seconds(left.cell).n == 0 {
			cellsOf[left.Why] = append(cellsOf[left.Why], fmt.Sprintf("%s %s %s", left.Workload, left.Phase, left.Flow))
		}
	}
	var all []string
	for _, why := range slices.Sorted(maps.Keys(cellsOf)) {
		slices.Sort(cellsOf[why])
		all = append(all, fmt.Sprintf("%s: %s", why, strings.Join(slices.Compact(cellsOf[why]), ", ")))
	}
	return all
}
