package buildx

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// beside are the flags that say where a build's result goes, what is attached to it and how the build is shown. They change
// no step.
var beside = []string{
	"tag", "push", "load", "output", "iidfile", "metadata-file", "label", "annotation", "progress", "quiet", "builder",
	"attest", "provenance", "sbom", "debug", "secret", "ssh",
}

// unforeseeable are the flags with which equal arguments need not give equal steps.
var unforeseeable = []string{"no-cache", "no-cache-filter", "pull", "build-context", "cache-from", "cache-to"}

// Shape is the digest of the arguments that change what is built, build arguments and the context left out. It is empty where
// equal arguments need not build the same.
func (a Args) Shape() string {
	hash := sha256.New()
	for name, pieces := range flags(a.Rest) {
		if slices.Contains(unforeseeable, name) {
			return ""
		}
		if !slices.Contains(beside, name) && name != "build-arg" {
			fmt.Fprintf(hash, "%q\n", pieces)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)[:6])
}

// CacheOnly are the arguments for the same build once more, of which nothing but the cache is kept.
func (a Args) CacheOnly() []string {
	kept := []string{"--output", "type=cacheonly", "--provenance=false"}
	for name, pieces := range flags(a.Rest) {
		if !slices.Contains(beside, name) || name == "secret" || name == "ssh" || name == "builder" {
			kept = append(kept, pieces...)
		}
	}
	return kept
}

// OnAnyBuilder are the same arguments without the builder that they name. It says no where the result would stay with that builder:
// what is neither pushed nor written nor loaded would be lost on another.
func (a Args) OnAnyBuilder() (Args, bool) {
	moved, leaves := a, false
	moved.Builder, moved.Rest = "", nil
	for name, pieces := range flags(a.Rest) {
		leaves = leaves || name == "push" || name == "load" || name == "output"
		if name != "builder" {
			moved.Rest = append(moved.Rest, pieces...)
		}
	}
	return moved, leaves
}

// flags goes through the arguments: each flag's long name with the arguments that it fills. What is no flag has no name.
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
