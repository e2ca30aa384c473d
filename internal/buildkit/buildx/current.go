package buildx

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/layercache/layercache/internal/registry/dockerconfig"
)

// Instance is a builder that `docker buildx create` created.
type Instance struct {
	Name string
	// Driver is docker-container, remote, kubernetes or cloud.
	Driver string
	// Endpoint is the address of its first node, or the name of a docker context.
	Endpoint string
}

// ConfigDir returns the user's buildx folder, or "" for a user without a home folder.
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

// Current returns the instance that `docker buildx build` would use in the docker context: the one in
// BUILDX_BUILDER, else the one chosen with `docker buildx use`. ok is false if there is no such instance;
// buildx then uses the builder of the context itself.
func Current(docker dockerconfig.Context) (instance Instance, ok bool) {
	name := os.Getenv("BUILDX_BUILDER")
	if name == "" {
		name = chosen(docker)
	}
	return Named(name)
}

// Named returns the instance with the name. ok is false if there is no such instance.
func Named(name string) (instance Instance, ok bool) {
	var stored struct {
		Name, Driver string
		Nodes        []struct{ Endpoint string }
	}
	// buildx stores an instance in a file with its name in lower case.
	if name == "" || !readJSON(filepath.Join("instances", strings.ToLower(filepath.Base(name))), &stored) || len(stored.Nodes) == 0 {
		return Instance{}, false
	}
	return Instance{Name: name, Driver: stored.Driver, Endpoint: stored.Nodes[0].Endpoint}, true
}

// IsLocalContainer reports whether the instance is a container of this machine's docker daemon, which is as empty as a
// builder of layercache when a job begins.
func (i Instance) IsLocalContainer() bool {
	if i.Driver != "docker-container" || dockerconfig.IsRemote(i.Endpoint) {
		return false
	}
	docker, err := dockerconfig.ContextNamed(dockerconfig.UserDir(), i.Endpoint)
	return err != nil || !docker.Remote()
}

// chosen returns the name that `docker buildx use` stored for the docker context or for all contexts, or "".
func chosen(docker dockerconfig.Context) string {
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

// readJSON reads a file in the user's buildx folder. It reports whether the file exists and is valid JSON.
func readJSON(name string, into any) bool {
	dir := ConfigDir()
	if dir == "" {
		return false
	}
	content, err := os.ReadFile(filepath.Join(dir, name))
	return err == nil && json.Unmarshal(content, into) == nil
}
