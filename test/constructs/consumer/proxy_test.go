package consumer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"github.com/layercache/layercache/test/kit/checkout"
)

// serve puts this module, with the files of the checkout that git tracks or would add, into a file-based
// module proxy that is used before the configured one. It returns the environment variables for the go
// command, and the version. The version contains a digest of the content, because the go command caches
// downloads permanently. At its end the test removes the version from the module cache.
func serve(t *testing.T) (environment []string, version string) {
	t.Helper()
	var content bytes.Buffer
	digest := sha256.New()
	files := tracked(t)
	require.NoError(t, modzip.Create(io.MultiWriter(&content, digest), module.Version{Path: modulePath, Version: "v0.0.0"}, files))
	version = "v0.0.0-20000101000000-" + hex.EncodeToString(digest.Sum(nil))[:12]

	proxy := t.TempDir()
	versions := filepath.Join(proxy, modulePath, "@v")
	require.NoError(t, os.MkdirAll(versions, 0o755))
	archive, err := os.Create(filepath.Join(versions, version+".zip"))
	require.NoError(t, err)
	require.NoError(t, modzip.Create(archive, module.Version{Path: modulePath, Version: version}, files))
	require.NoError(t, archive.Close())
	goMod, err := fs.ReadFile(checkout.FS(), "go.mod")
	require.NoError(t, err)
	for name, content := range map[string]string{
		"list":            "",
		version + ".info": `{"Version":"` + version + `","Time":"2000-01-01T00:00:00Z"}`,
		version + ".mod":  string(goMod),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(versions, name), []byte(content), 0o644))
	}
	t.Cleanup(func() { forget(t, version) })
	upstream := strings.TrimSpace(run(t, proxy, nil, "go", "env", "GOPROXY"))
	return []string{"GOPROXY=file://" + proxy + "," + upstream, "GONOSUMDB=" + modulePath}, version
}

// forget removes the version from the module cache.
func forget(t *testing.T, version string) {
	t.Helper()
	modules := strings.TrimSpace(run(t, t.TempDir(), nil, "go", "env", "GOMODCACHE"))
	downloads, err := filepath.Glob(filepath.Join(modules, "cache/download", modulePath, "@v", version+".*"))
	require.NoError(t, err)
	for _, file := range downloads {
		require.NoError(t, os.Remove(file))
	}
	source := filepath.Join(modules, modulePath+"@"+version)
	require.NoError(t, filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return err
	}))
	require.NoError(t, os.RemoveAll(source))
}

// tracked returns the files of the checkout that the go command would find in the repository.
func tracked(t *testing.T) []modzip.File {
	t.Helper()
	command := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	command.Dir = checkout.Dir()
	output, err := command.Output()
	require.NoError(t, err, "list the files of the checkout with git")
	var files []modzip.File
	for _, name := range strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00") {
		if info, err := fs.Lstat(checkout.FS(), name); err == nil && info.Mode().IsRegular() {
			files = append(files, file(name))
		}
	}
	return files
}

// file is a file of the checkout.
type file string

func (f file) Path() string                 { return string(f) }
func (f file) Lstat() (os.FileInfo, error)  { return fs.Lstat(checkout.FS(), string(f)) }
func (f file) Open() (io.ReadCloser, error) { return checkout.FS().Open(string(f)) }
