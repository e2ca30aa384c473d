package lint

import (
	"regexp"
	"slices"
	"strconv"
)

const syntaxLine = "# syntax=docker/dockerfile:1"

// checkSyntax reports a missing syntax line.
func checkSyntax(c *checker) {
	if c.syntax != "" {
		return
	}
	a := advice{
		message: "no syntax line: features and fixes depend on the version of BuildKit on each machine",
		change:  "add as the first line: " + syntaxLine,
		effect: "every machine uses the newest stable frontend of version 1, an image on Docker Hub; a builder that starts empty, as on CodeBuild, " +
			"pulls it in each build",
	}
	if f := c.newestFeature(); f.name != "" {
		a.level = f.level
		a.message += "; " + f.name + " needs version " + f.version
	}
	c.report(c.first, a)
}

// feature is a feature of the Dockerfile frontend and the version that introduced it.
type feature struct {
	name, version string
	level         Level // Warning if some BuildKit versions in use do not have it
	used          func(*instruction) bool
}

// newestFeature returns the used feature that needs the newest frontend, or an empty one.
//
// https://docs.docker.com/reference/dockerfile/
func (c *checker) newestFeature() feature {
	features := []feature{
		{"--parents", "1.20", Warning, func(in *instruction) bool { return in.hasFlag("parents") }},
		{"--exclude", "1.19", Warning, func(in *instruction) bool { return in.hasFlag("exclude") }},
		{"--unpack", "1.17", Warning, func(in *instruction) bool { return in.hasFlag("unpack") }},
		{"a heredoc", "1.4", Info, func(in *instruction) bool { return len(in.node.Heredocs) > 0 }},
		{"--link", "1.4", Info, func(in *instruction) bool { return in.hasFlag("link") }},
		{"--mount", "1.2", Info, func(in *instruction) bool { return in.hasFlag("mount") }},
	}
	for _, f := range features {
		for _, sequence := range c.sequences() {
			if slices.ContainsFunc(sequence, f.used) {
				return f
			}
		}
	}
	return feature{}
}

func (in *instruction) hasFlag(name string) bool {
	_, ok := in.flag(name)
	return ok
}

// frontend matches the syntax lines of Docker's own frontend that have a tag.
var frontend = regexp.MustCompile(`^(?:docker\.io/)?docker/dockerfile(?:-upstream)?:(?:(latest|labs|master|master-labs)|([0-9]+)(?:\.([0-9]+))?(?:\.[0-9]+)?(?:-labs)?)(?:@sha256:[0-9a-f]{64})?$`)

// hasLink reports whether the frontend is known to have --link: version 1.4 or later, or the one in BuildKit,
// which is used without a syntax line.
func hasLink(syntax string) bool {
	if syntax == "" {
		return true
	}
	match := frontend.FindStringSubmatch(syntax)
	switch {
	case match == nil:
		return false
	case match[1] != "" || match[3] == "":
		return match[1] != "" || match[2] == "1"
	}
	major, _ := strconv.Atoi(match[2])
	minor, _ := strconv.Atoi(match[3])
	return major > 1 || major == 1 && minor >= 4
}
