package toolchain

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const works = "package main\n\nvar text = \"unset\"\n\nfunc main() { println(text) }\n"

// module makes a module with one main package.
func module(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/tiny\n\ngo 1.24\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600))
	return dir
}

func compilation(t *testing.T, source string) Compilation {
	t.Helper()
	return Compilation{
		Dir: module(t, source), Package: ".", LinkFlags: "-s -w -X main.text=linked", CompilerFlags: []string{"all=-l", "std="}, Platform: Host(),
		Output: filepath.Join(t.TempDir(), "new", "tiny"), Label: "the tiny program",
	}
}

func TestACompiledProgramRuns(t *testing.T) {
	t.Setenv("GOFLAGS", "-mod=vendor") // The caller's own flags do not count.
	c := compilation(t, works)
	var progress bytes.Buffer
	require.NoError(t, Compile(context.Background(), c, &progress))
	out, err := exec.Command(c.Output).CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, "linked\n", string(out))
	assert.Regexp(t, `\Acompiling the tiny program\n(compiling the tiny program: \d+ s\n)*compiled  the tiny program in \d+ s\n\z`, progress.String())
	assert.Equal(t, []string{"tiny"}, namesIn(t, filepath.Dir(c.Output)), "nothing but the program stays")
}

func TestNoSettingOfTheMachineTakesPartInCompiling(t *testing.T) {
	plain := compilation(t, works)
	require.NoError(t, Compile(t.Context(), plain, &bytes.Buffer{}))
	wrapper := filepath.Join(t.TempDir(), "wrapper")
	called := wrapper + ".called"
	require.NoError(t, os.WriteFile(wrapper, []byte("#!/bin/sh\ntouch '"+called+"'\nexec \"$@\"\n"), 0o755))
	settings := map[string]string{
		"a program in place of the compiler": "GOFLAGS=-toolexec=" + wrapper,
		"another file for each file":         "GOFLAGS=-overlay=" + wrapper,
		"a program in place of the cache":    "GOCACHEPROG=" + wrapper,
		"experiments of the language":        "GOEXPERIMENT=nogreenteagc",
		"a newer processor":                  "GOAMD64=v3",
		"another cryptography":               "GOFIPS140=latest",
	}
	for name, setting := range settings {
		for _, place := range []string{"the environment", "what go env -w has written"} {
			t.Run(name+" in "+place, func(t *testing.T) {
				variable, value, _ := strings.Cut(setting, "=")
				if place == "the environment" {
					t.Setenv(variable, value)
				} else {
					file := filepath.Join(t.TempDir(), "env")
					require.NoError(t, os.WriteFile(file, []byte(setting+"\n"), 0o600))
					t.Setenv("GOENV", file)
				}
				require.NoError(t, os.RemoveAll(called))
				c := compilation(t, works)
				require.NoError(t, Compile(t.Context(), c, &bytes.Buffer{}))
				assert.NoFileExists(t, called)
				assert.True(t, bytes.Equal(read(t, plain.Output), read(t, c.Output)), "the same bytes")
			})
		}
	}
}

func TestModulesComeFromWhereTheMachineSays(t *testing.T) {
	proxy, file := t.TempDir(), filepath.Join(t.TempDir(), "env")
	publish(t, proxy, "example.com/tool", "v1.0.0")
	t.Setenv("GOMODCACHE", t.TempDir())
	require.NoError(t, os.WriteFile(file, []byte("GOPROXY=file://"+proxy+"\nGONOSUMDB=example.com\nGOFLAGS=-modfile=/none.mod\n"), 0o600))
	t.Setenv("GOENV", file)
	require.NoError(t, os.Unsetenv("GOPROXY"))
	// Somebody else's go.mod above the folder for temporary files. The go command passes over one that is in it.
	shared := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(shared, "go.mod"), []byte("module x\n\ngo 99.0\n"), 0o600))
	t.Setenv("TMPDIR", filepath.Join(shared, "tmp"))
	require.NoError(t, os.Mkdir(os.TempDir(), 0o700))
	program := Program{Module: "example.com/tool", Version: "v1.0.0", Sum: "h1:none"}
	_, err := download(t.Context(), program)
	require.ErrorContains(t, err, "checksum is h1:", "it was downloaded")
	makeRemovable(t, os.Getenv("GOMODCACHE"))
}

func TestTheSameSourceGivesTheSameBytesInAnotherFolder(t *testing.T) {
	first, second := compilation(t, works), compilation(t, works)
	require.NoError(t, Compile(context.Background(), first, &bytes.Buffer{}))
	require.NoError(t, Compile(context.Background(), second, &bytes.Buffer{}))
	assert.True(t, bytes.Equal(read(t, first.Output), read(t, second.Output)))
}

func TestACompileThatFailsSaysWhatTheCompilerSays(t *testing.T) {
	c := compilation(t, "package main\n\nfunc main() { nonsense() }\n")
	require.NoError(t, os.MkdirAll(filepath.Dir(c.Output), 0o755))
	require.NoError(t, os.WriteFile(c.Output, []byte("the one before"), 0o755))
	var progress bytes.Buffer
	err := Compile(context.Background(), c, &progress)
	require.ErrorContains(t, err, "compile the tiny program: ")
	assert.ErrorContains(t, err, "undefined: nonsense")
	assert.Equal(t, "the one before", string(read(t, c.Output)), "what was there stays")
	assert.Equal(t, []string{"tiny"}, namesIn(t, filepath.Dir(c.Output)))
	assert.NotContains(t, progress.String(), "compiled ", "it does not say that it was done")
}

