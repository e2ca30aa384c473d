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

func TestTheBuilderOfADockerServerIsUsedUnchanged(t *testing.T) {
	const reason = "the docker server at tcp://10.0.0.9:9876 keeps its cache between builds"
	cases := []struct {
		name, info, reason string
		exports            bool
	}{
		{"it can export a registry cache", containerdRuns, reason, true},
		{"it cannot export a registry cache", daemonRuns, reason + "; it cannot export a registry cache, so the build uses the cache on that server", false},
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
			assert.Equal(t, []string{"docker info --format {{.Driver}} {{.DriverStatus}}"}, f.calls(), "no builder is created or removed")

			var line bytes.Buffer
			b.Describe(&line)
			assert.Contains(t, line.String(), "layercache: docker builder ready in ")
			assert.Contains(t, line.String(), c.reason)
		})
	}
}

func TestADockerServerIsNotUsedForRegistriesWithoutTLS(t *testing.T) {
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

func TestTheReasonMentionsMirrorsThatAreNotUsed(t *testing.T) {
	const notUsed = "; mirrors of base images are not used, because layercache cannot configure this builder"
	for kind, want := range map[string]bool{"docker": true, "container": false} {
		f := newFakes(t)
		f.program("docker", daemonRuns)
		options := f.options(kind, "")
		options.Mirrors = []variables.Mirror{{Upstream: "docker.io", Location: "h.example/hub"}}
		b, err := Start(context.Background(), options)
		require.NoError(t, err)
		assert.Equal(t, want, strings.HasSuffix(b.Reason, notUsed), b.Reason)
		require.NoError(t, b.Close())
	}
}

func TestAutoFallsBackIfTheDockerServerDoesNotAnswer(t *testing.T) {
	f := newFakes(t)
	t.Setenv("PATH", f.dir) // without runc: no native builder
	t.Setenv("DOCKER_HOST", "ssh://build.example")
	f.program("docker", daemonDown)
	_, err := Start(context.Background(), f.options("auto", ""))
	require.ErrorContains(t, err, "docker server's builder: docker info: Cannot connect to the Docker daemon")
	assert.ErrorContains(t, err, "native builder: ")
}

func TestAnExplicitKindIsNotTakenFromTheDockerServer(t *testing.T) {
	f := newFakes(t)
	t.Setenv("DOCKER_HOST", "tcp://10.0.0.9:9876")
	f.program("docker", daemonRuns)
	b, err := Start(context.Background(), f.options("container", ""))
	require.NoError(t, err)
	assert.Equal(t, "container", b.Kind)
	require.NoError(t, b.Close())
}

func TestTheDockerBuilderIsThatOfTheCurrentContext(t *testing.T) {
	f := newFakes(t)
	f.program("docker", daemonRuns)
	f.context("near", "unix:///run/near.sock")
	t.Setenv("DOCKER_CONTEXT", "near")
	b, err := Start(context.Background(), f.options("docker", ""))
	require.NoError(t, err)
	assert.Equal(t, "near", b.Name)
}

func TestACurrentInstanceOutsideOfThisMachinesDockerIsUsedUnchanged(t *testing.T) {
	cases := []struct {
		name, driver, endpoint string
		used                   bool
	}{
		{"a remote BuildKit", "remote", "unix:///run/buildkit/buildkitd.sock", true},
		{"a Kubernetes cluster", "kubernetes", "kubernetes:///shared", true},
		{"a container of a docker on another machine", "docker-container", "tcp://10.0.0.9:2376", true},
		{"a container of a context on another machine", "docker-container", "far", true},
		{"a container of the docker on this machine", "docker-container", "unix:///var/run/docker.sock", false},
		{"a container of a context on this machine", "docker-container", "near", false},
		{"a container of a missing context", "docker-container", "gone", false},
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
			assert.Equal(t, c.used, b.Shared)
			assert.Equal(t, c.used, b.Name == "fleet")
			if c.used {
				assert.Equal(t, c.driver, b.Kind)
				assert.True(t, b.ExportsCache)
				assert.Equal(t, "the current buildx instance, fleet, keeps its cache between builds", b.Reason)
				assert.Empty(t, f.calls(), "nothing is started")
			}
		})
	}
}

// context creates a docker context. docker names its folder with the SHA-256 of the context's name.
func (f fakes) context(name, host string) {
	f.t.Helper()
	digest := sha256.Sum256([]byte(name))
	f.file("docker-config/contexts/meta/"+hex.EncodeToString(digest[:])+"/meta.json", `{"Endpoints":{"docker":{"Host":"`+host+`"}}}`)
}

// file writes a file in the folder of the fakes.
func (f fakes) file(path, content string) {
	f.t.Helper()
	full := filepath.Join(f.dir, path)
	require.NoError(f.t, os.MkdirAll(filepath.Dir(full), 0o700))
	require.NoError(f.t, os.WriteFile(full, []byte(content), 0o600))
}
