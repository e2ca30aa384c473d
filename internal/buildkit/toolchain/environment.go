package toolchain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// settings are the go command's settings that say where modules come from and where they are kept. Modules are checked against their
// sums wherever they come from.
var settings = []string{
	"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS",
	"GOMODCACHE", "GOPATH", "GOCACHE", "GOTMPDIR", "GOTOOLCHAIN",
}

// environment is that of a go command that runs in the folder, with none of the machine's and the user's settings for it but those
// above, whether they are in variables or were written by `go env -w`. Others would take part in what is compiled: -toolexec in GOFLAGS
// runs a program in place of the compiler, GOCACHEPROG hands out what it calls compiled, GOROOT has a standard library of its own.
// A variable that is empty does not count as set, so the file of `go env -w` is turned off.
func environment(ctx context.Context, dir string, more ...string) ([]string, error) {
	written, err := writtenSettings()
	if err != nil {
		return nil, err
	}
	plain := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "GOCACHEPROG=") })
	cmd := exec.CommandContext(ctx, "go", "env", "-json")
	cmd.Dir = dir
	cmd.Env = append(plain, "GOENV=off", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	var known map[string]string
	if err := json.Unmarshal(out, &known); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	env := slices.DeleteFunc(plain, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		_, gos := known[name]
		return gos
	})
	for _, name := range settings {
		value := os.Getenv(name)
		if value == "" {
			value = written[name]
		}
		if value == "" {
			value = known[name]
		}
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	return append(append(env, "GOENV=off", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0"), more...), nil
}

// writtenSettings are those of the file of `go env -w`. The go command itself would begin to use all of them when asked for one.
//
// https://pkg.go.dev/cmd/go#hdr-Environment_variables
func writtenSettings() (map[string]string, error) {
	path := os.Getenv("GOENV")
	if path == "off" {
		return nil, nil
	}
	if path == "" {
		config, err := os.UserConfigDir()
		if err != nil {
			return nil, nil // The go command has no such file then.
		}
		path = filepath.Join(config, "go", "env")
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("what `go env -w` has written: %w", err)
	}
	written := map[string]string{}
	for line := range strings.Lines(string(content)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			written[name] = value
		}
	}
	return written, nil
}
