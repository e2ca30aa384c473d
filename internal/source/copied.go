package source

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// Sources returns the paths that an instruction copies from the build context, or nil if the instruction is
// not a COPY or ADD from the context.
//
// https://docs.docker.com/reference/dockerfile/#copy
func Sources(instruction string) []string {
	keyword, rest, _ := strings.Cut(strings.TrimPrefix(instruction, "ONBUILD "), " ")
	if keyword != "COPY" && keyword != "ADD" {
		return nil
	}
	words := strings.Fields(rest)
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		if strings.HasPrefix(words[0], "--from=") {
			return nil
		}
		words = words[1:]
	}
	var quoted []string
	if json.Unmarshal([]byte(strings.Join(words, " ")), &quoted) == nil {
		words = quoted
	}
	if len(words) < 2 {
		return nil
	}
	return slices.DeleteFunc(words[:len(words)-1], func(source string) bool {
		return strings.Contains(source, "://") || strings.HasPrefix(source, "<<")
	})
}

// Copied reports whether a COPY of the sources copies the file: by its name, as part of a folder, or by a
// wildcard.
func Copied(file string, sources []string) bool {
	return slices.ContainsFunc(sources, func(source string) bool {
		source = strings.TrimPrefix(path.Clean("/"+source), "/")
		if source == "" || file == source || strings.HasPrefix(file, source+"/") {
			return true
		}
		for part := file; part != "."; part = path.Dir(part) {
			if matched, err := path.Match(source, part); err == nil && matched {
				return true
			}
		}
		return false
	})
}

// manifests are the names of files that list an application's dependencies.
var manifests = []string{
	"go.mod", "go.sum", "package.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "requirements.txt", "Pipfile",
	"Pipfile.lock", "pyproject.toml", "poetry.lock", "uv.lock", "Gemfile", "Gemfile.lock", "Cargo.toml", "Cargo.lock", "pom.xml",
	"build.gradle", "build.gradle.kts", "gradle.lockfile", "composer.json", "composer.lock",
}

// IsManifest reports whether the file lists an application's dependencies. Such files change less often than
// source code.
func IsManifest(file string) bool { return slices.Contains(manifests, path.Base(file)) }
