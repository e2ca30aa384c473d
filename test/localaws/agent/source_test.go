package agent_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/localaws/agent"
)

func TestSources(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sub", "tool"), []byte("#!/bin/sh\necho ran\n"), 0o755))
	archive := writeZip(t, map[string]string{"bin/tool": "#!/bin/sh\necho ran\n"})

	cases := map[string]string{
		"a directory is copied":                   `test -f sub/tool`,
		"a directory's permissions are not kept":  `test ! -x sub/tool`,
		"an archive is unpacked":                  `test -f "$CODEBUILD_SRC_DIR_tools/bin/tool"`,
		"an archive's permissions are not kept":   `test ! -x "$CODEBUILD_SRC_DIR_tools/bin/tool"`,
		"a command can make a program executable": `chmod +x sub/tool && sub/tool`,
		"a change to the copy leaves the source":  `echo changed > sub/tool`,
		"sources do not lie inside one another":   `case "$CODEBUILD_SRC_DIR_tools" in "$CODEBUILD_SRC_DIR"/*) exit 1;; esac`,
	}
	for name, command := range cases {
		t.Run(name, func(t *testing.T) {
			result, log := run(t, "version: 0.2\nphases:\n  build:\n    commands:\n      - |\n        "+command+"\n", func(b *agent.Build) {
				b.Source = dir
				b.SecondarySources = map[string]string{"tools": archive}
			})
			assert.Equal(t, agent.Succeeded, result.Status, log)
		})
	}
	left, err := os.ReadFile(filepath.Join(dir, "sub", "tool"))
	require.NoError(t, err)
	assert.Contains(t, string(left), "echo ran")
}

func TestSourcesAreRefused(t *testing.T) {
	const spec = "version: 0.2\nphases: {build: {commands: [echo]}}"
	linked := t.TempDir()
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(linked, "link")))
	cases := map[string]struct {
		source, secondary, want string
	}{
		"that do not exist":              {source: "/dev/null/absent", want: "primary source"},
		"with a symlink":                 {source: linked, want: "link is neither a file nor a directory"},
		"that are not archives":          {source: "source_test.go", want: "not a valid zip file"},
		"with an identifier like a path": {secondary: "../x", want: "only letters, digits and underscores"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := try(t, spec, func(b *agent.Build) {
				b.Source = c.source
				if c.secondary != "" {
					b.SecondarySources = map[string]string{c.secondary: t.TempDir()}
				}
			})
			assert.ErrorContains(t, err, c.want)
		})
	}
	t.Run("that write outside their directory", func(t *testing.T) {
		archive := writeZip(t, map[string]string{"../outside": "x"})
		_, _, err := try(t, spec, func(b *agent.Build) { b.Source = archive })
		assert.ErrorContains(t, err, "lies outside the archive")
		assert.NoFileExists(t, filepath.Join(filepath.Dir(archive), "outside"))
	})
}

func writeZip(t *testing.T, files map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source.zip")
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	archive := zip.NewWriter(file)
	for name, text := range files {
		header := &zip.FileHeader{Name: name}
		header.SetMode(0o755)
		entry, err := archive.CreateHeader(header)
		require.NoError(t, err)
		_, err = entry.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return path
}
