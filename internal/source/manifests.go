package source

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SelfContained returns the manifests in the top folder of a build context with which `go mod download` and `npm ci`
// read no other file of it.
func SelfContained(dir string) []string {
	var manifests []string
	if goIsSelfContained(dir) {
		manifests = append(manifests, "go.mod", "go.sum")
	}
	if npmIsSelfContained(dir) {
		manifests = append(manifests, "package.json", "package-lock.json")
	}
	return manifests
}

func exists(dir string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	})
}

// goIsSelfContained reports whether go.mod replaces no module with a folder, and there is no workspace.
//
// https://go.dev/ref/mod#go-mod-file-replace
func goIsSelfContained(dir string) bool {
	content, err := ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !exists(dir, "go.sum") || exists(dir, "go.work", "vendor") {
		return false
	}
	return !strings.Contains(string(content), "=>")
}

// npmIsSelfContained reports whether package.json has no script that npm runs on installation, no workspace and no
// local package, and there is no configuration.
//
// https://docs.npmjs.com/cli/v11/using-npm/scripts#npm-ci
func npmIsSelfContained(dir string) bool {
	content, err := ReadFile(filepath.Join(dir, "package.json"))
	if err != nil || exists(dir, ".npmrc", "npm-shrinkwrap.json", "binding.gyp") {
		return false
	}
	lock, err := ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return false
	}
	for _, local := range []string{`"file:`, `"link:`, `"link": true`, `"resolved": "packages`} {
		if strings.Contains(string(content), local) || strings.Contains(string(lock), local) {
			return false
		}
	}
	var manifest struct {
		Scripts    map[string]string `json:"scripts"`
		Workspaces json.RawMessage   `json:"workspaces"`
	}
	if json.Unmarshal(content, &manifest) != nil || manifest.Workspaces != nil {
		return false
	}
	for _, script := range []string{"preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare", "dependencies"} {
		if _, runs := manifest.Scripts[script]; runs {
			return false
		}
	}
	return true
}
