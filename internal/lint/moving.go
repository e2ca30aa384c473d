package lint

import (
	"regexp"
	"slices"
	"strings"
)

// checkTimeDependent reports each RUN whose result depends on when it runs, and build arguments that run
// steps again for no reason.
func checkTimeDependent(c *checker) {
	for _, sequence := range c.sequences() {
		for _, in := range sequence {
			if why, change := timeDependence(in.commands()); why != "" {
				c.report(in, advice{
					message: why + ": the cache keeps the result of the first run, and a builder without the cache gets another result",
					change:  change,
					effect:  "the step has the same result with and without the cache, and runs again only when you change its inputs",
				})
			}
		}
		c.checkBuildArgs(sequence)
	}
}

var (
	// movingURL matches a part "latest" of a URL, and a branch on the hosts whose URLs are known to have one.
	movingURL = regexp.MustCompile(`(?i)://[^\s]*[/_.=-]latest([/_.?&#-]|$)` +
		`|://raw\.githubusercontent\.com/[^/]+/[^/]+/(refs/heads/|(main|master|HEAD)/)` +
		`|://github\.com/[^/]+/[^/]+/(raw|blob|archive|tarball|zipball)/(refs/heads/|(main|master|HEAD)(/|\.zip|\.tar\.gz|$))` +
		`|://[^/]+/[^\s]+/-/(raw|archive)/(main|master|HEAD)/`)
	movingBranch = regexp.MustCompile(`^((refs/heads/|origin/)?(main|master|develop|devel|dev|trunk|nightly|HEAD))$`)
	random       = regexp.MustCompile(`\$\{?RANDOM\b`)
)

// timeDependence returns why the result of the commands depends on the time, and what to write instead; empty
// if it is not known to.
func timeDependence(commands []shellCommand) (why, change string) {
	for _, c := range commands {
		switch {
		case c.fallback:
			continue
		case c.program == "date" && c.kept && printsNow(c):
			return "the RUN uses the current date", "pass the date as a build argument that is declared just before the step that needs it, or set it in a label"
		case usesRandom(c):
			return "the RUN generates a random value", "generate it when the container starts, or pass it as a secret"
		case c.program == "git" && c.gitCommand() == "clone" && clonesBranch(c, commands):
			return "git clone fetches the current state of a branch", "use ADD https://HOST/REPOSITORY.git#COMMIT, or git checkout COMMIT in the same RUN"
		case isDownload(c) && slices.ContainsFunc(c.args, movingURL.MatchString) && !checksContent(commands):
			return c.program + " fetches a URL whose content changes", "use a URL with a version, preferably with ADD --checksum=sha256:…"
		case isUpgrade(c):
			return c.program + " " + c.subcommand() + " installs the newest packages", "remove it and use a newer base image; pin the versions of single packages that need an update"
		}
	}
	return "", ""
}

// printsNow reports whether date prints the current time, and not that of an option.
func printsNow(c shellCommand) bool {
	for _, arg := range c.args {
		switch {
		case strings.HasPrefix(arg, "--"):
			if !slices.Contains([]string{"--utc", "--universal", "--rfc-email"}, arg) && !strings.HasPrefix(arg, "--iso-8601") && !strings.HasPrefix(arg, "--rfc-3339") {
				return false
			}
		case strings.HasPrefix(arg, "-"):
			options, _, _ := strings.Cut(arg[1:], "I") // -I has its argument in the same word.
			if strings.Trim(options, "uR") != "" {
				return false
			}
		}
	}
	return true
}

// usesRandom reports whether the command keeps a random value. Assignments are not looked at.
func usesRandom(c shellCommand) bool {
	return c.program == "uuidgen" && c.kept || random.MatchString(strings.Join(c.args, " ")) && (c.kept || !slices.Contains([]string{"echo", "printf", "sleep", "exit"}, c.program))
}

// isDownload reports whether a command saves or prints the content of a URL.
func isDownload(c shellCommand) bool {
	return (c.program == "curl" || c.program == "wget") && !c.has("-I", "--head", "--spider", "/dev/null")
}

// checksContent reports whether the RUN compares files with checksums or signatures, and so fails if the
// content of a URL has changed.
func checksContent(commands []shellCommand) bool {
	return slices.ContainsFunc(commands, func(c shellCommand) bool {
		sum := slices.Contains([]string{"sha1sum", "sha256sum", "sha384sum", "sha512sum", "shasum", "md5sum", "b2sum"}, c.program)
		return sum && slices.ContainsFunc(c.args, func(arg string) bool {
			return arg == "--check" || arg == "--strict" || strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.Contains(arg, "c")
		})
	})
}

func isUpgrade(c shellCommand) bool {
	upgrades := []string{"upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade"}
	if listsOf(c.program) == "" {
		upgrades = []string{"upgrade", "update"} // dnf and yum
	}
	if slices.ContainsFunc(c.args, func(arg string) bool { return strings.HasPrefix(arg, "--releasever") }) {
		return false // Amazon Linux has a fixed state for each release.
	}
	return c.isSystem() && slices.Contains(upgrades, c.subcommand()) && !c.has("-s", "--simulate", "--dry-run", "--just-print", "--assumeno")
}

// gitCommand returns git's subcommand.
func (c shellCommand) gitCommand() string {
	withValue := false
	for _, arg := range c.args {
		switch {
		case withValue:
			withValue = false
		case arg == "-C" || arg == "-c" || arg == "--git-dir" || arg == "--work-tree":
			withValue = true
		case !strings.HasPrefix(arg, "-"):
			return arg
		}
	}
	return ""
}

// clonesBranch reports whether a clone is known to end at the current state of a branch: it fetches the
// default branch, or one with the usual name of a branch that moves, from a remote repository, and no later
// git command may change that.
func clonesBranch(clone shellCommand, commands []shellCommand) bool {
	remote := slices.ContainsFunc(clone.args, func(arg string) bool {
		return strings.Contains(arg, "://") && !strings.HasPrefix(arg, "file:") || strings.HasPrefix(arg, "git@")
	})
	if !remote {
		return false
	}
	for i, arg := range clone.args {
		name, value, joined := strings.Cut(arg, "=")
		switch {
		case slices.Contains([]string{"-b", "--branch", "--revision"}, name):
			if !joined && i+1 < len(clone.args) {
				value = clone.args[i+1]
			}
		case strings.HasPrefix(arg, "-b"):
			value = arg[2:]
		default:
			continue
		}
		if !movingBranch.MatchString(value) {
			return false
		}
	}
	return !slices.ContainsFunc(commands, mayLeaveBranch)
}

// mayLeaveBranch reports whether a command may change the state of a clone to a fixed one. Only commands that
// are known not to do this are excluded.
func mayLeaveBranch(c shellCommand) bool {
	if c.program != "git" {
		return false
	}
	switch c.gitCommand() {
	case "clone", "submodule", "log", "status", "config", "rev-parse", "describe", "remote", "lfs", "show-ref", "branch", "--version":
		return false
	case "checkout", "switch", "reset":
		operands := c.operands()
		return len(operands) == 0 || !movingBranch.MatchString(operands[len(operands)-1])
	}
	return true
}
