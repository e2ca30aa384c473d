package commandline

import (
	"math"
	"slices"
)

// readBuild leaves the arguments to buildx.
func readBuild(*Call) bool { return true }

// readBake leaves the arguments to buildx.
func readBake(*Call) bool { return true }

// https://docs.docker.com/reference/cli/docker/image/tag/
func readTag(c *Call) bool {
	flags := newFlags()
	flags.SetInterspersed(false)
	return c.parse(flags, 2, 2, "2 arguments")
}

// https://docs.docker.com/reference/cli/docker/image/push/
func readPush(c *Call) bool {
	flags := newFlags()
	flags.BoolVarP(&c.All, "all-tags", "a", false, "")
	flags.BoolVarP(&c.Quiet, "quiet", "q", false, "")
	flags.Bool("disable-content-trust", true, "")
	flags.String("platform", "", "")
	if flags.Parse(c.Args) == nil && flags.Changed("platform") {
		c.Why = "docker push --platform chooses part of an image"
		return false
	}
	return c.parse(flags, 1, 1, "1 argument")
}

// https://docs.docker.com/reference/cli/docker/inspect/
func readInspect(c *Call) bool {
	c.OfImages = len(c.Words) == 2
	flags := newFlags()
	flags.StringVarP(&c.Format, "format", "f", "", "")
	kind := "image"
	if c.OfImages {
		flags.String("platform", "", "")
	} else {
		flags.StringVar(&kind, "type", kind, "")
		flags.BoolVarP(&c.Size, "size", "s", false, "")
	}
	if !c.parse(flags, 1, math.MaxInt, "at least 1 argument") || kind != "image" {
		return false
	}
	if flags.Changed("platform") {
		c.Why = "docker image inspect --platform chooses part of an image"
		return false
	}
	c.OfImages = c.OfImages || flags.Changed("type")
	return true
}

// https://docs.docker.com/reference/cli/docker/image/ls/
func readImages(c *Call) bool {
	flags := newFlags()
	flags.BoolVarP(&c.Quiet, "quiet", "q", false, "")
	flags.BoolVarP(&c.All, "all", "a", false, "")
	flags.BoolVar(&c.NoTrunc, "no-trunc", false, "")
	flags.BoolVar(&c.Digests, "digests", false, "")
	flags.StringVar(&c.Format, "format", "", "")
	flags.StringArrayVarP(&c.Filters, "filter", "f", nil, "")
	return c.parse(flags, 0, 1, "at most 1 argument")
}

// https://docs.docker.com/reference/cli/docker/image/rm/
func readRemove(c *Call) bool {
	flags := newFlags()
	flags.BoolVarP(&c.Force, "force", "f", false, "")
	flags.Bool("no-prune", false, "")
	flags.StringSlice("platform", nil, "")
	if !c.parse(flags, 1, math.MaxInt, "at least 1 argument") {
		return false
	}
	if flags.Changed("platform") {
		c.Why = "docker rmi --platform removes part of an image"
		return false
	}
	return true
}

// https://docs.docker.com/reference/cli/docker/login/
func readLogin(c *Call) bool {
	flags := newFlags()
	flags.StringVarP(&c.Username, "username", "u", "", "")
	flags.StringVarP(&c.Password, "password", "p", "", "")
	flags.BoolVar(&c.PasswordStdin, "password-stdin", false, "")
	return c.parse(flags, 0, 1, "at most 1 argument")
}

// https://docs.docker.com/reference/cli/docker/logout/
func readLogout(c *Call) bool {
	flags := newFlags()
	return c.parse(flags, 0, 1, "at most 1 argument")
}

// harmless are the commands that use no local image, by the group of commands. The others of a group may use any image:
// its name is in a file, not in the arguments.
var harmless = map[string][]string{
	"compose": {"", "config", "down", "kill", "logs", "ls", "ps", "rm", "stop", "version"},
	"stack":   {"", "config", "ls", "ps", "rm"},
	"buildx": {"", "create", "du", "history", "imagetools", "inspect", "install", "ls", "prune", "rm", "stop", "uninstall", "use",
		"version"},
}

// NeedsAllImages reports whether the call may use any image: its names are in files.
func (c Call) NeedsAllImages() bool {
	if len(c.Words) == 0 {
		return false
	}
	commands, readsFiles := harmless[c.Words[0]]
	return readsFiles && !slices.Contains(commands, word(c, 1))
}

// Replaces returns the names that the call gives to other images, if it succeeds: those of pull, tag, import and commit.
func (c Call) Replaces() []string {
	positions := positionals(c.Args)
	switch c.command() {
	case "pull":
		return positions
	case "tag", "import", "commit":
		if len(positions) > 1 {
			return positions[len(positions)-1:]
		}
	}
	return nil
}

// MayReplaceImages reports whether the call may give names to other images that are not its arguments: it builds, pulls or
// loads images.
func (c Call) MayReplaceImages() bool {
	switch c.command() {
	case "load":
		return true
	case "pull":
		flags := newFlags()
		all := flags.BoolP("all-tags", "a", false, "")
		flags.BoolP("quiet", "q", false, "")
		flags.Bool("disable-content-trust", true, "")
		flags.String("platform", "", "")
		return flags.Parse(c.Args) == nil && *all
	case "run", "create":
		for i, argument := range c.Args {
			if argument == "--pull=always" || argument == "always" && i > 0 && c.Args[i-1] == "--pull" {
				return true
			}
		}
		return false
	}
	return c.NeedsAllImages()
}

// command returns the command of docker without the group image or container, or "" for those of other groups.
func (c Call) command() string {
	words := c.Words
	if len(words) == 2 && (words[0] == "image" || words[0] == "container") {
		words = words[1:]
	}
	if len(words) != 1 {
		return ""
	}
	return words[0]
}

// positionals returns the arguments that do not look like flags.
func positionals(args []string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(argument string) bool { return len(argument) > 0 && argument[0] == '-' })
}

func word(c Call, index int) string {
	switch {
	case index < len(c.Words):
		return c.Words[index]
	case index-len(c.Words) < len(c.Args):
		return c.Args[index-len(c.Words)]
	}
	return ""
}
