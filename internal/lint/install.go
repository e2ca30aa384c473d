package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// checkInstall reports each RUN that downloads packages without a cache mount.
func checkInstall(c *checker) {
	for _, s := range c.stages {
		c.checkInstalls(s.own, s.environment())
		c.checkInstalls(s.triggers, nil)
	}
}

// checkInstalls checks instructions that run one after the other. environment are the assignments above them.
func (c *checker) checkInstalls(sequence []*instruction, environment []string) {
	user := ""
	for _, in := range sequence {
		environment = append(environment, in.assignments()...)
		if u, ok := in.command.(*instructions.UserCommand); ok {
			user = u.User
		}
		if !in.hasCacheMount() && !in.isOffline() && !in.mountsPackages() {
			c.reportInstall(in, user, environment)
		}
	}
}

func (c *checker) reportInstall(in *instruction, user string, environment []string) {
	var names, mounts []string
	for _, command := range in.commands() {
		m := findManager(command)
		if m == nil || slices.Contains(names, m.name) || m.isOfflineWith(environment) {
			continue
		}
		if m.project != nil && m.project(command) && c.options.Context.isVendored(m) {
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

// mountOptions returns the values of an option in the mounts of a RUN.
func (in *instruction) mountOptions(names ...string) []string {
	var all []string
	for _, flag := range in.node.Flags {
		options, isMount := strings.CutPrefix(flag, "--mount=")
		for _, option := range strings.Split(options, ",") {
			if name, value, _ := strings.Cut(option, "="); isMount && slices.Contains(names, name) {
				all = append(all, value)
			}
		}
	}
	return all
}

// mountsPackages reports whether the RUN has a mount at a folder that holds packages.
func (in *instruction) mountsPackages() bool {
	return slices.ContainsFunc(in.mountOptions("target", "dst", "destination"), packageFolder.MatchString)
}

// hasCacheMount reports whether a RUN has a cache mount, at any path.
func (in *instruction) hasCacheMount() bool {
	return slices.ContainsFunc(in.node.Flags, func(flag string) bool {
		options, ok := strings.CutPrefix(flag, "--mount=")
		return ok && slices.Contains(strings.Split(strings.ToLower(options), ","), "type=cache")
	})
}
