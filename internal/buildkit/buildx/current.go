package buildx

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/layercache/layercache/internal/registry/dockerconfig"
)

// Instance is a builder that was made with `docker buildx create`.
type Instance struct {
	Name string
	// Driver is docker-container, remote, kubernetes or cloud.
	Driver string
	// Endpoint is where its first node is: an address, or the name of a docker context.
	Endpoint string
}

// ConfigDir is the user's buildx folder, or empty for a user without a home.
//
// https://docs.docker.com/build/building/variables/#buildx_config
func ConfigDir() string {
	if dir := os.Getenv("BUILDX_CONFIG"); dir != "" {
		return dir
	}
	if dir := dockerconfig.UserDir(); dir != "" {
		return filepath.Join(dir, "buildx")
	}
	return ""
}

// Current is the instance that `docker buildx build` would take under the docker context: that of BUILDX_BUILDER, else that
// of `docker buildx use`. ok is false when there is none, and the context's own builder would be taken.
func Current(docker dockerconfig.Context) (instance Instance, ok bool) {
	name := os.Getenv("BUILDX_BUILDER")
	if name == "" {
		name = inUse(docker)
	}
	var stored struct {
		Name, Driver string
		Nodes        []struct{ Endpoint string }
	}
	// buildx takes the name for a file's in small letters.
	if name == "" || !readJSON(filepath.Join("instances", strings.ToLower(filepath.Base(name))), &stored) || len(stored.Nodes) == 0 {
		return Instance{}, false
	}
	return Instance{Name: name, Driver: stored.Driver, Endpoint: stored.Nodes[0].Endpoint}, true
}

// inUse is what `docker buildx use` noted, for the docker context or for all.
func inUse(docker dockerconfig.Context) string {
	var current struct {
		Key, Name string
		Global    bool
	}
	if !readJSON("current", &current) {
		return ""
	}
	key := docker.Name
	if key == dockerconfig.DefaultContext {
		key = docker.Host
	}
	if key == "" {
		key = "unix:///var/run/docker.sock"
	}
	if !current.Global && current.Key != key {
		return ""
	}
	return current.Name
}

// readJSON reads a file of the user's buildx folder, and says whether it is there and in order.
func readJSON(name string, into any) bool {
	dir := ConfigDir()
	if dir == "" {
		return false
	}
	content, err := os.ReadFile(filepath.Join(dir, name))
	return err == nil && json.Unmarshal(content, into) == nil
}
