package outputs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/source"
)

const (
	aReport = `{"verdict":"used"}`
	copyAll = "FROM scratch\nCOPY . /\n"
)

// folderWith writes files with their content below a new folder. A path that ends in a slash is a folder.
func folderWith(t *testing.T, files map[string]string) string {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	for path, content := range files {
		full := filepath.Join(dir, path)
		if path[len(path)-1] == '/' {
			require.NoError(t, os.MkdirAll(full, 0o755))
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(content), 0o644))
	}
	return dir
}

func TestWhatLayercacheWroteIsLeftOut(t *testing.T) {
	cases := []struct {
		name       string
		files      map[string]string
		dockerfile string
		// reports, paths and caches are relative to the context, as are the remembered files.
		reports, remembered, paths, caches []string
		patterns, kept                     []string
	}{
		{name: "nothing", files: map[string]string{"a": ""}},
		{name: "a folder with nothing but reports", files: map[string]string{"layercache-report/report.json": aReport, "layercache-report/junit.xml": ""}, patterns: []string{"layercache-report"}},
		{name: "the reports of try", files: map[string]string{"layercache-report/cold/report.json": aReport, "layercache-report/no-cache/report.json": aReport}, patterns: []string{"layercache-report"}},
		{name: "a report that is being written", files: map[string]string{"layercache-report/report.json": aReport, "layercache-report/.junit.xml.0123456789abcdef": ""}, patterns: []string{"layercache-report"}},
		{name: "reports between other files", files: map[string]string{"out/report.json": aReport, "out/junit.xml": "", "out/mine": ""}, reports: []string{"out"}, patterns: []string{"out/junit.xml", "out/report.json"}},
		{name: "somebody else's report.json", files: map[string]string{"out/report.json": `{"a":1}`, "out/junit.xml": ""}, reports: []string{"out"}},
		{name: "an empty folder for reports", files: map[string]string{"a/b/c/": ""}, reports: []string{"a/b/c"}, patterns: []string{"a"}},
		{name: "an empty folder of somebody else's", files: map[string]string{"empty/": ""}},
		{name: "a file that was recorded", files: map[string]string{"x/id": "1", "x/mine": ""}, remembered: []string{"x/id"}, patterns: []string{"x/id"}},
		{name: "a folder of recorded files", files: map[string]string{"x/y/id": "1", "x/z/id": "1"}, remembered: []string{"x/y/id", "x/z/id"}, patterns: []string{"x"}},
		{name: "a file that this build will replace", files: map[string]string{"id": ""}, paths: []string{"id"}, patterns: []string{"id"}},
		{name: "a folder for a cache that does not exist", files: map[string]string{"a": ""}, caches: []string{"x/y"}, patterns: []string{"x"}},
		{name: "a folder with a cache", files: map[string]string{"x/index.json": "", "x/blobs/sha256/1": "", "x/oci-layout": ""}, caches: []string{"x"}, patterns: []string{"x"}},
		{name: "a cache in a folder with source", files: map[string]string{"src/index.json": "", "src/main.go": ""}, caches: []string{"src"},
			patterns: []string{"src/blobs", "src/cache.lock", "src/index.json", "src/index.json.lock", "src/ingest", "src/layercache-steps.json", "src/oci-layout"}},
		{name: "a recorded file that an instruction names", files: map[string]string{"id": "1"}, remembered: []string{"id"}, dockerfile: "FROM scratch\ncopy --chown=1:1 \\\n ./id /\n", kept: []string{"id"}},
		{name: "a recorded file that a mount names", files: map[string]string{"id": "1"}, remembered: []string{"id"}, dockerfile: "FROM a\nRUN --mount=target=/x,source=id cat /x\n", kept: []string{"id"}},
		{name: "a folder of reports that an instruction names", files: map[string]string{"out/report.json": aReport}, reports: []string{"out"}, dockerfile: "FROM scratch\nCOPY [\"out\", \"/\"]\n", patterns: []string{"out/report.json"}},
		{name: "a folder from which an instruction copies by a wildcard", files: map[string]string{"out/report.json": aReport}, reports: []string{"out"}, dockerfile: "FROM scratch\nADD out/*.bin /\n", patterns: []string{"out/report.json"}},
		{name: "a name with a line end", files: map[string]string{"a\nb": ""}, remembered: []string{"a\nb"}, kept: []string{"a\nb"}},
		{name: "a name with a tab", files: map[string]string{"a\tb": ""}, remembered: []string{"a\tb"}, kept: []string{"a\tb"}},
		{name: "a name that begins with an escape sequence", files: map[string]string{"\x1b[2Ja": ""}, remembered: []string{"\x1b[2Ja"}, kept: []string{"\x1b[2Ja"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := folderWith(t, c.files)
			below := func(paths []string) []string {
				var full []string
				for _, path := range paths {
					full = append(full, filepath.Join(dir, path))
				}
				return full
			}
			Remember(below(c.remembered)...)
			own := Own{Paths: below(c.paths), Caches: below(c.caches)}
			if c.reports != nil {
				own.Reports = below(c.reports)[0]
			}
			dockerfile := copyAll
			if c.dockerfile != "" {
				dockerfile = c.dockerfile
			}
			none, err := patternmatcher.New(nil)
			require.NoError(t, err)
			got, err := find(dir, []byte(dockerfile), none, own)
			require.NoError(t, err)
			assert.Equal(t, c.patterns, got.Patterns)
			assert.Equal(t, c.kept, got.Kept)
		})
	}
}

