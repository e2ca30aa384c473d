package commandline

import (
	"slices"

	"github.com/spf13/pflag"
)

// ComposeBuild is a call of `docker compose build`.
type ComposeBuild struct {
	// Before are the arguments before the word build, and After those behind it.
	Before, After []string
	// Files are given with --file.
	Files []string
	// Progress is how the build is shown; "" if no flag says it.
	Progress string
	// Push is true if images that have a name in the file are pushed.
	Push bool
	// Attestations are the flags --provenance and --sbom, for buildx.
	Attestations []string
}

// ComposePush is a call of `docker compose push`.
type ComposePush struct {
	// Before are the arguments before the word push, and Flags those behind it that do not choose services.
	Before, Flags []string
	// Dependencies is true if the images of services that the given ones depend on are pushed too.
	Dependencies bool
	// IgnoreFailures is true if the call succeeds although an image is not pushed.
	IgnoreFailures bool
}

// readCompose reads a call of compose. Docker answers all but build and push, and forms of them that print or need another
// builder.
func (c *Call) readCompose() Call {
	global := newFlags()
	global.SetInterspersed(false)
	global.StringArrayVarP(&c.Compose.Files, "file", "f", nil, "")
	global.StringVar(&c.Compose.Progress, "progress", "", "")
	global.StringP("project-name", "p", "", "")
	for _, name := range []string{"profile", "env-file", "insecure-registry"} {
		global.StringArray(name, nil, "")
	}
	for _, name := range []string{"project-directory", "workdir", "ansi", "parallel"} {
		global.String(name, "", "")
	}
	for _, name := range []string{"compatibility", "all-resources", "no-ansi", "verbose"} {
		global.Bool(name, false, "")
	}
	if global.Parse(c.Args) != nil {
		return c.forDocker("")
	}
	before := c.Args[:len(c.Args)-global.NArg()]
	switch global.Arg(0) {
	case "build":
		return c.readComposeBuild(before, global.Args()[1:])
	case "push":
		return c.readComposePush(before, global.Args()[1:])
	}
	return c.forDocker("")
}

// https://docs.docker.com/reference/cli/docker/compose/build/
func (c *Call) readComposeBuild(before, after []string) Call {
	c.Compose.Before, c.Compose.After = before, after
	build := newFlags()
	for _, name := range []string{"pull", "no-cache", "with-dependencies", "parallel", "compress", "force-rm", "no-rm"} {
		build.Bool(name, false, "")
	}
	build.BoolVar(&c.Compose.Push, "push", false, "")
	quiet := build.BoolP("quiet", "q", false, "")
	build.StringArray("build-arg", nil, "")
	build.String("ssh", "", "")
	build.Lookup("ssh").NoOptDefVal = "default"
	build.StringP("memory", "m", "", "")
	build.StringVar(&c.Compose.Progress, "progress", c.Compose.Progress, "")
	build.String("builder", "", "")
	for _, name := range []string{"provenance", "sbom"} {
		build.String(name, "", "")
	}
	if build.Parse(c.Compose.After) != nil {
		return c.forDocker("")
	}
	if build.Changed("builder") {
		return c.forDocker("--builder chooses another builder")
	}
	build.Visit(func(flag *pflag.Flag) {
		if slices.Contains([]string{"provenance", "sbom"}, flag.Name) {
			c.Compose.Attestations = append(c.Compose.Attestations, "--"+flag.Name+"="+flag.Value.String())
		}
	})
	if *quiet {
		c.Compose.Progress = "quiet"
	}
	c.Kind = Compose
	return *c
}

// https://docs.docker.com/reference/cli/docker/compose/push/
func (c *Call) readComposePush(before, after []string) Call {
	c.Push.Before = before
	push := newFlags()
	push.BoolVar(&c.Push.IgnoreFailures, "ignore-push-failures", false, "")
	push.BoolVar(&c.Push.Dependencies, "include-deps", false, "")
	push.BoolVarP(&c.Quiet, "quiet", "q", false, "")
	if push.Parse(after) != nil {
		return c.forDocker("")
	}
	push.Visit(func(flag *pflag.Flag) {
		if flag.Name != "include-deps" {
			c.Push.Flags = append(c.Push.Flags, "--"+flag.Name+"="+flag.Value.String())
		}
	})
	c.Names = push.Args()
	c.Kind = PushServices
	return *c
}
