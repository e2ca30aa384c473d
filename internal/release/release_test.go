//go:build !unit

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/bundle"
)

// taggedCheckout copies the source of the helper into a new folder and commits it as v1.8.7. The commit has
// the same id in each folder.
func taggedCheckout(t *testing.T) (dir string) {
	t.Helper()
	source, err := bundle.SourceDir(t.Context())
	require.NoError(t, err)
	dir = t.TempDir()
	for _, name := range []string{"bin", "internal"} {
		require.NoError(t, os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(source, name))))
	}
	for _, name := range []string{"go.mod", "go.sum", ".gitignore"} {
		require.NoError(t, copyFile(filepath.Join(source, name), filepath.Join(dir, name)))
	}
	inGit(t, dir, "init", "--quiet")
	inGit(t, dir, "add", ".")
	inGit(t, dir, "commit", "--quiet", "--message", "a release")
	inGit(t, dir, "tag", "v1.8.7")
	return dir
}

// inGit runs a command of Git as somebody at a fixed time, without the settings of this machine.
func inGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	command := exec.Command("git", append([]string{"-C", dir, "-c", "core.autocrlf=false"}, args...)...)
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z")
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// release runs the command in a checkout, for this machine's platform.
func release(t *testing.T, dir string) (output string, err error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "run", "./internal/release", "-helpers", runtime.GOOS+"/"+runtime.GOARCH, "-zips", runtime.GOARCH)
	command.Dir = dir
	out, err := command.CombinedOutput()
	return string(out), err
}

func TestTwoReleasesOfATagAreEqual(t *testing.T) {
	first, second := taggedCheckout(t), taggedCheckout(t)
	var sums []string
	for _, dir := range []string{first, second} {
		output, err := release(t, dir)
		require.NoError(t, err, output)
		content, err := os.ReadFile(filepath.Join(dir, "dist", "release", "v1.8.7", sumsName))
		require.NoError(t, err)
		sums = append(sums, string(content))
	}
	assert.Equal(t, sums[0], sums[1])

	place := filepath.Join(first, "dist", "release", "v1.8.7")
	entries, err := os.ReadDir(place)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	helper, zip := "layercache-v1.8.7-"+runtime.GOOS+"-"+runtime.GOARCH, "layercache-codebuild-v1.8.7-"+runtime.GOARCH
	assert.ElementsMatch(t, []string{
		"SHA256SUMS", helper, helper + ".cdx.json", zip + ".zip", zip + ".layercache.cdx.json", zip + ".buildkitd.cdx.json",
	}, names)
	for _, name := range names {
		if name != sumsName {
			assert.Contains(t, sums[0], "  "+name+"\n")
		}
	}

	extracted := filepath.Join(t.TempDir(), "layercache")
	require.NoError(t, extract(filepath.Join(place, zip+".zip"), "layercache", extracted))
	commit := inGit(t, first, "rev-parse", "HEAD")
	for _, program := range []string{filepath.Join(place, helper), extracted} {
		out, err := exec.Command(program, "version").Output()
		require.NoError(t, err)
		assert.Contains(t, string(out), "layercache v1.8.7 (commit "+commit[:12]+", ")
	}
	modules, err := os.ReadFile(filepath.Join(place, zip+".buildkitd.cdx.json"))
	require.NoError(t, err)
	assert.Contains(t, string(modules), "pkg:golang/github.com/containerd/containerd/")
	assert.Contains(t, string(modules), `"source edited by layercache: cache/refs.go, cache/volatile/options.go, cmd/buildkitd/layers.go, `+
		`session/grpchijack/hijack.go, session/quiet/conn.go, util/readahead/reader.go"`)
}

func TestAReleaseThatWasMadeBeforeStaysAndIsCompared(t *testing.T) {
	place := filepath.Join(t.TempDir(), "v1.8.7")
	keepProgram := func(content string) (string, error) {
		made := filepath.Join(t.TempDir(), "v1.8.7")
		require.NoError(t, os.Mkdir(made, 0o755))
		write(t, filepath.Join(made, "program"), content)
		require.NoError(t, writeSums(made))
		var progress strings.Builder
		err := keep(made, place, &progress)
		return progress.String(), err
	}
	output, err := keepProgram("one")
	require.NoError(t, err)
	assert.Contains(t, output, "  program\nthe release is in "+place)
	output, err = keepProgram("one")
	require.NoError(t, err)
	assert.Contains(t, output, "is the same as before, byte for byte")
	_, err = keepProgram("two")
	assert.ErrorContains(t, err, "has other checksums than this run")
}