func TestAPatternMatchesItsPathAlone(t *testing.T) {
	names := []string{"a", "a*", "ab", "a?", "[a]", `a\`, `\a`, "!a", "#a", " a", "a ", "a b", "a.b", "(a|b)", "a+", "$a^", "é", "x/!a", "x/#a", "**", "a{1}"}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			pattern, ok := patternFor(name)
			require.True(t, ok)
			dir := folderWith(t, map[string]string{".dockerignore": pattern + "\n"})
			_, matcher, err := source.Ignore(dir, filepath.Join(dir, "Dockerfile"))
			require.NoError(t, err)
			for _, other := range names {
				matched, err := matcher.MatchesOrParentMatches(other)
				require.NoError(t, err)
				assert.Equal(t, other == name, matched, "%q matches %q", pattern, other)
			}
		})
	}
}

func TestAFileCountsOnlyWhileItIsAsLayercacheWroteIt(t *testing.T) {
	dir := folderWith(t, map[string]string{"kept": "1", "changed": "1", "gone": "1"})
	for _, name := range []string{"kept", "changed", "gone"} {
		Remember(filepath.Join(dir, name))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "changed"), []byte("mine"), 0o644))
	require.NoError(t, os.Remove(filepath.Join(dir, "gone")))
	root, err := resolve(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(root, "kept")}, remembered(root))
	place, err := ledger()
	require.NoError(t, err)
	entries, err := os.ReadDir(place)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "entries of files that are gone or changed must be dropped")
}

func TestTheCopyOfTheDockerfileHasAllRules(t *testing.T) {
	dir := folderWith(t, map[string]string{
		"api.Dockerfile": copyAll, ".dockerignore": "*\n!src", "api.Dockerfile.rego": "package docker\n",
		"layercache-report/report.json": aReport, "src/a": "",
	})
	to := filepath.Join(t.TempDir(), "copy")
	content := func(path string) string {
		read, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(read)
	}
	hidden, err := Hide(dir, filepath.Join(dir, "api.Dockerfile"), []byte(copyAll), to, Own{})
	require.NoError(t, err)
	assert.Empty(t, hidden, "the ignore file leaves the reports out already")

	require.NoError(t, os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte("*\n!src\n!layercache-report"), 0o644))
	hidden, err = Hide(dir, filepath.Join(dir, "api.Dockerfile"), []byte(copyAll), to, Own{})
	require.NoError(t, err)
	require.Equal(t, Hidden{Dockerfile: filepath.Join(to, "api.Dockerfile")}, hidden)
	assert.Equal(t, copyAll, content(hidden.Dockerfile))
	assert.Equal(t, "*\n!src\n!layercache-report\nlayercache-report\n", content(hidden.Dockerfile+".dockerignore"))
	assert.Equal(t, "package docker\n", content(hidden.Dockerfile+".rego"))

	hidden, err = Hide(dir, filepath.Join(dir, "api.Dockerfile"), nil, to, Own{})
	require.NoError(t, err)
	assert.Equal(t, Hidden{Kept: []string{"layercache-report"}}, hidden, "a Dockerfile that is not here cannot be copied")
}
