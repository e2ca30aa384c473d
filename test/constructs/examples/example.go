// Package examples reads the configurations of the folders in examples/ that other tests deploy and simulate.
// Its own tests compare their templates with snapshots, and synthesize the other folders too.
package examples

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/layercache/layercache/examples"
	"github.com/layercache/layercache/stacks"
)

// simulated are the examples that differ in accounts, regions and partitions.
var simulated = []string{"china", "deployed", "govcloud", "one-account", "opt-in-region", "organization", "roll-out", "three-accounts"}

// Example is one example configuration.
type Example struct {
	// Name is the name of its folder.
	Name string
	// Config is the value of the context key in cdk.json.
	Config map[string]any
}

// All returns the simulated examples, sorted by name. Their builds take the helper from helper.zip, so
// nothing is compiled.
func All() ([]Example, error) {
	var all []Example
	for _, name := range simulated {
		config, err := configOf(name, "helper.zip")
		if err != nil {
			return nil, err
		}
		all = append(all, Example{Name: name, Config: config})
	}
	return all, nil
}

// configOf returns the configuration of a folder, with helperZip set for each build. It is the function of a build
// that is deployed, or rolled out, too.
func configOf(folder, helperZip string) (map[string]any, error) {
	path := folder + "/cdk.json"
	text, err := examples.Files.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Context map[string]map[string]any
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("examples/%s: %w", path, err)
	}
	config := file.Context[stacks.ContextKey]
	builds, ok := config["builds"].([]any)
	if !ok {
		return nil, fmt.Errorf("examples/%s: its context has no builds", path)
	}
	for _, build := range builds {
		build.(map[string]any)["helperZip"] = helperZip
		if build.(map[string]any)["deploy"] == true {
			build.(map[string]any)["deploy"] = map[string]any{"functionZip": strings.ReplaceAll(helperZip, "{arch}", "arm64")}
		}
		if rollOut, ok := build.(map[string]any)["rollOut"].(map[string]any); ok {
			rollOut["functionZip"] = strings.ReplaceAll(helperZip, "{arch}", "arm64")
		}
	}
	return config, nil
}

// WriteProject writes the files that the examples refer to: a service to build and a helper.
func WriteProject(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "service", "docker"), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"service/Dockerfile", "service/docker/worker.Dockerfile", "helper.zip"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("FROM scratch\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}
