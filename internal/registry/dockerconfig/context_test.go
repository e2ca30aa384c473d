package dockerconfig

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// addContext writes the same files as `docker context create`.
func addContext(t *testing.T, userDir, name, host string) {
	t.Helper()
	digest := sha256.Sum256([]byte(name))
	writeFile(t, filepath.Join(userDir, "contexts", "meta", hex.EncodeToString(digest[:]), "meta.json"),
		`{"Name":"`+name+`","Metadata":{},"Endpoints":{"docker":{"Host":"`+host+`","SkipTLSVerify":false}}}`, 0o600)
}

func TestCurrentContextIsTheOneThatDockerUses(t *testing.T) {
	const far, near = "tcp://10.0.0.9:9876", "unix:///run/other.sock"
	cases := []struct {
		name, host, context, config string
		want                        Context
		remote                      bool
	}{
		{"nothing is set", "", "", "", Context{Name: "default"}, false},
		{"DOCKER_HOST on another machine", far, "", "", Context{"default", far}, true},
		{"DOCKER_HOST over SSH", "ssh://me@build.example", "", "", Context{"default", "ssh://me@build.example"}, true},
		{"DOCKER_HOST on loopback", "tcp://127.0.0.1:2375", "", "", Context{"default", "tcp://127.0.0.1:2375"}, false},
		{"DOCKER_HOST on loopback by IPv6", "tcp://[::1]:2375", "", "", Context{"default", "tcp://[::1]:2375"}, false},
		{"DOCKER_HOST by the name of loopback", "tcp://localhost:2375", "", "", Context{"default", "tcp://localhost:2375"}, false},
		{"DOCKER_HOST is a socket", near, "", "", Context{"default", near}, false},
		{"DOCKER_HOST is a pipe", "npipe:////./pipe/docker_engine", "", "", Context{"default", "npipe:////./pipe/docker_engine"}, false},
		{"DOCKER_CONTEXT", "", "far", "", Context{"far", far}, true},
		{"the context in use", "", "", `{"currentContext":"far"}`, Context{"far", far}, true},
		{"a context that is a socket", "", "", `{"currentContext":"near"}`, Context{"near", near}, false},
		{"the default context in use", "", "", `{"currentContext":"default"}`, Context{Name: "default"}, false},
		{"DOCKER_CONTEXT before the context in use", "", "near", `{"currentContext":"far"}`, Context{"near", near}, false},
		{"DOCKER_HOST before every context", near, "far", `{"currentContext":"far"}`, Context{"default", near}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", c.host)
			t.Setenv("DOCKER_CONTEXT", c.context)
			userDir := t.TempDir()
			addContext(t, userDir, "far", far)
			addContext(t, userDir, "near", near)
			writeFile(t, filepath.Join(userDir, "config.json"), c.config, 0o600)
			got, err := CurrentContext(userDir)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.remote, got.Remote())
		})
	}
}

func TestTheErrorNamesAMissingContext(t *testing.T) {
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONTEXT", "gone")
	_, err := CurrentContext(t.TempDir())
	require.ErrorContains(t, err, `read docker context "gone": `)
}

func TestAUserWithoutAHomeHasTheDefaultContext(t *testing.T) {
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONTEXT", "")
	got, err := CurrentContext("")
	require.NoError(t, err)
	assert.Equal(t, Context{Name: "default"}, got)
}
