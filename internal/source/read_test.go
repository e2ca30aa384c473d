package source

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLeadsOutFindsSymlinksOutOfTheFolder(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "dir")
	write(t, dir, "inside/file", "text")
	write(t, outer, "outside/file", "text")
	for name, target := range map[string]string{
		"within": "inside", "absolute": filepath.Join(dir, "inside"), "up": "../outside", "chain": "up", "root": "/", "missing": "../none",
		"absent": "none", "loop": "loop", "environ": "/proc/self/environ",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	for path, want := range map[string]bool{
		".": false, "": false, "inside": false, "inside/file": false, "inside/file/x": false, "none/x": false, "within/file": false, "absolute/file": false,
		"absent": false, "loop": false, "../outside": false, outer: false, dir: false, filepath.Join(dir, "inside/file"): false,
		"up": true, "up/file": true, "up/none/x": true, "chain/file": true, "root": true, "missing": true, "environ": true, "inside/../up": true,
		filepath.Join(dir, "up"): true, dir + "//up/file": true, "../dir/up": true,
	} {
		t.Run(path, func(t *testing.T) {
			got, err := LeadsOut(dir, path)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
	_, err := LeadsOut(filepath.Join(outer, "none"), "x")
	assert.Error(t, err)
}

func TestLayoutsWithSymlinks(t *testing.T) {
	for name, c := range map[string]struct {
		entry, target string
		refused       bool
	}{
		"the index": {"cache/index.json", "../../outside/file", true},
		"the index, to a file that does not exist": {"cache/index.json", "../../outside/none", true},
		"the lock":                      {"cache/index.json.lock", "../../outside/file", true},
		"the lock of the cache":         {"cache/cache.lock", "../../outside/none", true},
		"the marker":                    {"cache/oci-layout", "/none", true},
		"all blobs":                     {"cache/blobs", "../../outside", true},
		"the blobs of an algorithm":     {"cache/blobs/sha256", "../../../outside", true},
		"one blob":                      {"cache/blobs/sha256/0a", "/etc/hostname", true},
		"blobs that are being written":  {"cache/ingest", "../../outside", true},
		"a blob that is being written":  {"cache/ingest/0a/data", "/none", true},
		"a symlink that stays inside":   {"cache/index.json", "../file", true},
		"a file that is not BuildKit's": {"cache/other/index.json", "/none", false},
		"the name of such a file":       {"cache/blobs2", "/none", false},
	} {
		t.Run(name, func(t *testing.T) {
			outer := t.TempDir()
			dir := filepath.Join(outer, "dir")
			write(t, outer, "outside/file", "text")
			write(t, dir, "file", "text")
			link := filepath.Join(dir, c.entry)
			require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o755))
			require.NoError(t, os.Symlink(c.target, link))
			for _, path := range []string{"cache", "./cache/", filepath.Join(dir, "cache"), "../dir/cache"} {
				err := CheckLayout(dir, path)
				if !c.refused {
					assert.NoError(t, err)
					continue
				}
				assert.ErrorContains(t, err, filepath.Join(path, c.entry[len("cache/"):])+" is not a regular file or folder")
			}
			assert.NoError(t, CheckLayout(filepath.Join(dir, "cache"), dir), "the folder is outside")
			assert.NoError(t, CheckLayout(filepath.Join(dir, "file"), filepath.Join(dir, "cache")), "the folder is outside")
		})
	}
	dir := t.TempDir()
	write(t, dir, "cache/index.json", "{}")
	write(t, dir, "cache/blobs/sha256/0a", "")
	for _, path := range []string{"cache", "none", "cache/index.json", ""} {
		assert.NoError(t, CheckLayout(dir, path), path)
	}
}

func TestFilesThatBuildxReadsByItself(t *testing.T) {
	cases := []struct {
		name string
		// files maps names to contents, links maps names to targets, and huge lists files that are too large.
		files, links map[string]string
		huge         []string
		dockerfile   string
		wantErr      string
	}{
		{"only a Dockerfile", map[string]string{"Dockerfile": ""}, nil, nil, "Dockerfile", ""},
		{"no Dockerfile, which buildx reports", map[string]string{"x": ""}, nil, nil, "Dockerfile", ""},
		{"a missing folder for the Dockerfile, which buildx reports", map[string]string{"x": ""}, nil, nil, "none/Dockerfile", ""},
		{"a Dockerfile that is a symlink inside its folder", map[string]string{"a": ""}, map[string]string{"Dockerfile": "a"}, nil, "Dockerfile", ""},
		{"a Dockerfile that is a symlink to another folder of the context", map[string]string{"a": ""}, map[string]string{"docker/Dockerfile": "../a"}, nil,
			"docker/Dockerfile", "Dockerfile is a symlink that leads out of"},
		{"a Dockerfile that is too large", nil, nil, []string{"Dockerfile"}, "Dockerfile", "not a regular file of at most 4 MiB"},
		{"a Dockerfile that is too large but not used", map[string]string{"other": ""}, nil, []string{"Dockerfile"}, "other", ""},
		{"an ignore file that is too large", nil, nil, []string{".dockerignore"}, "", "not a regular file of at most 4 MiB"},
		{"an ignore file that is a symlink to a missing file", map[string]string{"Dockerfile": ""}, map[string]string{".dockerignore": "../../x"}, nil, "Dockerfile", ""},
		{"a policy with a file that it may import", map[string]string{"Dockerfile.rego": "", "lib/a.rego": ""}, nil, nil, "Dockerfile", ""},
		{"a policy that is a symlink to another folder of the context", map[string]string{"a": ""}, map[string]string{"docker/app.rego": "../a"}, nil, "docker/app", ""},
		{"a policy that is a symlink out of the context", nil, map[string]string{"Dockerfile.rego": "/etc/hostname"}, nil, "Dockerfile", "Dockerfile.rego is a symlink that leads out of"},
		{"a policy that is a symlink to a missing file", nil, map[string]string{"Dockerfile.rego": "none"}, nil, "Dockerfile", ""},
		{"an import that is too large", map[string]string{"Dockerfile.rego": ""}, nil, []string{"lib/a.rego"}, "Dockerfile", "lib/a.rego is not a regular file of at most"},
		{"an import that is a symlink to a file that is too large", map[string]string{"Dockerfile.rego": ""}, map[string]string{"a.rego": "huge"}, []string{"huge"},
			"Dockerfile", "a.rego is not a regular file of at most"},
		{"an import that is a symlink out of the context, which buildx does not follow", map[string]string{"Dockerfile.rego": ""}, map[string]string{"a.rego": "/dev/zero"}, nil, "Dockerfile", ""},
		{"a large file that is not imported, because there is no policy", nil, nil, []string{"lib/a.rego"}, "Dockerfile", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range c.files {
				write(t, dir, name, content)
			}
			for _, name := range c.huge {
				write(t, dir, name, "")
				require.NoError(t, os.Truncate(filepath.Join(dir, name), maxFileSize+1))
			}
			for name, target := range c.links {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
				require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
			}
			dockerfile := c.dockerfile
			if dockerfile != "" {
				dockerfile = filepath.Join(dir, dockerfile)
			}
			err := CheckRead(dir, dockerfile)
			if c.wantErr == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.wantErr)
		})
	}
}

// If the Dockerfile's folder is outside of the context, the policy must be inside that folder.
func TestThePolicyOfADockerfileOutsideOfTheContext(t *testing.T) {
	outer := t.TempDir()
	write(t, outer, "context/file", "")
	write(t, outer, "docker/Dockerfile", "")
	policy := filepath.Join(outer, "docker", "Dockerfile.rego")
	write(t, outer, "docker/rules", "")
	for target, refused := range map[string]bool{"rules": false, "../context/file": true} {
		require.NoError(t, os.Symlink(target, policy))
		err := CheckRead(filepath.Join(outer, "context"), filepath.Join(outer, "docker", "Dockerfile"))
		assert.Equal(t, refused, err != nil, "%s: %v", target, err)
		require.NoError(t, os.Remove(policy))
	}
}
