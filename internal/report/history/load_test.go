package history

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
)

// folder has the reports of two builds, of which the first by name is the later one, and a folder without a report.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, build("", 1, nil).Write(filepath.Join(dir, "a")))
	require.NoError(t, build("", 0, nil).Write(filepath.Join(dir, "b")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o700))
	return dir
}

func TestReportsAreFoundByFileByFolderAndByFolderOfFolders(t *testing.T) {
	dir := folder(t)
	a, b := filepath.Join(dir, "a", report.File), filepath.Join(dir, "b", report.File)
	cases := []struct {
		name        string
		paths, want []string
	}{
		{"a file", []string{a}, []string{a}},
		{"a folder with one", []string{filepath.Join(dir, "b")}, []string{b}},
		{"a folder of folders, in the order of the starts", []string{dir}, []string{b, a}},
		{"files stay in the order of the command line", []string{a, b}, []string{a, b}},
		{"a file and a folder", []string{b, dir}, []string{b, b, a}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			builds, err := Load(c.paths)
			require.NoError(t, err)
			var got []string
			for _, build := range builds {
				got = append(got, build.Path)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestWhatIsNoReportIsNamed(t *testing.T) {
	dir := folder(t)
	other := filepath.Join(dir, "package.json")
	require.NoError(t, os.WriteFile(other, []byte(`{"name": "x"}`), 0o600))
	for _, c := range []struct{ name, path, says string }{
		{"nothing there", filepath.Join(dir, "none"), "no such file"},
		{"a folder without reports", filepath.Join(dir, "empty"), "layercache build writes one into LAYERCACHE_REPORT_DIR"},
		{"another file", other, `it has no "verdict"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load([]string{filepath.Join(dir, "a"), c.path})
			require.ErrorContains(t, err, c.path)
			require.ErrorContains(t, err, c.says)
		})
	}
}
