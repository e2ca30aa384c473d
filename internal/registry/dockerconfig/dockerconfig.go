// Package dockerconfig creates a private Docker configuration folder for one build: the user's configuration
// plus the sign-ins of this build. The user's folder is never written.
//
// A credential helper provides the sign-ins: buildx reads the configuration only once but asks the helper
// again after five minutes, so a build that outlives a token gets the next one. The helper is this program
// under another name.
package dockerconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// UserDir returns the user's Docker configuration folder: DOCKER_CONFIG, else ~/.docker, else "".
func UserDir() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".docker")
}

// Write creates dir (mode 0700) as a Docker configuration folder with the settings of userDir, and this
// program as the credential helper for hosts. Hosts for which the user already has a sign-in or a credential
// helper keep theirs. Environ returns the variables that select the folder.
func Write(dir, userDir string, hosts []string) error {
	if err := write(dir, userDir, hosts); err != nil {
		return fmt.Errorf("write a private Docker configuration: %w", err)
	}
	return nil
}

// Environ returns the variables that make docker and buildx use the folder and its credential helper.
func Environ(dir string) []string {
	path := dir
	if others := os.Getenv("PATH"); others != "" {
		path += string(filepath.ListSeparator) + others
	}
	return []string{"DOCKER_CONFIG=" + dir, "PATH=" + path}
}

// SignedIn returns a function that reports whether the user has a sign-in or a credential helper for a host.
func SignedIn(userDir string) (func(host string) bool, error) {
	settings, err := userSettings(&userDir)
	if err != nil {
		return nil, err
	}
	auths, helpers := object(settings, "auths"), object(settings, "credHelpers")
	return func(host string) bool { return auths[host] != nil || helpers[host] != nil }, nil
}

func write(dir, userDir string, hosts []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	settings, err := userSettings(&userDir)
	if err != nil {
		return err
	}
	auths, helpers := object(settings, "auths"), object(settings, "credHelpers")
	for _, host := range hosts {
		if auths[host] == nil && helpers[host] == nil {
			helpers[host] = helperName
		}
	}
	settings["credHelpers"] = helpers
	if userDir != "" {
		keepPlugins(settings, userDir)
	}
	content, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), content, 0o600); err != nil {
		return err
	}
	if err := installHelper(dir); err != nil {
		return err
	}
	if userDir == "" {
		return nil
	}
	return linkContexts(dir, userDir)
}

// userSettings returns the user's config.json and makes the folder's path absolute. Without a folder there
// are no settings.
func userSettings(userDir *string) (map[string]any, error) {
	if *userDir == "" {
		return map[string]any{}, nil
	}
	absolute, err := filepath.Abs(*userDir)
	if err != nil {
		return nil, err
	}
	*userDir = absolute
	return read(filepath.Join(absolute, "config.json"))
}

func read(path string) (map[string]any, error) {
	settings := map[string]any{}
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(content) == 0 {
		return settings, nil
	}
	if err := json.Unmarshal(content, &settings); err != nil {
		return nil, fmt.Errorf("%s is not JSON: %w", path, err)
	}
	if settings == nil { // The file contains null.
		return map[string]any{}, nil
	}
	return settings, nil
}

func object(settings map[string]any, key string) map[string]any {
	if value, ok := settings[key].(map[string]any); ok {
		return value
	}
	return map[string]any{}
}

// keepPlugins adds the user's plugin folder, because docker looks for plugins only in its configuration
// folder.
func keepPlugins(settings map[string]any, userDir string) {
	dirs, _ := settings["cliPluginsExtraDirs"].([]any)
	settings["cliPluginsExtraDirs"] = append(dirs, filepath.Join(userDir, "cli-plugins"))
}

// linkContexts links the user's contexts, so that the selected one is found.
func linkContexts(dir, userDir string) error {
	contexts := filepath.Join(userDir, "contexts")
	if _, err := os.Stat(contexts); err != nil {
		return nil
	}
	err := os.Symlink(contexts, filepath.Join(dir, "contexts"))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
