package e2e

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// copyAll copies the whole context, so every file that layercache leaves there would be an input.
const copyAll = "FROM " + base + "\nCOPY . /s\nRUN true\n"

// twoBuilds are two builds in one checkout: the reports of the first are there when the second starts.
type twoBuilds struct {
	name string
	// api and web are variables of the builds, apiArgs and webArgs further arguments.
	api, web         map[string]string
	apiArgs, webArgs []string
	files            map[string]string
}

func settings(pairs ...string) map[string]string {
	variables := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		variables["LAYERCACHE_"+pairs[i]] = pairs[i+1]
	}
	return variables
}

var placesOfReports = []twoBuilds{
	{name: "default settings"},
	{name: "a folder for each build's reports", api: settings("REPORT_DIR", "out/api"), web: settings("REPORT_DIR", "out/web")},
	{name: "reports beside the source", api: settings("REPORT_DIR", "src"), web: settings("REPORT_DIR", "src")},
	{name: "reports in the context itself", api: settings("REPORT_DIR", "."), web: settings("REPORT_DIR", "web-report")},
	{name: "an ignore file that readmits everything", files: map[string]string{".dockerignore": "*\n!*\n"}},
	{name: "an ignore file that leaves the reports out", files: map[string]string{".dockerignore": "layercache-report\n"}},
	{name: "an ignore file of one Dockerfile", files: map[string]string{"web.Dockerfile.dockerignore": "# nothing\ndeps.txt"}},
	{name: "names that are patterns", api: settings("REPORT_DIR", "!out [1]*/#x"), web: settings("REPORT_DIR", `w\e?b `)},
	{name: "metadata and image IDs", apiArgs: []string{"--metadata-file", "api.json", "--iidfile=src/api.id"},
		webArgs: []string{"--metadata-file=web.json", "--iidfile", "src/web.id"}},
	{name: "a Dockerfile in another folder", files: map[string]string{"deploy/api.Dockerfile": copyAll, "deploy/web.Dockerfile": copyAll},
		apiArgs: []string{"-f", "deploy/api.Dockerfile"}, webArgs: []string{"-fdeploy/web.Dockerfile"}},
}

func TestReportsAreNoInputOfTheNextBuildInACheckout(t *testing.T) {
	t.Parallel()
	for _, c := range placesOfReports {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			for round := range 3 {
				source := w.checkout(c.files)
				api, web := w.buildTwo(c)
				if round > 0 {
					assert.Equal(t, "used", api.Verdict, api.log)
					assert.Equal(t, "used", web.Verdict, web.log)
				}
				assert.NotContains(t, api.log+web.log, "which layercache writes")
				assert.Subset(t, source, copied(t, w.pulled(w.registry.Addr()+"/web:1")), "the image must hold nothing but the source")
				assert.Subset(t, w.listing(), source, "the build must not remove a file of the source")
			}
		})
	}
}

func TestReportsAreNoInputOfTheNextBuildInAFolder(t *testing.T) {
	t.Parallel()
	cases := append(placesOfReports,
		twoBuilds{name: "caches in folders by flags", apiArgs: []string{"--cache-to=type=local,dest=kept/api"}, webArgs: []string{"--cache-to", "dest=kept/web,type=local"}},
		twoBuilds{name: "caches in folders", api: settings("MODE", "local", "LOCAL_DIR", "cache/api"), web: settings("MODE", "local", "LOCAL_DIR", "cache/web")},
	)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			source := w.checkout(c.files)
			w.buildTwo(c)
			for range 2 {
				api, web := w.buildTwo(c)
				assert.Equal(t, "used", api.Verdict, api.log)
				assert.Equal(t, "used", web.Verdict, web.log)
			}
			assert.Subset(t, source, copied(t, w.pulled(w.registry.Addr()+"/web:1")), "the image must hold nothing but the source")
			var left []string
			for _, path := range w.listing() {
				if strings.Contains(path, "dockerignore") {
					left = append(left, path)
				}
			}
			assert.Subset(t, source, left, "no ignore file may be left in the source")
		})
	}
}

func TestABuildAfterTryAndTryAfterABuild(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.checkout(map[string]string{"Dockerfile": copyAll})
	delete(w.env, "LAYERCACHE_REPORT_DIR")
	first := w.buildOf("shop", nil, []string{"-f", "Dockerfile"})
	tried := w.run("try", ".")
	require.Zero(t, tried.exitCode, tried.log)
	assert.Contains(t, tried.log, "changed source: ", tried.log)
	assert.NotContains(t, tried.log, "changed source: layercache-report")
	second := w.buildOf("shop", nil, []string{"-f", "Dockerfile"})
	assert.Equal(t, "cold", first.Verdict)
	assert.Equal(t, "used", second.Verdict, second.log)
}

