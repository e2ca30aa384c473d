package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
)

func finished(name, verdict string, seconds float64) build {
	ratio := 0.5
	b := build{seconds: seconds, exported: verdict, reportFile: "/reports/" + name + "/report.json", report: &report.Report{
		Verdict: verdict, VerdictReason: "because", Exported: "yes", HitRatio: &ratio,
		Steps: []report.Step{{Instruction: "FROM scratch"}, {Instruction: "RUN a", Cached: true}, {Instruction: "RUN b"}},
	}}
	for _, p := range plans() {
		if p.name == name {
			b.plan = p
		}
	}
	return b
}

func good() []build {
	return []build{finished("cold", "cold", 30), finished("unchanged", "used", 1), finished("changed", "partly-used", 20)}
}

func TestJudge(t *testing.T) {
	cases := map[string]struct {
		change func(builds []build)
		want   string
	}{
		"three builds with the expected results pass":               {func([]build) {}, ""},
		"a cold build with a cache fails":                           {func(b []build) { b[0] = finished("cold", "used", 30) }, `the cold build's verdict is "used", not "cold"`},
		"an unchanged build without a cache fails":                  {func(b []build) { b[1] = finished("unchanged", "cold", 1) }, `the unchanged build's verdict is "cold"`},
		"a changed build with every step cached fails":              {func(b []build) { b[2] = finished("changed", "used", 20) }, `the changed build's verdict is "used"`},
		"an unchanged build that takes a quarter of the time fails": {func(b []build) { b[1].seconds = 7.5 }, "at least a quarter of the cold build (7.5 s)"},
		"a verdict that was not exported fails":                     {func(b []build) { b[2].exported = "" }, `exported LAYERCACHE_VERDICT=""`},
		"all problems are reported together":                        {func(b []build) { b[0].exported, b[1].seconds = "", 30 }, "at least a quarter"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			builds := good()
			c.change(builds)
			err := judge(builds)
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestPrintResults(t *testing.T) {
	var out bytes.Buffer
	printResults(&out, good())
	assert.Contains(t, out.String(), "build       seconds   steps cached   verdict\n")
	assert.Contains(t, out.String(), "unchanged      1.0    1 of 2         used\n")
	assert.Contains(t, out.String(), "changed: cache partly used: because")
	assert.Contains(t, out.String(), "report of cold: /reports/cold/report.html\n")
}

func TestChangeGreeting(t *testing.T) {
	t.Run("changes one line of the sample service", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS("service")))
		done, err := changeGreeting(dir)
		require.NoError(t, err)
		assert.Equal(t, `greeting.go now has "Good day" instead of "Hello"`, done)
		text, err := os.ReadFile(filepath.Join(dir, "greeting.go"))
		require.NoError(t, err)
		assert.Contains(t, string(text), `const salutation = "Good day"`)
		original, err := os.ReadFile("service/greeting.go")
		require.NoError(t, err)
		assert.Contains(t, string(original), `"Hello"`)
	})
	t.Run("refuses another source", func(t *testing.T) {
		_, err := changeGreeting(t.TempDir())
		assert.ErrorContains(t, err, "is not the sample service")
	})
}

func TestFindProject(t *testing.T) {
	const recorded = "../kit/template/testdata/app"
	t.Run("finds the only project", func(t *testing.T) {
		project, err := findProject(options{cdkOut: recorded})
		require.NoError(t, err)
		assert.Equal(t, "ImageProject", project.LogicalID)
		assert.Contains(t, secondarySources(project), "layercache")
		assert.Equal(t, "registry", variables(project)["LAYERCACHE_MODE"])
	})
	t.Run("lists the projects if none has the name", func(t *testing.T) {
		_, err := findProject(options{cdkOut: recorded, project: "Other"})
		assert.ErrorContains(t, err, "has the CodeBuild projects ImageProject: choose one with -project")
	})
	t.Run("asks for a synthesized app", func(t *testing.T) {
		_, err := findProject(options{cdkOut: t.TempDir()})
		assert.ErrorContains(t, err, "npx cdk synth")
	})
}

func TestBaseImagesOfADockerfile(t *testing.T) {
	cases := map[string]struct{ line, want string }{
		"an image with a registry":        {"FROM public.ecr.aws/docker/library/golang:1.26 AS build", "public.ecr.aws/docker/library/golang:1.26"},
		"an image for a platform":         {"FROM --platform=$BUILDPLATFORM quay.io/team/app:1", "quay.io/team/app:1"},
		"an image in lower case":          {"from quay.io/team/app:1", "quay.io/team/app:1"},
		"no earlier stage":                {"FROM build", ""},
		"no image without a registry":     {"FROM library/golang:1.26", ""},
		"no image of another instruction": {"COPY --from=quay.io/team/app:1 / /", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			match := from.FindStringSubmatch("ARG A\n" + c.line + "\n")
			if c.want == "" {
				assert.Empty(t, match)
				return
			}
			require.Len(t, match, 2)
			assert.Equal(t, c.want, match[1])
		})
	}
}

func TestRunRefusesArgumentsThatAreNotFlags(t *testing.T) {
	assert.ErrorContains(t, run(t.Context(), []string{"cold"}, &bytes.Buffer{}), `unexpected argument "cold"`)
}
