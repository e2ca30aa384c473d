package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// checkInstall looks for RUNs that download packages and have no cache mount.
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
		m := managerOf(command)
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
		change += fmt.Sprintf("; for the user %s the folders below its own home, with uid= of the user", user)
	}
	c.report(in, advice{
		message: strings.Join(names, " and ") + " without a cache mount: when this step runs again, every package is downloaded again",
		change:  change,
		effect: "on a laptop or a docker server, which keep the mount, only new packages are downloaded; a builder that starts empty, " +
			"as on CodeBuild, has nothing in the mount, so there it does not help by itself",
	})
}

// hasCacheMount tells whether a RUN has one, wherever it is mounted.
func (in *instruction) hasCacheMount() bool {
	return slices.ContainsFunc(in.node.Flags, func(flag string) bool {
		options, ok := strings.CutPrefix(flag, "--mount=")
		return ok && slices.Contains(strings.Split(strings.ToLower(options), ","), "type=cache")
	})
}