func TestAReportThatTheDockerfileNamesStaysInTheBuildAndIsSaidBefore(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.checkout(map[string]string{"Dockerfile": "FROM " + base + "\nCOPY base.id /\n"})
	w.buildOf("base", nil, []string{"-f", "api.Dockerfile", "--iidfile", "base.id"})
	got := w.buildOf("shop", nil, []string{"-f", "Dockerfile"})
	assert.Regexp(t, `(?s)layercache: base\.id, which layercache writes, is part of this build.*#1 `, got.log, "it must be said before the build")
	assert.Regexp(t, "^sha256:", fileOf(t, w.pulled(w.registry.Addr()+"/shop:1"), "base.id"))
}

func TestAFileThatSomebodyChangedAfterLayercacheIsSourceAgain(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.checkout(nil)
	w.buildOf("api", nil, []string{"--iidfile", "src/api.id"})
	w.write("src/api.id", "my own\n")
	w.buildOf("web", nil, nil)
	assert.Equal(t, "my own\n", fileOf(t, w.pulled(w.registry.Addr()+"/web:1"), "s/src/api.id"))
}

func TestADockerfileFromTheInput(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	source := w.checkout(nil)
	w.buildOf("api", nil, nil)
	w.stdin = copyAll
	got := w.buildOf("web", nil, []string{"-f", "-"})
	assert.NotContains(t, got.log, "which layercache writes")
	assert.Subset(t, source, copied(t, w.pulled(w.registry.Addr()+"/web:1")))
}

func TestReportsInANamedContextAreSaidBeforeTheBuild(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.checkout(map[string]string{"shop.Dockerfile": "FROM " + base + "\nCOPY --from=more . /s\n"})
	w.buildOf("api", settings("REPORT_DIR", "src"), nil)
	got := w.buildOf("shop", settings("REPORT_DIR", "elsewhere"), []string{"--build-context=more=src"})
	assert.Regexp(t, `(?s)layercache: report\.json in the named build context src is written by layercache.*#1 `, got.log)
}

// checkout replaces the application's folder by a fresh checkout, and returns the paths in it.
func (w *machine) checkout(files map[string]string) []string {
	w.t.Helper()
	entries, err := os.ReadDir(w.app)
	require.NoError(w.t, err)
	for _, entry := range entries {
		require.NoError(w.t, os.RemoveAll(filepath.Join(w.app, entry.Name())))
	}
	all := map[string]string{"api.Dockerfile": copyAll, "web.Dockerfile": copyAll, "src/main.txt": "hello\n", "deps.txt": "left-pad\n"}
	maps.Copy(all, files)
	for path, content := range all {
		w.write(path, content)
	}
	return w.listing()
}

// listing returns the paths in the application's folder.
func (w *machine) listing() []string {
	w.t.Helper()
	var paths []string
	require.NoError(w.t, filepath.WalkDir(w.app, func(path string, _ fs.DirEntry, err error) error {
		if relative, _ := filepath.Rel(w.app, path); relative != "." {
			paths = append(paths, relative)
		}
		return err
	}))
	return paths
}

func (w *machine) buildTwo(c twoBuilds) (api, web outcome) {
	w.t.Helper()
	return w.buildOf("api", c.api, c.apiArgs), w.buildOf("web", c.web, c.webArgs)
}

// buildOf builds NAME.Dockerfile with further variables and arguments. The reports go to the default folder
// unless a variable says otherwise.
func (w *machine) buildOf(name string, variables map[string]string, args []string) outcome {
	w.t.Helper()
	before := maps.Clone(w.env)
	defer func() { w.env = before }()
	w.env["LAYERCACHE_REPORT_DIR"] = filepath.Join(w.app, "layercache-report")
	maps.Copy(w.env, variables)
	if dir := w.env["LAYERCACHE_REPORT_DIR"]; !filepath.IsAbs(dir) {
		w.env["LAYERCACHE_REPORT_DIR"] = filepath.Join(w.app, dir)
	}
	all := append([]string{"build", "--push", "--tag", w.registry.Addr() + "/" + name + ":1", "--file", name + ".Dockerfile"}, args...)
	return w.succeeds(w.run(append(all, ".")...))
}

// copied returns the paths in the folder s of an image.
func copied(t *testing.T, image v1.Image) []string {
	t.Helper()
	files := mutate.Extract(image)
	defer files.Close()
	reader := tar.NewReader(files)
	var paths []string
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			require.NotEmpty(t, paths)
			return paths
		}
		require.NoError(t, err)
		if path, found := strings.CutPrefix(strings.TrimSuffix(header.Name, "/"), "s/"); found {
			paths = append(paths, path)
		}
	}
}
