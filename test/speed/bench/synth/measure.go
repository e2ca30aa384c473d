package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/test/kit/checkout"
)

// result holds medians in seconds.
type result struct {
	pair
	App    pair `json:"app"`
	Builds int  `json:"builds"`
	Runs   int  `json:"runs"`
}

type pair struct {
	Go         float64 `json:"go"`
	JavaScript float64 `json:"javascript"`
	Ratio      float64 `json:"ratio"`
}

// bench is the state that the runs share.
type bench struct {
	// dir is scratch space, cdk the path of the CDK CLI.
	dir, cdk string
	environ  []string
	// apps are the command lines of the apps by language.
	apps map[string][]string
}

var languages = []string{"go", "javascript"}

func measure(dir string, builds, runs int, progress io.Writer) (*result, error) {
	b, err := newBench(dir, builds, progress)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(b.dir)
	alone, below := map[string][]float64{}, map[string][]float64{}
	for n := range runs {
		for _, language := range languages {
			if err := b.time(alone, language, b.app(language)); err != nil {
				return nil, err
			}
			if err := b.time(below, language, b.synth(language)); err != nil {
				return nil, err
			}
		}
		if err := b.compare(); err != nil {
			return nil, err
		}
		fmt.Fprintf(progress, "synth: run %d of %d\n", n+1, runs)
	}
	return &result{pair: pairOf(below), App: pairOf(alone), Builds: builds, Runs: runs}, nil
}

// newBench prepares both apps and runs each once, which fills the caches of jsii and of the file system.
func newBench(dir string, builds int, progress io.Writer) (*bench, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := install(dir, progress); err != nil {
		return nil, err
	}
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "layercache-synth-")
	if err != nil {
		return nil, err
	}
	path, err := writeParameters(scratch, builds)
	b := &bench{
		dir: scratch, cdk: checkout.Path("node_modules/.bin/cdk"),
		// jsii prints a banner for Node.js versions at their end of life; the CDK still works with them.
		environ: append(os.Environ(), appVariable+"="+path, "CDK_VALIDATION=false", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION="+nodeVersion()),
		apps:    map[string][]string{"go": {own}, "javascript": {"node", filepath.Join(dir, "app.js"), path}},
	}
	for _, language := range languages {
		if err == nil {
			err = b.run(b.app(language))
		}
	}
	if err == nil {
		err = b.compare()
	}
	if err != nil {
		os.RemoveAll(scratch)
		return nil, err
	}
	return b, nil
}

// install installs the CDK for JavaScript next to app.js.
func install(dir string, progress io.Writer) error {
	if _, err := os.Stat(filepath.Join(dir, "node_modules/aws-cdk-lib")); err == nil {
		return nil
	}
	fmt.Fprintln(progress, "synth: installing aws-cdk-lib for JavaScript")
	npm := exec.Command("npm", "ci", "--silent", "--no-audit", "--no-fund")
	npm.Dir, npm.Stdout, npm.Stderr = dir, progress, progress
	if err := npm.Run(); err != nil {
		return fmt.Errorf("npm ci in %s: %w", dir, err)
	}
	return nil
}

func nodeVersion() string {
	version, err := exec.Command("node", "-p", `process.versions.node.split(".")[0]`).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(version))
}

// app returns the command that runs the app as the CDK CLI does.
func (b *bench) app(language string) *exec.Cmd {
	c := exec.Command(b.apps[language][0], b.apps[language][1:]...)
	c.Env = append(slices.Clone(b.environ), "CDK_OUTDIR="+b.assembly(language))
	return c
}

func (b *bench) synth(language string) *exec.Cmd {
	quoted := `exec "` + strings.Join(b.apps[language], `" "`) + `"`
	c := exec.Command(b.cdk, "synth", "--quiet", "--no-version-reporting", "--output", b.assembly(language), "--app", quoted)
	c.Env = b.environ
	return c
}

func (b *bench) assembly(language string) string { return filepath.Join(b.dir, language+".out") }

func (b *bench) run(c *exec.Cmd) error {
	var output bytes.Buffer
	c.Dir, c.Stdout, c.Stderr = b.dir, &output, &output
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, &output)
	}
	return nil
}

func (b *bench) time(seconds map[string][]float64, language string, c *exec.Cmd) error {
	if err := os.RemoveAll(b.assembly(language)); err != nil {
		return err
	}
	begin := time.Now()
	err := b.run(c)
	seconds[language] = append(seconds[language], time.Since(begin).Seconds())
	return err
}

// compare returns an error if the two apps created different templates.
func (b *bench) compare() error {
	templates, err := filepath.Glob(filepath.Join(b.assembly("go"), "*.template.json"))
	if err != nil || len(templates) == 0 {
		return fmt.Errorf("no template in %s: %v", b.assembly("go"), err)
	}
	for _, template := range templates {
		other := filepath.Join(b.assembly("javascript"), filepath.Base(template))
		fromGo, err := os.ReadFile(template)
		if err != nil {
			return err
		}
		fromJavaScript, err := os.ReadFile(other)
		if err != nil {
			return err
		}
		if !bytes.Equal(fromGo, fromJavaScript) {
			return fmt.Errorf("the two apps differ in %s: apply the change of the constructs to app.js", filepath.Base(template))
		}
	}
	return nil
}

func pairOf(seconds map[string][]float64) pair {
	p := pair{Go: median(seconds["go"]), JavaScript: median(seconds["javascript"])}
	p.Ratio = p.Go / p.JavaScript
	return p
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
