package lint

import "slices"

// checkSyntax looks for the directive that names the Dockerfile's syntax.
func checkSyntax(c *checker) {
	if c.hasSyntax {
		return
	}
	a := advice{
		message: "no syntax line: which features and fixes the build has depends on the BuildKit of each machine",
		change:  "as the first line: " + syntaxLine,
		effect:  "every machine reads the Dockerfile with the newest stable frontend of version 1, which is an image from Docker Hub that the build then pulls",
	}
	if f := c.newestFeature(); f.name != "" {
		a.level = f.level
		a.message += "; " + f.name + " needs version " + f.version
	}
	c.report(c.first, a)
}

// feature is one that came with a version of the Dockerfile frontend.
type feature struct {
	name, version string
	level         Level // Warning where BuildKits in use do not have it yet
	used          func(*instruction) bool
}

// newestFeature is what needs the newest Dockerfile frontend.
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
	_, there := in.flag(name)
	return there
}