func TestACancelledCompileLeavesNothing(t *testing.T) {
	c := compilation(t, works)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := Compile(ctx, c, &bytes.Buffer{})
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "compile the tiny program")
	assert.Empty(t, namesIn(t, filepath.Dir(c.Output)))
}

func TestWithoutGoItIsSaidWhatToInstall(t *testing.T) {
	t.Setenv("PATH", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	require.ErrorIs(t, Compile(context.Background(), compilation(t, works), &bytes.Buffer{}), ErrNoGo)
	_, err := Build(context.Background(), Buildx(), Host(), &bytes.Buffer{})
	require.ErrorIs(t, err, ErrNoGo)
	assert.ErrorContains(t, err, "https://go.dev/dl")
}

func TestAProgramThatWasCompiledBeforeIsTakenAsItIs(t *testing.T) {
	t.Setenv("PATH", "")
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	platform := Platform{OS: "linux", Arch: "arm64"}
	program := Buildx()
	program.CompilerFlags, program.Edits = nil, nil
	assert.Empty(t, Lookup(program, platform))
	assert.Empty(t, namesIn(t, cache), "looking leaves nothing behind")
	want := filepath.Join(cache, "layercache", "tools", "buildx-"+program.Version+"-linux-arm64", "buildx")
	require.NoError(t, os.MkdirAll(filepath.Dir(want), 0o755))
	require.NoError(t, os.WriteFile(want, nil, 0o755))

	assert.Equal(t, want, Lookup(program, platform))
	assert.Empty(t, Lookup(program, Platform{OS: "linux", Arch: "amd64"}), "another platform's does not count")
	lean := program
	lean.CompilerFlags = []string{"all=-l"}
	assert.Empty(t, Lookup(lean, platform), "nor does one that was compiled otherwise")
	edited := program
	edited.Edits = []Edit{{File: "a.go", Old: "x", New: "y"}}
	assert.Empty(t, Lookup(edited, platform), "nor does one whose source was edited")
	var progress bytes.Buffer
	got, err := Build(context.Background(), program, platform, &progress)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Empty(t, progress.String())
}

func TestAModuleThatWasChangedIsRefused(t *testing.T) {
	proxy := t.TempDir()
	publish(t, proxy, "example.com/tool", "v1.0.0")
	t.Setenv("GOPROXY", "file://"+proxy)
	t.Setenv("GONOSUMDB", "example.com")
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	program := Program{Name: "x", Module: "example.com/tool", Version: "v1.0.0", Sum: "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", Package: "."}
	_, err := Build(context.Background(), program, Host(), &bytes.Buffer{})
	require.ErrorContains(t, err, "checksum is h1:")
	assert.ErrorContains(t, err, "expected "+program.Sum)
	assert.ErrorContains(t, err, "changed after it was pinned")
	assert.Empty(t, Lookup(program, Host()))
	makeRemovable(t, os.Getenv("GOMODCACHE"))
}

// publish puts a module into a folder that the go command reads as a module proxy (go help goproxy).
func publish(t *testing.T, proxy, module, version string) {
	t.Helper()
	dir := filepath.Join(proxy, filepath.FromSlash(module), "@v")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	mod := "module " + module + "\n"
	var content bytes.Buffer
	archive := zip.NewWriter(&content)
	for name, text := range map[string]string{"go.mod": mod, "main.go": "package main\n\nfunc main() {}\n"} {
		file, err := archive.Create(module + "@" + version + "/" + name)
		require.NoError(t, err)
		_, err = file.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	for name, text := range map[string]string{".info": `{"Version":"` + version + `"}`, ".mod": mod, ".zip": content.String()} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, version+name), []byte(text), 0o644))
	}
}

// makeRemovable undoes the read-only modes of a module cache, which keep the test's folder from being removed.
func makeRemovable(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o755)
		}
		return err
	}))
}

func TestAModuleThatCannotBeDownloadedIsNamed(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	_, err := download(context.Background(), Program{Module: "example.com/absent", Version: "v1.0.0"})
	require.ErrorContains(t, err, "download example.com/absent@v1.0.0: ")
	assert.ErrorContains(t, err, "GOPROXY=off", "it says why")
}

func TestThePinsAreComplete(t *testing.T) {
	for _, program := range []Program{Buildkitd(), Buildx()} {
		t.Run(program.Name, func(t *testing.T) {
			assert.Regexp(t, `\Av\d+\.\d+\.\d+\z`, program.Version)
			assert.Regexp(t, `\Ah1:[A-Za-z0-9+/]{43}=\z`, program.Sum)
			assert.True(t, strings.HasPrefix(program.VersionVariable, program.Module+"/"))
		})
	}
}

func TestTheLastLinesOfALongOutputAreKept(t *testing.T) {
	assert.Equal(t, "b\nc", lastLines("a\nb\nc\n\n", 2))
	assert.Equal(t, "a", lastLines("a", 20))
	assert.Empty(t, lastLines("", 20))
}

func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}