func TestOnlyAVersionThatIsCommittedIsReleased(t *testing.T) {
	source := taggedCheckout(t)
	for name, c := range map[string]struct {
		change  func(dir string)
		message string
	}{
		"a changed file": {func(dir string) { write(t, filepath.Join(dir, "go.mod"), "module x\n") }, "not everything is committed: commit or remove these files\n M go.mod"},
		"a new file":     {func(dir string) { write(t, filepath.Join(dir, "new.go"), "package x\n") }, "?? new.go"},
		"no tag":         {func(dir string) { inGit(t, dir, "tag", "--delete", "v1.8.7") }, "has 0 tags that are versions ()"},
		"a tag that is no version of a module": {func(dir string) {
			inGit(t, dir, "tag", "v1.8", "v1.8.7")
			inGit(t, dir, "tag", "--delete", "v1.8.7")
		}, "has 0 tags that are versions ()"},
		"a version that the path of the module does not allow": {func(dir string) {
			inGit(t, dir, "tag", "v2.0.0", "v1.8.7")
			inGit(t, dir, "tag", "--delete", "v1.8.7")
		}, "has 0 tags that are versions ()"},
		"two versions": {func(dir string) { inGit(t, dir, "tag", "v1.9.0") }, "has 2 tags that are versions (v1.8.7, v1.9.0)"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inGit(t, dir, "clone", "--quiet", source, ".")
			c.change(dir)
			t.Chdir(dir)
			_, err := tagged(context.Background())
			assert.ErrorContains(t, err, c.message)
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

func TestAProgramOfAnotherGoIsRefused(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	err = maker{goVersion: "go1.0"}.list(t.Context(), program, "v1.2.3", "x", nil)
	assert.ErrorContains(t, err, "was compiled with "+runtime.Version()+", not with go1.0 of go.mod")
}

func TestAListIsCompletedOrRefused(t *testing.T) {
	edits := []toolchain.Edit{{File: "b.go", Old: "x", New: "y"}, {File: "b.go", Old: "z"}, {File: "a/a.go", New: "new"}}
	cases := []struct {
		name, list string
		edits      []toolchain.Edit
		want       string
		refused    string
	}{
		{"the digests of the tool are removed", `{"metadata":{"tools":[{"name":"a","hashes":[1]}]},"components":[{"hashes":[2]}]}`, nil,
			`{"metadata":{"tools":[{"name":"a"}]},"components":[{"hashes":[2]}]}`, ""},
		{"the edited files are named", `{"metadata":{"tools":[{}],"component":{"name":"buildkit"}}}`, edits,
			`{"metadata":{"tools":[{}],"component":{"name":"buildkit","pedigree":{"notes":"source edited by layercache: a/a.go, b.go"}}}}`, ""},
		{"no tool", `{"metadata":{}}`, nil, "", "does not name its tool"},
		{"edits, but no program", `{"metadata":{"tools":[{}]}}`, edits, "", "does not name its program"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := complete([]byte(c.list), c.edits)
			if c.refused != "" {
				assert.ErrorContains(t, err, c.refused)
				return
			}
			require.NoError(t, err)
			assert.JSONEq(t, c.want, string(got))
		})
	}
}

func TestTheHelperIsInstalledFromItsModule(t *testing.T) {
	proxy, bin := t.TempDir(), t.TempDir()
	publish(t, proxy, taggedCheckout(t), "v1.8.7")
	// A module cache of its own, because the module's zip is another one after each change.
	modules := t.TempDir()
	known, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	require.NoError(t, err)
	cache, upstream, _ := strings.Cut(strings.TrimSpace(string(known)), "\n")
	command := exec.CommandContext(t.Context(), "go", "install", modulePath+"/bin/layercache@v1.8.7")
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), "GOPROXY=file://"+proxy+",file://"+filepath.Join(cache, "cache", "download")+","+upstream,
		"GONOSUMDB="+modulePath, "GOMODCACHE="+modules, "GOBIN="+bin, "GOFLAGS=-modcacherw -trimpath", "CGO_ENABLED=0")
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command(filepath.Join(bin, "layercache"), "version").Output()
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(out), "layercache v1.8.7 (BuildKit "), "%s", out)
}

// publish puts the module in a checkout into a folder that the go command reads as a module proxy.
func publish(t *testing.T, proxy, checkout, version string) {
	t.Helper()
	of := module.Version{Path: modulePath, Version: version}
	dir := filepath.Join(proxy, of.Path, "@v")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	archive, err := os.Create(filepath.Join(dir, version+".zip"))
	require.NoError(t, err)
	require.NoError(t, modzip.CreateFromDir(archive, of, checkout))
	require.NoError(t, archive.Close())
	require.NoError(t, copyFile(filepath.Join(checkout, "go.mod"), filepath.Join(dir, version+".mod")))
	write(t, filepath.Join(dir, "list"), version+"\n")
	write(t, filepath.Join(dir, version+".info"), `{"Version":"`+version+`"}`)
}
