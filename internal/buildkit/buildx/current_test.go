package buildx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/registry/dockerconfig"
)

func TestTheCurrentInstanceIsTheOneThatBuildxUses(t *testing.T) {
	local := dockerconfig.Context{Name: "default"}
	fleet := Instance{Name: "fleet", Driver: "remote", Endpoint: "tcp://10.0.0.9:9876"}
	cases := []struct {
		name, current, variable string
		docker                  dockerconfig.Context
		want                    Instance
	}{
		{"no instance was chosen", ``, "", local, Instance{}},
		{"an instance for the docker daemon of this machine", `{"Key":"unix:///var/run/docker.sock","Name":"fleet","Global":false}`, "", local, fleet},
		{"an instance for all contexts", `{"Key":"other","Name":"fleet","Global":true}`, "", local, fleet},
		{"an instance for another context", `{"Key":"other","Name":"fleet","Global":false}`, "", local, Instance{}},
		{"an instance for the context, by its name", `{"Key":"other","Name":"fleet","Global":false}`, "", dockerconfig.Context{Name: "other", Host: "ssh://h"}, fleet},
		{"an instance for DOCKER_HOST", `{"Key":"tcp://h:1","Name":"fleet","Global":false}`, "", dockerconfig.Context{Name: "default", Host: "tcp://h:1"}, fleet},
		{"BUILDX_BUILDER", ``, "fleet", local, fleet},
		{"an instance that was removed", `{"Key":"","Name":"gone","Global":true}`, "", local, Instance{}},
		{"docker's own builder was chosen again", `{"Key":"unix:///var/run/docker.sock","Name":"","Global":false}`, "", local, Instance{}},
		{"a name that is a path to another folder", ``, "../elsewhere", local, Instance{}},
		{"a file that is not JSON", `{`, "", local, Instance{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("BUILDX_CONFIG", dir)
			t.Setenv("BUILDX_BUILDER", c.variable)
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "instances"), 0o700))
			instance := `{"Name":"fleet","Driver":"remote","Nodes":[{"Name":"fleet0","Endpoint":"tcp://10.0.0.9:9876"}],"Dynamic":false}`
			require.NoError(t, os.WriteFile(filepath.Join(dir, "instances", "fleet"), []byte(instance), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "elsewhere"), []byte(instance), 0o600))
			if c.current != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "current"), []byte(c.current), 0o600))
			}
			got, ok := Current(c.docker)
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.want.Name != "", ok)
		})
	}
}

func TestTheConfigDirIsTheOneThatBuildxUses(t *testing.T) {
	t.Setenv("BUILDX_CONFIG", "")
	t.Setenv("DOCKER_CONFIG", "/etc/docker-config")
	assert.Equal(t, "/etc/docker-config/buildx", ConfigDir())
	t.Setenv("BUILDX_CONFIG", "/etc/buildx")
	assert.Equal(t, "/etc/buildx", ConfigDir())
}
