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

// keptSettings are the settings of the go command for where modules come from and where they are stored. The
// checksum of a module is checked wherever it comes from.
var keptSettings = []string{
	"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS",
	"GOMODCACHE", "GOPATH", "GOCACHE", "GOTMPDIR", "GOTOOLCHAIN",
}

// environment returns the environment of a go command in the folder. Of the settings of the machine and the
// user, in variables or from `go env -w`, it has only keptSettings. Others can change the result: -toolexec
// in GOFLAGS replaces the compiler, GOCACHEPROG replaces the build cache, and GOROOT the standard library. An
// empty variable would not override `go env -w`, so that file is disabled with GOENV=off.
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
		_, isSetting := known[name]
		return isSetting
	})
	for _, name := range keptSettings {
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

// writtenSettings returns the settings in the file of `go env -w`. `go env` itself cannot return them without
// using all of them.
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
			return nil, nil // the go command has no such file either
		}
		path = filepath.Join(config, "go", "env")
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings of `go env -w`: %w", err)
	}
	written := map[string]string{}
	for line := range strings.Lines(string(content)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			written[name] = value
		}
	}
	return written, nil
}
