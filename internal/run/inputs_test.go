package run

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source"
)

func TestInputsOfABuild(t *testing.T) {
	dockerfile := "ARG VERSION\nFROM base\nARG VERSION\nCOPY a.txt /\nCOPY --from=lib b.txt /\nRUN make\n"
	read := func(t *testing.T, dir string, environment map[string]string, args ...string) cache.Inputs {
		lookup := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }
		return readInputs(t.Context(), Request{Dir: dir, LookupEnv: lookup}, buildx.ParseArgs(args))
	}
	folder := func(t *testing.T) string {
		dir := t.TempDir()
		for name, content := range map[string]string{"Dockerfile": dockerfile, "a.txt": "a", "other.txt": "o", "lib/b.txt": "b", "lib2/b.txt": "b"} {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
		}
		return dir
	}
	equal := []struct {
		name         string
		first, other []string
		environment  map[string]string
		same         bool
	}{
		{"the same arguments", []string{"."}, []string{"."}, nil, true},
		{"a value from the environment", []string{"--build-arg", "VERSION", "."}, []string{"--build-arg=VERSION=1", "."}, map[string]string{"VERSION": "1"}, true},
		{"another value", []string{"--build-arg=VERSION=1", "."}, []string{"--build-arg=VERSION=2", "."}, nil, false},
		{"an argument without a value anywhere", []string{"."}, []string{"--build-arg", "VERSION", "."}, nil, true},
		{"another network", []string{"."}, []string{"--network=none", "."}, nil, false},
		{"the usual network by name", []string{"."}, []string{"--network=default", "."}, nil, true},
		{"another host name", []string{"--add-host=a:10.0.0.1", "."}, []string{"--add-host", "b:10.0.0.1", "."}, nil, false},
		{"another address of a host", []string{"--add-host=a:10.0.0.1", "."}, []string{"--add-host", "a=10.0.0.2", "."}, nil, true},
		{"another tag", []string{"--tag=a", "."}, []string{"-t", "b", "."}, nil, true},
		{"another folder with the same files", []string{"--build-context=lib=lib", "."}, []string{"--build-context", "lib=lib2", "."}, nil, true},
		{"another image for a context", []string{"--build-context=lib=docker-image://a", "."}, []string{"--build-context", "lib=docker-image://b", "."}, nil, false},
	}
	for _, c := range equal {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			first, other := read(t, dir, c.environment, c.first...), read(t, dir, c.environment, c.other...)
			require.NotNil(t, first.Outline)
			assert.Equal(t, c.same, cache.Inputs{Outline: first.Outline}.Equal(cache.Inputs{Outline: other.Outline}))
		})
	}
	t.Run("only files that a step takes are listed", func(t *testing.T) {
		inputs := read(t, folder(t), nil, "--build-context=lib=lib", ".")
		assert.True(t, inputs.Complete() == (inputs.Flags != ""))
		assert.ElementsMatch(t, []string{"a.txt", "lib:b.txt"}, keys(inputs.Files))
	})
	t.Run("a context that is not a folder", func(t *testing.T) {
		for _, context := range []string{"-", "https://example.com/a.git", "context.tar"} {
			inputs := read(t, folder(t), nil, context)
			assert.True(t, inputs.Remote, context)
			assert.Nil(t, inputs.Outline, context)
			assert.False(t, inputs.Complete(), context)
		}
	})
	t.Run("a Dockerfile from the standard input", func(t *testing.T) {
		inputs := read(t, folder(t), nil, "-f", "-", ".")
		assert.False(t, inputs.Remote)
		assert.Nil(t, inputs.Outline)
	})
}

func keys(files source.Digests) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	return names
}

func TestReadingTheInputsTakesAtMostAShareOfTheBuild(t *testing.T) {
	assert.Equal(t, minInputsGrace, inputsGrace(time.Second))
	assert.Equal(t, 2*time.Second, inputsGrace(100*time.Second))
}
