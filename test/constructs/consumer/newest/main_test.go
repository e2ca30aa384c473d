package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

const path = "example.com/cdk"

// The case names contain no comma: temporary folders are named after them, and a comma separates addresses in
// GOPROXY.
func TestNewest(t *testing.T) {
	for _, test := range []struct {
		name     string
		proxy    string
		listed   []string
		missing  string
		inCache  []string
		version  string
		warnings []string
		err      string
	}{
		{
			name:   "the newest release of the proxy is preferred to an older one in the module cache",
			listed: []string{"v1.9.0", "v1.10.0"}, inCache: []string{"v1.9.0"}, version: "v1.10.0",
		},
		{
			name:   "a prerelease is ignored",
			listed: []string{"v1.10.0", "v1.11.0-rc.1"}, version: "v1.10.0",
		},
		{
			name:   "a release that is listed but cannot be downloaded is reported",
			listed: []string{"v1.9.0", "v1.10.0"}, missing: "v1.10.0", version: "v1.9.0",
			warnings: []string{"v1.10.0 cannot be downloaded"},
		},
		{
			name:    "a release of the module cache that the proxy does not list is used",
			listed:  []string{"v1.9.0"},
			inCache: []string{"v1.10.0"}, version: "v1.10.0",
		},
		{
			name:  "without a proxy the newest release of the module cache is used and a warning reported",
			proxy: "off", inCache: []string{"v1.9.0", "v1.10.0"}, version: "v1.10.0",
			warnings: []string{"using the module cache instead"},
		},
		{
			name:  "without a proxy and without a module cache there is an error",
			proxy: "off", warnings: []string{"using the module cache instead"}, err: "example.com/cdk",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			cache := t.TempDir()
			t.Setenv("GOMODCACHE", cache)
			t.Setenv("GONOSUMDB", path)
			t.Setenv("GOPROXY", proxy(t, test.inCache, ""))
			for _, version := range test.inCache {
				_, err := goCommand(context.Background(), t.TempDir(), []string{"GOFLAGS=-modcacherw"}, "mod", "download", path+"@"+version)
				require.NoError(t, err)
			}
			t.Cleanup(func() { assert.NoError(t, writable(cache)) })
			t.Setenv("GOPROXY", test.proxy)
			if test.proxy == "" {
				t.Setenv("GOPROXY", proxy(t, test.listed, test.missing))
			}

			version, warnings, err := newest(context.Background(), t.TempDir(), path)
			if test.err != "" {
				assert.ErrorContains(t, err, test.err)
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, test.version, version)
			require.Len(t, warnings, len(test.warnings))
			for i, text := range test.warnings {
				assert.ErrorContains(t, warnings[i], text)
			}
		})
	}
}

// proxy returns the address of a file-based module proxy, which lists the missing version but does not have
// its code.
func proxy(t *testing.T, versions []string, missing string) string {
	t.Helper()
	dir, source := t.TempDir(), t.TempDir()
	goMod := []byte("module " + path + "\n")
	require.NoError(t, os.WriteFile(filepath.Join(source, "go.mod"), goMod, 0o644))
	listed := filepath.Join(dir, path, "@v")
	require.NoError(t, os.MkdirAll(listed, 0o755))
	var list []byte
	for _, version := range versions {
		list = append(list, version+"\n"...)
		file := filepath.Join(listed, version)
		require.NoError(t, os.WriteFile(file+".info", []byte(`{"Version":"`+version+`","Time":"2000-01-01T00:00:00Z"}`), 0o644))
		require.NoError(t, os.WriteFile(file+".mod", goMod, 0o644))
		if version == missing {
			continue
		}
		archive, err := os.Create(file + ".zip")
		require.NoError(t, err)
		require.NoError(t, modzip.CreateFromDir(archive, module.Version{Path: path, Version: version}, source))
		require.NoError(t, archive.Close())
	}
	require.NoError(t, os.WriteFile(filepath.Join(listed, "list"), list, 0o644))
	return "file://" + dir
}

// writable makes the folders of a module cache removable.
func writable(cache string) error {
	return filepath.WalkDir(cache, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return err
	})
}
