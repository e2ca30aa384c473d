package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// checkInstall reports each RUN that downloads packages without a cache mount.
func checkInstall(c *checker) {
	for _, sequence := range c.sequences() {
		user := ""
		for _, in := range sequence {
			if u, ok := in.command.(*instructions.UserCommand); ok {
				user = u.User
			}
			if !in.hasCacheMount() {
				c.reportInstall(in, user)
			}
		}
	}
}

func (c *checker) reportInstall(in *instruction, user string) {
	var names, mounts []string
	for _, command := range in.commands() {
		m := findManager(command)
		if m == nil || slices.Contains(names, m.name) {
			continue
		}
		names = append(names, m.name)
		text := "--mount=type=cache," + strings.Join(m.mounts, " --mount=type=cache,")
		if m.hint != "" {
			text += " (" + m.hint + ")"
		}
		mounts = append(mounts, text)
	}
	if len(names) == 0 {
		return
	}
	change := "RUN " + strings.Join(mounts, " ")
	if user != "" && user != "root" && user != "0" {
		change += fmt.Sprintf("; for the user %s, use folders below the user's home, with the user's uid=", user)
	}
	c.report(in, advice{
		message: strings.Join(names, " and ") + " without a cache mount: when this step runs again, it downloads every package again",
		change:  change,
		effect: "only new packages are downloaded, on a laptop or a Docker server, which keep the mount, and on CodeBuild with layercache's " +
			"native builder, which keeps it with the cache; on any other builder that starts empty, the mount is empty and does not help",
	})
}

// hasCacheMount reports whether a RUN has a cache mount, at any path.
func (in *instruction) hasCacheMount() bool {
	return slices.ContainsFunc(in.node.Flags, func(flag string) bool {
		options, ok := strings.CutPrefix(flag, "--mount=")
		return ok && slices.Contains(strings.Split(strings.ToLower(options), ","), "type=cache")
	})
}
