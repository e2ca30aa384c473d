package lint

import "slices"

// checkSyntax reports a missing syntax line.
func checkSyntax(c *checker) {
	if c.hasSyntax {
		return
	}
	a := advice{
		message: "no syntax line: features and fixes depend on the version of BuildKit on each machine",
		change:  "add as the first line: " + syntaxLine,
		effect:  "every machine uses the newest stable frontend of version 1, an image on Docker Hub that each build pulls",
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
