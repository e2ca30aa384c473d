package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/localaws/agent"
)

// plan is one of the demo's builds.
type plan struct {
	name string
	// description describes the build.
	description string
	// verdict is the expected verdict.
	verdict string
	// change edits the working copy and returns a description of the change. It may be nil.
	change func(dir string) (string, error)
}

func plans() []plan {
	return []plan{
		{name: "cold", description: "the cache is empty", verdict: "cold"},
		{name: "unchanged", description: "the same source again", verdict: "used"},
		{name: "changed", description: "one source file changed", verdict: "partly-used", change: changeGreeting},
	}
}

// build is a finished build.
type build struct {
	plan
	seconds float64
	report  *report.Report
	// reportFile is the path of the build's report.json.
	reportFile string
	// exported is the exported variable LAYERCACHE_VERDICT.
	exported string
}

// build runs the project once, on a fresh copy of its source.
func (d *demo) build(ctx context.Context, p plan) (build, error) {
	heading(d.w, "%s: %s", p.name, p.description)
	source, err := d.workingCopy(p)
	if err != nil {
		return build{}, err
	}
	dir := filepath.Join(d.dir, p.name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return build{}, fmt.Errorf("demo: %w", err)
	}
	result, err := agent.Build{
		Project: d.project.Name, Account: d.project.Account, Region: d.project.Region, Partition: d.project.Partition,
		Image: d.project.Image, BuildSpec: d.project.BuildSpec,
		Variables: variables(d.project), Source: source, SecondarySources: secondarySources(d.project),
		Dir: dir, Env: d.env, Output: d.w,
	}.Run(ctx)
	if err != nil {
		return build{}, err
	}
	if result.Status != agent.Succeeded {
		return build{}, fmt.Errorf("demo: the %s build ended with status %s: %s", p.name, result.Status, describe(result.Phases))
	}
	return d.collect(p, result)
}

// workingCopy returns the source folder of a build: the project's asset, or a changed copy of it.
func (d *demo) workingCopy(p plan) (string, error) {
	if p.change == nil {
		return d.project.Source.Path, nil
	}
	dir := filepath.Join(d.dir, p.name+"-source")
	if err := os.CopyFS(dir, os.DirFS(d.project.Source.Path)); err != nil {
		return "", fmt.Errorf("demo: copy the source: %w", err)
	}
	done, err := p.change(dir)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(d.w, "the change: %s\n", done)
	return dir, nil
}

// collect copies the build's reports out of its working directory, which is removed later.
func (d *demo) collect(p plan, result *agent.Result) (build, error) {
	from := filepath.Join(result.SourceDir, d.project.Value("LAYERCACHE_REPORT_DIR"))
	to, err := filepath.Abs(filepath.Join(d.options.reports, p.name))
	if err != nil {
		return build{}, fmt.Errorf("demo: %w", err)
	}
	if err := os.RemoveAll(to); err != nil {
		return build{}, fmt.Errorf("demo: %w", err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return build{}, fmt.Errorf("demo: the %s build has no report: %w", p.name, err)
	}
	done := build{
		plan: p, seconds: result.Seconds, reportFile: filepath.Join(to, report.File),
		exported: result.Exported["LAYERCACHE_VERDICT"],
	}
	done.report, err = report.Read(done.reportFile)
	return done, err
}

func describe(phases []agent.Phase) string {
	for _, phase := range phases {
		if phase.Status != agent.Succeeded {
			return fmt.Sprintf("%s: %q had exit status %d", phase.Name, phase.Command, phase.ExitCode)
		}
	}
	return "no phase"
}
