package dockerconfig

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
)

// DefaultContext is the context for DOCKER_HOST, or else the daemon of this machine.
const DefaultContext = "default"

// Context is a docker context: a name for the address of a docker daemon.
type Context struct {
	Name string
	// Host is the address in the form of DOCKER_HOST; empty means this machine's daemon.
	Host string
}

// CurrentContext returns the context that docker and buildx use: DOCKER_HOST, else DOCKER_CONTEXT, else the
// one that `docker context use` stored in userDir. It reads docker's files, without running docker.
//
// https://docs.docker.com/engine/manage-resources/contexts/
func CurrentContext(userDir string) (Context, error) {
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return Context{Name: DefaultContext, Host: host}, nil
	}
	name := os.Getenv("DOCKER_CONTEXT")
	if name == "" && userDir != "" {
		settings, err := read(filepath.Join(userDir, "config.json"))
		if err != nil {
			return Context{}, err
		}
		name, _ = settings["currentContext"].(string)
	}
	return ContextNamed(userDir, name)
}

// ContextNamed returns the context with that name. The empty name and "default" are DOCKER_HOST or this
// machine's daemon.
func ContextNamed(userDir, name string) (Context, error) {
	if name == "" || name == DefaultContext {
		return Context{Name: DefaultContext, Host: os.Getenv("DOCKER_HOST")}, nil
	}
	digest := sha256.Sum256([]byte(name))
	content, err := os.ReadFile(filepath.Join(userDir, "contexts", "meta", hex.EncodeToString(digest[:]), "meta.json"))
	if err != nil {
		return Context{}, fmt.Errorf("read docker context %q: %w", name, err)
	}
	var meta struct {
		Endpoints struct {
			Docker struct{ Host string } `json:"docker"`
		}
	}
	if err := json.Unmarshal(content, &meta); err != nil {
		return Context{}, fmt.Errorf("read docker context %q: %w", name, err)
	}
	return Context{Name: name, Host: meta.Endpoints.Docker.Host}, nil
}

// Remote reports whether the daemon is on another machine.
func (c Context) Remote() bool { return IsRemote(c.Host) }

// IsRemote reports whether an address such as DOCKER_HOST is on another machine: not a socket, a pipe or a
// loopback address.
func IsRemote(address string) bool {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || parsed.Scheme == "unix" || parsed.Scheme == "npipe" || parsed.Scheme == "fd" {
		return false
	}
	ip := net.ParseIP(parsed.Hostname())
	return parsed.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}
