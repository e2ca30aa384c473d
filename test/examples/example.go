// Package examples reads the example configurations of this folder, each in the
// form of a cdk.json, and keeps a snapshot of every template that they make.
package examples

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/layercache/layercache/stacks"
)

//go:embed *.json
var files embed.FS

// Example is one example configuration.
type Example struct {
	// Name is that of its file, without ".json".
	Name string
	// Config is the value of the context key, as the CDK hands it over.
	Config map[string]any
}

// All are the examples, sorted by name. Their builds take the helper from
// helper.zip, so that nothing is compiled.
func All() ([]Example, error) {
	paths, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	var examples []Example
	for _, path := range paths {
		text, err := files.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var file struct {
			Context map[string]map[string]any
		}
		if err := json.Unmarshal(text, &file); err != nil {
			return nil, fmt.Errorf("test/examples/%s: %w", path, err)
		}
		config := file.Context[stacks.ContextKey]
		builds, ok := config["builds"].([]any)
		if !ok {
			return nil, fmt.Errorf("test/examples/%s: there are no builds in its context", path)
		}
		for _, build := range builds {
			build.(map[string]any)["helperZip"] = "helper.zip"
		}
		examples = append(examples, Example{Name: strings.TrimSuffix(path, ".json"), Config: config})
	}
	return examples, nil
}

// WriteProject writes the files that the examples name: a service to build and
// a helper.
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
