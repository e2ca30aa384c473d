package workload

import (
	"archive/tar"
	"compress/gzip"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// written returns the files of a workload at a revision, by path.
func written(t *testing.T, w Workload, r Revision) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "context")
	require.NoError(t, w.Write(dir, r))
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		relative, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(relative)] = string(content)
		return err
	}))
	return files
}

func changed(before, after map[string]string) (paths []string) {
	for path := range after {
		if before[path] != after[path] {
			paths = append(paths, path)
		}
	}
	return paths
}

func TestEveryWorkload(t *testing.T) {
	first := Revision{Bases: "registry.example:5000/bases", Source: First, Dependencies: First}
	for _, w := range All() {
		t.Run(w.Key, func(t *testing.T) {
			files := written(t, w, first)
			assert.Equal(t, files, written(t, w, first), "the files are the same each time")
			stages := parse(t, files["Dockerfile"])
			for _, stage := range stages {
				if strings.Contains(stage.BaseName, "/") {
					name, found := strings.CutPrefix(strings.TrimSuffix(stage.BaseName, ":latest"), first.Bases+"/")
					assert.True(t, found, stage.BaseName)
					assert.Contains(t, w.Bases, name)
				}
			}
			assert.Contains(t, w.Bases, w.Changing)
			linked := first
			linked.Linked = true
			assert.Equal(t, strings.Contains(files["Dockerfile"], "COPY --from="), len(changed(files, written(t, w, linked))) == 1)
			assert.NotContains(t, files["Dockerfile"], "--link", "docker's older frontends do not support it")
		})
	}
}

func TestARevisionChangesOnlyItsFiles(t *testing.T) {
	cases := map[string]struct{ source, dependencies []string }{
		"line":   {nil, nil},
		"app":    {[]string{"src/revision"}, []string{"dependencies.txt"}},
		"go":     {[]string{"greeting.go"}, []string{"go.mod"}},
		"node":   {[]string{"revision"}, []string{"dependencies.txt", "package.json"}},
		"wide":   {[]string{"parts/0"}, []string{"parts/1"}},
		"large":  {[]string{"revision"}, []string{"dependencies.txt"}},
		"helper": {[]string{"revision", "internal/run/revision.go"}, []string{"go.mod", "go.sum", "internal/run/revision.go"}},
		"cargo":  {[]string{"revision", "src/main.rs"}, []string{"Cargo.toml", "Cargo.lock"}},
		"maven":  {[]string{"revision", "src/main/java/app/Main.java"}, []string{"pom.xml"}},
		"npm":    {[]string{"revision", "src/revision.js"}, []string{"package.json", "package-lock.json"}},
		"pnpm":   {[]string{"revision", "src/revision.js"}, []string{"package.json", "pnpm-lock.yaml"}},
		"pip":    {[]string{"revision", "app/main.py"}, []string{"requirements.txt"}},
		"apt":    {[]string{"revision"}, []string{"Dockerfile"}},
	}
	for key, c := range cases {
		t.Run(key, func(t *testing.T) {
			w, err := Named(key)
			require.NoError(t, err)
			first := Revision{Bases: "r/b", Source: First, Dependencies: First}
			before := written(t, w, first)
			assert.ElementsMatch(t, c.source, changed(before, written(t, w, Revision{Bases: "r/b", Source: "two", Dependencies: First})))
			assert.ElementsMatch(t, c.dependencies, changed(before, written(t, w, Revision{Bases: "r/b", Source: First, Dependencies: "two"})))
		})
	}
}

func TestAWideGraphHasTheNumberOfStepsInItsName(t *testing.T) {
	for key, want := range map[string]int{"wide-50": 50, "wide-100": 100, "wide": 200, "wide-400": 400} {
		w, err := Named(key)
		require.NoError(t, err)
		stages := parse(t, written(t, w, Revision{Bases: "r/b", Dependencies: First})["Dockerfile"])
		steps := 0
		for _, stage := range stages[:len(stages)-1] {
			steps += len(stage.Commands)
		}
		assert.Equal(t, want, steps, key)
		assert.Len(t, stages[len(stages)-1].Commands, want/stageSteps, key)
	}
}

func TestALayerIsReproducibleAndDiffersBetweenReleases(t *testing.T) {
	digest := func(release int) string {
		image, err := withText(empty.Image, release)
		require.NoError(t, err)
		layers, err := image.Layers()
		require.NoError(t, err)
		require.Len(t, layers, 2)
		compressed, err := layers[0].Compressed()
		require.NoError(t, err)
		defer compressed.Close()
		content, err := gzip.NewReader(compressed)
		require.NoError(t, err)
		archive := tar.NewReader(content)
		header, err := archive.Next()
		require.NoError(t, err)
		assert.Equal(t, int64(50_000), header.Size)
		text := make([]byte, 200)
		_, err = archive.Read(text)
		require.NoError(t, err)
		return string(text)
	}
	assert.Equal(t, digest(1), digest(1))
	assert.NotEqual(t, digest(1), digest(2))
}

func parse(t *testing.T, dockerfile string) []instructions.Stage {
	t.Helper()
	parsed, err := parser.Parse(strings.NewReader(dockerfile))
	require.NoError(t, err)
	stages, _, err := instructions.Parse(parsed.AST, nil)
	require.NoError(t, err)
	return stages
}
