package source

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// Sources are the paths that an instruction copies from the build context; an instruction that copies nothing from it has none.
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

// Copied says whether a COPY of the sources takes the file: as itself, as part of a folder, or by a wildcard.
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

// manifests are files that say what an application depends on.
var manifests = []string{
	"go.mod", "go.sum", "package.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "requirements.txt", "Pipfile",
	"Pipfile.lock", "pyproject.toml", "poetry.lock", "uv.lock", "Gemfile", "Gemfile.lock", "Cargo.toml", "Cargo.lock", "pom.xml",
	"build.gradle", "build.gradle.kts", "gradle.lockfile", "composer.json", "composer.lock",
}

// IsManifest says that the file says what an application depends on: changing one is not the everyday change.
func IsManifest(file string) bool { return slices.Contains(manifests, path.Base(file)) }
