package buildx

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// neutralFlags are the flags that change no step: where the result goes, what is attached to it and how the
// build is shown.
var neutralFlags = []string{
	"tag", "push", "load", "output", "iidfile", "metadata-file", "label", "annotation", "progress", "quiet", "builder",
	"attest", "provenance", "sbom", "debug", "secret", "ssh",
}

// unpredictableFlags are the flags with which equal arguments may give different steps.
var unpredictableFlags = []string{"no-cache", "no-cache-filter", "pull", "build-context", "cache-from", "cache-to"}

// Shape returns a digest of the arguments that change what is built, except build arguments and the context.
// It is empty if equal arguments may build something different.
func (a Args) Shape() string {
	hash := sha256.New()
	for name, pieces := range flags(a.Rest) {
		if slices.Contains(unpredictableFlags, name) {
			return ""
		}
		if !slices.Contains(neutralFlags, name) && name != "build-arg" {
			fmt.Fprintf(hash, "%q\n", pieces)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)[:6])
}

// CacheOnly returns the arguments that repeat the build without its outputs and without running a step again,
// to export only the cache.
func (a Args) CacheOnly() []string {
	kept := []string{"--output", "type=cacheonly", "--provenance=false"}
	for name, pieces := range flags(a.Rest) {
		if name == "no-cache" || name == "no-cache-filter" {
			continue
		}
		if !slices.Contains(neutralFlags, name) || name == "secret" || name == "ssh" || name == "builder" {
			kept = append(kept, pieces...)
		}
	}
	return kept
}

// WithDockerfile returns the arguments with another Dockerfile. Only Rest and Dockerfile change.
func (a Args) WithDockerfile(path string) Args {
	changed := a
	changed.Dockerfile, changed.Rest = path, []string{"--file=" + path}
	for name, pieces := range flags(a.Rest) {
		if name != "file" {
			changed.Rest = append(changed.Rest, pieces...)
		}
	}
	return changed
}

// OnAnyBuilder returns the arguments without --builder. leaves reports whether the result leaves the builder,
// by --push, --load or --output. Otherwise the result would stay in the cache of the wrong builder.
func (a Args) OnAnyBuilder() (moved Args, leaves bool) {
	moved = a
	moved.Builder, moved.Rest = "", nil
	for name, pieces := range flags(a.Rest) {
		leaves = leaves || name == "push" || name == "load" || name == "output"
		if name != "builder" {
			moved.Rest = append(moved.Rest, pieces...)
		}
	}
	return moved, leaves
}

// SentTo returns the arguments with this output instead of their image names and outputs. Only Rest changes.
func (a Args) SentTo(output string) Args {
	return a.replaced([]string{"tag", "push", "load", "output"}, "--output="+output)
}

// Loaded returns the arguments with --load instead of their outputs. Only Rest changes.
func (a Args) Loaded() Args { return a.replaced([]string{"push", "load", "output"}, "--load") }

// Without returns the arguments without the flags. Only Rest changes.
func (a Args) Without(names ...string) Args { return a.replaced(names) }

// replaced returns the arguments with others in place of all flags with the names.
func (a Args) replaced(names []string, others ...string) Args {
	changed := a
	changed.Rest = others
	for name, pieces := range flags(a.Rest) {
		if !slices.Contains(names, name) {
			changed.Rest = append(changed.Rest, pieces...)
		}
	}
	return changed
}

// InlineCache is the build argument that makes buildx write a cache into the image.
const InlineCache = "BUILDKIT_INLINE_CACHE"

// WithoutBuildArg returns the arguments without a build argument, and whether they had it. Only Rest changes.
func (a Args) WithoutBuildArg(name string) (changed Args, had bool) {
	changed = a
	changed.Rest = nil
	for flag, pieces := range flags(a.Rest) {
		_, value, _ := readFlag(pieces)
		if given, _, _ := strings.Cut(value, "="); flag == "build-arg" && given == name {
			had = true
			continue
		}
		changed.Rest = append(changed.Rest, pieces...)
	}
	return changed, had
}

// Sent reports whether the arguments say where the result goes: whether they push it, and whether they write it to a
// file, a folder or nowhere.
func (a Args) Sent() (pushed, written bool) {
	for name, pieces := range flags(a.Rest) {
		_, value, _ := readFlag(pieces)
		switch name {
		case "push":
			pushed = pushed || isTrue(value)
		case "output":
			pushed = pushed || Pushes(value)
			kind := outputType(value)
			written = written || kind == "" || kind == "oci" || len(attributes(value, "dest")) > 0
		}
	}
	return pushed, written
}

// flags iterates over the arguments: the long name of each flag with the arguments that it occupies. The name
// is empty for arguments that are not flags.
func flags(arguments []string) func(func(name string, pieces []string) bool) {
	return func(yield func(string, []string) bool) {
		for i := 0; i < len(arguments); {
			if arguments[i] == "--" {
				yield("", arguments[i:])
				return
			}
			name, _, consumed := readFlag(arguments[i:])
			if !strings.HasPrefix(arguments[i], "-") {
				name = ""
			}
			if !yield(name, arguments[i:i+consumed]) {
				return
			}
			i += consumed
		}
	}
}
