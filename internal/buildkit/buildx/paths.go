package buildx

import (
	"slices"
	"strings"
)

// Path is a local path in the arguments.
type Path struct {
	Flag, Value string
	// IsLayout is true for what may be a folder with an OCI image layout, such as a local cache.
	IsLayout bool
}

// Paths returns the local paths that the arguments make buildx read or write: contexts, secrets, keys and
// outputs. The Dockerfile is not included; see buildcontext.CheckRead. set reports whether an environment
// variable is set.
func (a Args) Paths(set func(variable string) bool) []Path {
	var paths []Path
	addWith := func(isLayout bool, flag string, values ...string) {
		for _, value := range values {
			if value != "" && value != "-" && !strings.Contains(value, "://") {
				paths = append(paths, Path{flag, value, isLayout})
			}
		}
	}
	add := func(flag string, values ...string) { addWith(false, flag, values...) }
	add("the build context", a.Context)
	for flag, value := range a.values() {
		switch flag {
		case "build-context":
			_, value, _ = strings.Cut(value, "=")
			if layout, found := strings.CutPrefix(value, "oci-layout://"); found {
				layout, _, _ = strings.Cut(layout, "@")
				layout, _, _ = strings.Cut(layout, ":")
				addWith(true, "--build-context", layout)
			}
			add("--build-context", value)
		case "secret":
			add("--secret", SecretFiles(value, set)...)
		case "ssh":
			if _, keys, found := strings.Cut(value, "="); found {
				add("--ssh", strings.Split(keys, ",")...)
			}
		case "output":
			isLayout := slices.ContainsFunc(attributes(value, "type"), func(kind string) bool { return kind == "oci" || kind == "docker" })
			addWith(isLayout, "--output", Destinations(value)...)
		case "cache-from":
			addWith(true, "--cache-from", attributes(value, "src")...)
		case "cache-to":
			addWith(true, "--cache-to", attributes(value, "dest")...)
		case "metadata-file", "iidfile":
			add("--"+flag, value)
		}
	}
	return paths
}

// Destinations returns the paths that a value of --output writes to.
func Destinations(output string) []string {
	paths := attributes(output, "dest")
	if !strings.ContainsAny(output, "=,") {
		paths = []string{output}
	}
	return slices.DeleteFunc(paths, func(path string) bool { return path == "" || path == "-" })
}

// SecretFiles returns the files that buildx may read a secret from: the one that the flag names, else a file
// with the secret's id as its name, unless a variable has that name.
//
// https://docs.docker.com/reference/cli/docker/buildx/build/#secret
func SecretFiles(value string, set func(variable string) bool) []string {
	files := append(attributes(value, "src"), attributes(value, "source")...)
	for _, kind := range attributes(value, "type") {
		if kind == "env" {
			return nil
		}
	}
	if len(files) > 0 || len(attributes(value, "env")) > 0 {
		return files
	}
	for _, id := range attributes(value, "id") {
		if !set(id) {
			files = append(files, id)
		}
	}
	return files
}

// Records returns what a build writes about itself: files with metadata and the image's ID, and folders with
// caches. The result of the build, which --output names, is not among them.
func (a Args) Records() (files, folders []string) {
	for flag, value := range a.values() {
		switch flag {
		case "metadata-file", "iidfile":
			files = append(files, value)
		case "cache-to":
			folders = append(folders, attributes(value, "dest")...)
		case "cache-from":
			folders = append(folders, attributes(value, "src")...)
		}
	}
	return files, folders
}

// LocalContexts returns the paths of named contexts that may be folders.
func (a Args) LocalContexts() []string {
	var paths []string
	for flag, value := range a.values() {
		if _, path, found := strings.Cut(value, "="); flag == "build-context" && found && !strings.Contains(path, "://") {
			paths = append(paths, path)
		}
	}
	return paths
}

// Policies returns the policy files that the arguments name.
func (a Args) Policies() []string {
	var files []string
	for flag, value := range a.values() {
		if flag == "policy" {
			files = append(files, attributes(value, "filename")...)
		}
	}
	return files
}

// values iterates over the flags by long name, each with its value.
func (a Args) values() func(func(flag, value string) bool) {
	return func(yield func(string, string) bool) {
		for name, pieces := range flags(a.Rest) {
			if name == "" {
				continue
			}
			if _, value, _ := readFlag(pieces); !yield(name, value) {
				return
			}
		}
	}
}
