package source

import (
	"encoding/csv"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/layercache/layercache/internal/source/outline"
)

// Selections returns what an instruction takes from the build context, from the instruction's text in BuildKit's
// progress. It is nil for an instruction that takes nothing from it.
//
// https://docs.docker.com/reference/dockerfile/#copy
// https://docs.docker.com/reference/dockerfile/#run---mount
func Selections(instruction string) []outline.Selection {
	keyword, rest, _ := strings.Cut(strings.TrimPrefix(instruction, "ONBUILD "), " ")
	line, _, _ := strings.Cut(rest, "\n")
	words := strings.Fields(line)
	var flags []string
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		flags, words = append(flags, words[0]), words[1:]
	}
	switch keyword {
	case "RUN":
		return mountSelections(flags)
	case "COPY", "ADD":
		return transferSelections(flags, words)
	}
	return nil
}

// mountSelections returns the sources of the bind mounts of the build context. A mount is a bind mount by default.
func mountSelections(flags []string) []outline.Selection {
	var selections []outline.Selection
	for _, flag := range flags {
		mount, found := strings.CutPrefix(flag, "--mount=")
		if !found {
			continue
		}
		fields, err := csv.NewReader(strings.NewReader(mount)).Read()
		if err != nil {
			continue
		}
		kind, source, other := "bind", "/", false
		for _, field := range fields {
			switch key, value, _ := strings.Cut(field, "="); strings.ToLower(key) {
			case "type":
				kind = strings.ToLower(value)
			case "from":
				other = true
			case "source", "src":
				source = value
			}
		}
		if kind == "bind" && !other {
			selections = append(selections, outline.Selection{Sources: []string{source}, Literal: true})
		}
	}
	return selections
}

func transferSelections(flags, words []string) []outline.Selection {
	var selection outline.Selection
	for _, flag := range flags {
		switch name, value, _ := strings.Cut(flag, "="); name {
		case "--from":
			return nil
		case "--exclude":
			selection.Exclude = append(selection.Exclude, value)
		case "--parents":
			selection.Parents = value != "false"
		}
	}
	words = listed(words)
	if len(words) < 2 {
		return nil
	}
	selection.Sources = slices.DeleteFunc(words[:len(words)-1], func(source string) bool {
		return strings.Contains(source, "://") || strings.HasPrefix(source, "git@") || strings.HasPrefix(source, "<<")
	})
	if len(selection.Sources) == 0 {
		return nil
	}
	return []outline.Selection{selection}
}

// listed returns the words of the JSON form. BuildKit's progress shows that form without quotes: [a.txt, /s/].
func listed(words []string) []string {
	text := strings.Join(words, " ")
	var quoted []string
	if json.Unmarshal([]byte(text), &quoted) == nil {
		return quoted
	}
	inner, opened := strings.CutPrefix(text, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !opened || !closed || !strings.Contains(inner, ",") {
		return words
	}
	words = strings.Split(inner, ",")
	for i := range words {
		words[i] = strings.TrimSpace(words[i])
	}
	return words
}

// Copied reports whether the selections may have the file: by its name, as part of a folder, or by a wildcard.
func Copied(file string, selections []outline.Selection) bool {
	return slices.ContainsFunc(selections, func(selection outline.Selection) bool {
		file, inContext := inContext(file, selection.Context)
		return inContext && (slices.ContainsFunc(selection.Links, func(link string) bool {
			_, matched := matchedPart(file, link, true)
			return matched
		}) || slices.ContainsFunc(selection.Sources, func(source string) bool { return copies(file, source, selection) }))
	})
}

// inContext returns the path in the build context of the name, which is empty for the main one.
func inContext(file, context string) (relative string, ok bool) {
	if context == "" {
		return file, true
	}
	return strings.CutPrefix(file, listedIn(context, ""))
}

// listedIn returns how Digests names a file of a build context.
func listedIn(context, file string) string {
	if context == "" {
		return file
	}
	return context + ":" + file
}

func copies(file, source string, selection outline.Selection) bool {
	include, source, err := includePattern(source, selection.Parents)
	if err != nil {
		return false
	}
	exclude, err := patternmatcher.New(selection.Exclude)
	if err != nil {
		return false
	}
	top, matched := matchedPart(file, clean(source), selection.Literal)
	if !matched {
		return false
	}
	kept, err := keep(below(file, top), include, exclude)
	return err == nil && kept
}

// matchedPart returns the part of the file's path that the source matches.
func matchedPart(file, source string, literal bool) (top string, ok bool) {
	if source == "." {
		return ".", true
	}
	for part := file; part != "."; part = path.Dir(part) {
		if part == source {
			return part, true
		}
		if matched, err := path.Match(source, part); !literal && err == nil && matched {
			return part, true
		}
	}
	return "", false
}

// declarations are the names of files in which people list an application's dependencies, locks those of the files that
// package managers write. Both are patterns of path.Match.
var (
	declarations = []string{
		"go.mod", "go.work", "package.json", "pnpm-workspace.yaml", "deno.json", "requirements*.txt", "requirements*.in", "constraints*.txt",
		"Pipfile", "pyproject.toml", "environment.yml", "Gemfile", "*.gemspec", "Cargo.toml", "pom.xml", "build.gradle", "build.gradle.kts",
		"settings.gradle", "settings.gradle.kts", "libs.versions.toml", "build.sbt", "composer.json", "mix.exs", "pubspec.yaml",
		"Package.swift", "*.csproj", "*.fsproj", "Directory.Packages.props",
	}
	locks = []string{
		"go.sum", "go.work.sum", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb", "deno.lock",
		"Pipfile.lock", "poetry.lock", "uv.lock", "pdm.lock", "pylock.toml", "Gemfile.lock", "Cargo.lock", "gradle.lockfile", "composer.lock",
		"mix.lock", "pubspec.lock", "Package.resolved", "packages.lock.json",
	}
)

// IsManifest reports whether the file lists an application's dependencies. Such files change less often than
// source code.
func IsManifest(file string) bool { return named(file, declarations) || IsLock(file) }

// IsLock reports whether the file is a list of dependencies that a package manager writes.
func IsLock(file string) bool { return named(file, locks) }

func named(file string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, err := path.Match(pattern, path.Base(file))
		return err == nil && matched
	})
}
