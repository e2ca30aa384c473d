package comparison

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
)

// folder returns a folder with a report in a, another in b, and nothing in empty.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, build("", 0, nil).Write(filepath.Join(dir, "a")))
	require.NoError(t, build("", 1, nil).Write(filepath.Join(dir, "b")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o700))
	return dir
}

func TestReportsAreFoundByFileAndByFolderInTheOrderGiven(t *testing.T) {
	dir := folder(t)
	builds, err := Load([]string{filepath.Join(dir, "b", report.File), filepath.Join(dir, "a")})
	require.NoError(t, err)
	require.Len(t, builds, 2)
	assert.Equal(t, filepath.Join(dir, "b", report.File), builds[0].Path)
	assert.Equal(t, filepath.Join(dir, "a", report.File), builds[1].Path)
}

func TestAnErrorNamesThePathThatHasNoReport(t *testing.T) {
	dir := folder(t)
	other := filepath.Join(dir, "package.json")
	require.NoError(t, os.WriteFile(other, []byte(`{"name": "x"}`), 0o600))
	for _, c := range []struct{ name, path, message string }{
		{"a path that does not exist", filepath.Join(dir, "none"), "there is no file or folder"},
		{"a folder without a report", filepath.Join(dir, "empty"), "layercache build writes one to LAYERCACHE_REPORT_DIR"},
		{"another file", other, `it has no "verdict"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load([]string{filepath.Join(dir, "a"), c.path})
			require.ErrorContains(t, err, c.path)
			require.ErrorContains(t, err, c.message)
		})
	}
}
