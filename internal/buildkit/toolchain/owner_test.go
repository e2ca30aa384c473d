//go:build !unit

package toolchain

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Without a home, what is compiled is kept in the folder for temporary files, which is everybody's.
func TestAProgramThatAnotherUserMayHavePutThereIsNotTaken(t *testing.T) {
	require.Zero(t, os.Geteuid(), "this test gives a folder to another user: run it as root")
	const somebody = 65534
	cases := []struct {
		name  string
		alter func(dir string) error
	}{
		{"the folder is another user's", func(dir string) error { return os.Chown(dir, somebody, somebody) }},
		{"everybody can write to the folder", func(dir string) error { return os.Chmod(dir, 0o777) }},
		{"the folder is a link", func(dir string) error {
			return errors.Join(os.Rename(dir, dir+"-moved"), os.Symlink(dir+"-moved", dir))
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range map[string]string{"HOME": "", "XDG_CACHE_HOME": "", "TMPDIR": t.TempDir(), "SUDO_UID": "", "PATH": ""} {
				t.Setenv(name, value)
			}
			path := cachePath(Buildkitd(), Host())
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, nil, 0o755))
			require.Equal(t, path, Lookup(Buildkitd(), Host()))
			require.NoError(t, c.alter(filepath.Join(os.TempDir(), "layercache")))

			assert.Empty(t, Lookup(Buildkitd(), Host()))
			_, err := CacheDir()
			require.ErrorContains(t, err, "is not safe to use")
			_, err = Build(t.Context(), Buildkitd(), Host(), &bytes.Buffer{})
			require.ErrorContains(t, err, "is not safe to use")
		})
	}
}
