package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// programs creates the two files of a bundle in a new folder, with a mode and a time that must not affect the
// zip.
func programs(t *testing.T, mode fs.FileMode, at time.Time) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for _, name := range []string{"layercache", "buildkitd.zst"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("the program "+name), mode))
		require.NoError(t, os.Chtimes(path, at, at))
		paths = append(paths, path)
	}
	return paths
}

func written(t *testing.T, files []string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bundle.zip")
	require.NoError(t, write(path, files))
	return path
}

func TestEqualProgramsGiveEqualZips(t *testing.T) {
	first := written(t, programs(t, 0o600, time.Unix(1, 0)))
	second := written(t, programs(t, 0o755, time.Now()))
	a, err := os.ReadFile(first)
	require.NoError(t, err)
	b, err := os.ReadFile(second)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(a, b))
}

// Two zips of the same second would be equal even with times, so the test reads the entries. DOS times start
// in 1980; zero fields decode as 30 November 1979.
func TestNoEntryHasATime(t *testing.T) {
	archive, err := zip.OpenReader(written(t, programs(t, 0o600, time.Now())))
	require.NoError(t, err)
	defer archive.Close()
	for _, entry := range archive.File {
		assert.Equal(t, time.Date(1979, time.November, 30, 0, 0, 0, 0, time.UTC), entry.Modified.UTC(), entry.Name)
		assert.Empty(t, entry.Extra, "no time in an extra field")
	}
}

func TestTheProgramsAreExecutableAndAtTheTopLevel(t *testing.T) {
	archive, err := zip.OpenReader(written(t, programs(t, 0o600, time.Now())))
	require.NoError(t, err)
	defer archive.Close()
	require.Len(t, archive.File, 2)
	for i, name := range []string{"layercache", "buildkitd.zst"} {
		entry := archive.File[i]
		assert.Equal(t, name, entry.Name)
		assert.Equal(t, fs.FileMode(0o755), entry.Mode())
		reader, err := entry.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(reader)
		require.NoError(t, err)
		assert.Equal(t, "the program "+name, string(content))
	}
}

func TestAFailedWriteLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	absent := filepath.Join(dir, "absent")
	err := write(filepath.Join(dir, "bundle.zip"), []string{absent})
	require.ErrorContains(t, err, "helper bundle: add "+absent)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestTheDigestDependsOnlyOnTheContent(t *testing.T) {
	digest := func(files []string) string {
		t.Helper()
		got, err := digestOf(files)
		require.NoError(t, err)
		return got
	}
	files := programs(t, 0o600, time.Now())
	first := digest(files)
	assert.Regexp(t, `\A[0-9a-f]{16}\z`, first)
	assert.Equal(t, first, digest(programs(t, 0o755, time.Unix(1, 0))))
	require.NoError(t, os.WriteFile(files[1], []byte("another"), 0o600))
	assert.NotEqual(t, first, digest(files))
	_, err := digestOf([]string{filepath.Join(t.TempDir(), "absent")})
	assert.Error(t, err)
}

func TestAnArchitectureThatCodeBuildLacksIsRefused(t *testing.T) {
	for _, arch := range []string{"", "386", "AMD64", "../amd64"} {
		_, err := Build(context.Background(), arch, io.Discard)
		require.ErrorContains(t, err, "use amd64 or arm64")
	}
}

func TestSourceDirIsTheFolderOfThisModule(t *testing.T) {
	want, err := filepath.Abs("../..")
	require.NoError(t, err)
	got, err := SourceDir(context.Background())
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.FileExists(t, filepath.Join(got, "bin", "layercache", "main.go"))
}

func TestASourceInTheModuleCacheHasAVersion(t *testing.T) {
	for dir, want := range map[string]string{
		"/root/go/pkg/mod/github.com/layercache/layercache@v1.2.3":                             "v1.2.3",
		"/root/go/pkg/mod/github.com/layercache/layercache@v0.0.0-20261129010000-0123456789ab": "v0.0.0-20261129010000-0123456789ab",
		"/home/me/layercache": "", "/home/me/layercache@work": "",
	} {
		assert.Equal(t, want, cachedVersion(dir), dir)
	}
}
