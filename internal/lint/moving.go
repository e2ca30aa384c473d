package lint

import (
	"regexp"
	"slices"
	"strings"
)

// checkTimeDependent reports each RUN whose result depends on when it runs, and build arguments that run
// steps again for no reason.
func checkTimeDependent(c *checker) {
	for _, s := range c.stages {
		dated := c.hasDatedPackages(s)
		for _, in := range slices.Concat(s.own, s.triggers) {
			if why, change := timeDependence(in.commands(), dated); why != "" {
				c.report(in, advice{
					message: why + ": the cache keeps the result of the first run, and a builder without the cache gets another result",
					change:  change,
					effect:  "the step has the same result with and without the cache, and runs again only when you change its inputs",
				})
			}
		}
		c.checkBuildArgs(s.own)
		c.checkBuildArgs(s.triggers)
	}
}

var (
	// movingURL matches a part "latest" of a URL, and a branch on the hosts whose URLs are known to have one.
	movingURL = regexp.MustCompile(`(?i)://[^\s]*[/_.=-]latest([/_.?&#-]|$)` +
		`|://raw\.githubusercontent\.com/[^/]+/[^/]+/(refs/heads/|(main|master|HEAD)/)` +
		`|://github\.com/[^/]+/[^/]+/(raw|blob|archive|tarball|zipball)/(refs/heads/|(main|master|HEAD)(/|\.zip|\.tar\.gz|$))` +
		`|://[^/]+/[^\s]+/-/(raw|archive)/(main|master|HEAD)/`)
	movingBranch = regexp.MustCompile(`^((refs/heads/|origin/)?(main|master|develop|devel|dev|trunk|nightly|HEAD))$`)
	fixedURL     = regexp.MustCompile(`(?i)[0-9]+\.[0-9]+\.[0-9]+|/releases/download/[^/]*[0-9]`)
	random       = regexp.MustCompile(`\$\{?RANDOM\b`)
)

// timeDependence returns why the result of the commands depends on the time, and what to write instead; empty
// if it is not known to.
func timeDependence(commands []shellCommand, datedPackages bool) (why, change string) {
	tested := false // whether a variable has a value
	for _, c := range commands {
		tested = tested || slices.Contains([]string{"[", "[[", "test"}, c.program) && c.has("-n", "-z")
		switch {
		case c.fallback:
			continue
		case c.program == "date" && c.kept && !tested && printsNow(c):
			return "the RUN uses the current date", "pass the date as a build argument that is declared just before the step that needs it, or set it in a label"
		case usesRandom(c):
			return "the RUN generates a random value", "generate it when the container starts, or pass it as a secret"
		case c.program == "git" && c.gitCommand() == "clone" && clonesBranch(c, commands):
			return "git clone fetches the current state of a branch", "use ADD https://HOST/REPOSITORY.git#COMMIT, or git checkout COMMIT in the same RUN"
		case isDownload(c) && slices.ContainsFunc(c.args, isMovingURL) && !mayCheckContent(commands):
			return c.program + " fetches a URL whose content changes", "use a URL with a version, preferably with ADD --checksum=sha256:…"
		case isUpgrade(c) && !datedPackages:
			return c.program + " " + c.subcommand() + " installs the newest packages", "remove it and use a newer base image; pin the versions of single packages that need an update"
		}
	}
	return "", ""
}

// isMovingURL reports whether the content of a URL is known to change. A version in it may fix the content.
func isMovingURL(url string) bool { return movingURL.MatchString(url) && !fixedURL.MatchString(url) }

// hasDatedPackages reports whether the distribution's packages in a stage may be those of a fixed date: from an archive
// of snapshots, or from Amazon Linux 2023, whose images have the repositories of their release.
func (c *checker) hasDatedPackages(s *stage) bool {
	mentionsSnapshot := func(in *instruction) bool { return strings.Contains(strings.ToLower(in.text()), "snapshot") }
	if s.parent != nil {
		return slices.ContainsFunc(s.own, mentionsSnapshot) || c.hasDatedPackages(s.parent)
	}
	image, _ := c.expand(s.base)
	return slices.ContainsFunc(s.own, mentionsSnapshot) || strings.Contains(image, "amazonlinux:2023")
}

