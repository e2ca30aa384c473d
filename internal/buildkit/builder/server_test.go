package builder

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/variables"
)

const containerdRuns = `echo "overlayfs [[driver-type io.containerd.snapshotter.v1]]"`

func TestADockerServersBuilderIsUsedAsItIs(t *testing.T) {
	const far = "the docker server at tcp://10.0.0.9:9876 keeps its builder and cache between builds"
	cases := []struct {
		name, info, reason string
		exports            bool
	}{
		{"one that can export a registry cache", containerdRuns, far, true},
		{"one that cannot says so", daemonRuns, far + "; its image store cannot export a registry cache, so its own is the cache", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFakes(t)
			t.Setenv("DOCKER_HOST", "tcp://10.0.0.9:9876")
			f.program("docker", c.info)
			b, err := Start(context.Background(), f.options("auto", ""))
			require.NoError(t, err)
			assert.Equal(t, "docker", b.Kind)
			assert.Equal(t, "default", b.Name)
			assert.Equal(t, c.exports, b.ExportsCache)
			assert.Equal(t, c.reason, b.Reason)
			require.NoError(t, b.Close())
			assert.Equal(t, []string{"docker info --format {{.Driver}} {{.DriverStatus}}"}, f.calls(), "no builder is made and none is removed")

			var line bytes.Buffer
			b.Describe(&line)
			assert.Contains(t, line.String(), "layercache: docker builder ready in ")
			assert.Contains(t, line.String(), c.reason)
		})
	}
}

func TestADockerServerIsNotForRegistriesThatItCannotBeToldOf(t *testing.T) {
	f := newFakes(t)
	t.Setenv("PATH", f.dir)
	t.Setenv("DOCKER_HOST", "tcp://10.0.0.9:9876")
	f.program("docker", daemonRuns)
	options := f.options("auto", "")
	options.PlainHTTP = []string{"registry.example:5000"}
	b, err := Start(context.Background(), options)
	require.NoError(t, err)
	assert.Equal(t, "container", b.Kind)
	require.NoError(t, b.Close())
}

func TestABuilderThatIsNotOursSaysThatItHasNoMirrors(t *testing.T) {
	const without = "; base images come from their upstream, because its configuration is not ours to set mirrors in"
	for kind, want := range map[string]bool{"docker": true, "container": false} {
		f := newFakes(t)
		f.program("docker", daemonRuns)
		options := f.options(kind, "")
		options.Mirrors = []variables.Mirror{{Upstream: "docker.io", Location: "h.example/hub"}}
		b, err := Start(context.Background(), options)
		require.NoError(t, err)
		assert.Equal(t, want, strings.HasSuffix(b.Reason, without), b.Reason)
		require.NoError(t, b.Close())
	}
}

func TestADockerServerThatDoesNotAnswerGivesWay(t *testing.T) {
	f := newFakes(t)
	t.Setenv("PATH", f.dir) // Without runc there is no native builder.
	t.Setenv("DOCKER_HOST", "ssh://build.example")
	f.program("docker", daemonDown)
	_, err := Start(context.Background(), f.options("auto", ""))
	require.ErrorContains(t, err, "docker server's builder: docker info: Cannot connect to the Docker daemon")
	assert.ErrorContains(t, err, "native builder: ")
}

func TestAKindThatIsAskedForIsNotTheDockerServers(t *testing.T) {
	f := newFakes(t)
	t.Setenv("DOCKER_HOST", "tcp://10.0.0.9:9876")
	f.program("docker", daemonRuns)
	b, err := Start(context.Background(), f.options("container", ""))
	require.NoError(t, err)
	assert.Equal(t, "container", b.Kind)
	require.NoError(t, b.Close())
}

func TestTheDockerBuilderIsThatOfTheContextInUse(t *testing.T) {
	f := newFakes(t)
	f.program("docker", daemonRuns)
	f.context("near", "unix:///run/near.sock")
	t.Setenv("DOCKER_CONTEXT", "near")
	b, err := Start(context.Background(), f.options("docker", ""))
	require.NoError(t, err)
	assert.Equal(t, "near", b.Name)
}

func TestAnInstanceInUseThatIsNotThisMachinesIsUsedAsItIs(t *testing.T) {
	cases := []struct {
		name, driver, endpoint string
		taken                  bool
	}{
		{"a BuildKit that somebody keeps", "remote", "unix:///run/buildkit/buildkitd.sock", true},
		{"a cluster", "kubernetes", "kubernetes:///shared", true},
		{"a container of another machine's docker", "docker-container", "tcp://10.0.0.9:2376", true},
		{"a container of a context's docker on another machine", "docker-container", "far", true},
		{"a container of this machine's docker", "docker-container", "unix:///var/run/docker.sock", false},
		{"a container of a context's docker on this machine", "docker-container", "near", false},
		{"a container of a context that is gone", "docker-container", "gone", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFakes(t)
			t.Setenv("PATH", f.dir)
			f.program("docker", daemonRuns)
			f.context("far", "ssh://build.example")
			f.context("near", "unix:///run/near.sock")
			f.file("docker-config/buildx/current", `{"Key":"","Name":"fleet","Global":true}`)
			f.file("docker-config/buildx/instances/fleet", `{"Name":"fleet","Driver":"`+c.driver+`","Nodes":[{"Name":"fleet0","Endpoint":"`+c.endpoint+`"}]}`)
			b, err := Start(context.Background(), f.options("auto", ""))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, b.Close()) })
			assert.Equal(t, c.taken, b.Shared)
			assert.Equal(t, c.taken, b.Name == "fleet")
			if c.taken {
				assert.Equal(t, c.driver, b.Kind)
				assert.True(t, b.ExportsCache)
				assert.Equal(t, "the buildx instance in use, fleet, keeps its builder and cache between builds", b.Reason)
				assert.Empty(t, f.calls(), "nothing is started")
			}
		})
	}
}

// context makes a docker context, which docker keeps in a folder of its name's SHA-256.
func (f fakes) context(name, host string) {
	f.t.Helper()
	digest := sha256.Sum256([]byte(name))
	f.file("docker-config/contexts/meta/"+hex.EncodeToString(digest[:])+"/meta.json", `{"Endpoints":{"docker":{"Host":"`+host+`"}}}`)
}

// file writes a file below the made-up machine's folder.
func (f fakes) file(path, content string) {
	f.t.Helper()
	full := filepath.Join(f.dir, path)
	require.NoError(f.t, os.MkdirAll(filepath.Dir(full), 0o700))
	require.NoError(f.t, os.WriteFile(full, []byte(content), 0o600))
}