// printsNow reports whether date prints the current time, and not that of an option.
func printsNow(c shellCommand) bool {
	if slices.ContainsFunc(c.environment, func(assignment string) bool { return strings.Contains(assignment, "faketime") }) {
		return false
	}
	for _, arg := range c.args {
		switch {
		case strings.HasPrefix(arg, "+") && strings.Trim(strings.NewReplacer("%z", "", "%Z", "", "%%", "", "%n", "", "%t", "").Replace(arg), "+") == "":
			return false
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
	if c.program == "uuidgen" {
		return c.kept && !slices.ContainsFunc(c.args, func(arg string) bool { return arg != "-r" && arg != "--random" && strings.HasPrefix(arg, "-") })
	}
	return random.MatchString(strings.Join(c.args, " ")) && (c.kept || !slices.Contains([]string{"echo", "printf", "sleep", "exit"}, c.program))
}

// isDownload reports whether a command keeps the content of a URL.
func isDownload(c shellCommand) bool {
	switch c.program {
	case "wget":
		return !c.has("--spider", "/dev/null", "--help", "--version")
	case "curl":
		asks := c.hasLetter('I') || c.hasLetter('X') || c.has("--head", "--request")
		saves := c.hasLetter('o') || c.hasLetter('O') || c.has("--output", "--remote-name", "--remote-name-all")
		return !asks && !c.has("/dev/null") && (saves || c.kept)
	}
	return false
}

// hasLetter reports whether one of the arguments is a short option with the letter, alone or joined to others.
func (c shellCommand) hasLetter(letter rune) bool {
	return slices.ContainsFunc(c.args, func(arg string) bool {
		return strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.ContainsRune(arg, letter)
	})
}

// mayCheckContent reports whether a RUN has a program that compares files with checksums or signatures, so that it may
// fail if the content of a URL has changed.
func mayCheckContent(commands []shellCommand) bool {
	programs := []string{"shasum", "cksum", "openssl", "gpg", "gpgv", "gpg2", "sq", "cosign", "minisign", "signify", "rhash", "jarsigner", "gh"}
	return slices.ContainsFunc(commands, func(c shellCommand) bool {
		return strings.HasSuffix(c.program, "sum") || slices.Contains(programs, c.program)
	})
}

func isUpgrade(c shellCommand) bool {
	upgrades := []string{"upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade"}
	if listsOf(c.program) == "" {
		upgrades = []string{"upgrade", "update"} // dnf and yum
	}
	m := managersByProgram()[c.program]
	return m != nil && c.isSystem() && slices.Contains(upgrades, c.subcommand()) && !m.isOffline(c) && !c.upgradesToFixed() &&
		!c.has("--assume-no", "--download-only", "-d", "--downloadonly")
}

// upgradesToFixed reports whether an upgrade has a fixed result: that of a release, of advisories, or of packages that
// all have a version.
func (c shellCommand) upgradesToFixed() bool {
	packages, fixed := 0, 0
	for _, arg := range c.args {
		switch {
		case strings.HasPrefix(arg, "--releasever") || strings.HasPrefix(arg, "--advisor"):
			return true
		case arg == c.subcommand() || strings.HasPrefix(arg, "-") || strings.ContainsAny(arg, "<>"):
		default:
			packages++
			if packageVersion.MatchString(arg) {
				fixed++
			}
		}
	}
	return packages > 0 && packages == fixed
}

// packageVersion matches a package with its version, in the forms of apt and apk and of dnf and yum.
var packageVersion = regexp.MustCompile(`=.*[0-9]|-[0-9]+[.:][0-9]`)

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
