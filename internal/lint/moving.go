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
	movingURL  = regexp.MustCompile(`(?i)://.*(latest|/(main|master|head)(/|\.|$))`)
	commitHash = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
	release    = regexp.MustCompile(`^v?[0-9]`)
	random     = regexp.MustCompile(`\$\{?RANDOM\b`)
)

// timeDependence returns why the result of the commands depends on the time, and what to write instead; empty
// if it does not.
func timeDependence(commands []shellCommand) (why, change string) {
	for _, c := range commands {
		switch {
		case c.program == "date" && !c.has("-d", "--date", "-r", "--reference") && !strings.Contains(c.String(), "--date="):
			return "the RUN uses the current date", "pass the date as a build argument that is declared just before the step that needs it, or set it in a label"
		case random.MatchString(c.String()) || c.program == "uuidgen":
			return "the RUN generates a random value", "generate it when the container starts, or pass it as a secret"
		case c.program == "git" && c.has("clone") && !clonesCommit(c, commands):
			return "git clone fetches the current state of a branch", "use ADD https://HOST/REPOSITORY.git#COMMIT, or git checkout COMMIT in the same RUN"
		case isDownload(c) && slices.ContainsFunc(c.args, movingURL.MatchString):
			return c.program + " fetches a URL whose content changes", "use a URL with a version, preferably with ADD --checksum=sha256:…"
		case isUpgrade(c):
			return c.program + " upgrade installs the newest packages", "remove it and use a newer base image; pin the versions of single packages that need an update"
		}
	}
	return "", ""
}

func isDownload(c shellCommand) bool { return c.program == "curl" || c.program == "wget" }

func isUpgrade(c shellCommand) bool {
	switch c.program {
	case "apt-get", "apt", "aptitude":
		return c.has("upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade")
	case "apk":
		return c.has("upgrade")
	case "dnf", "yum", "microdnf":
		return c.has("upgrade", "update")
	}
	return false
}

// clonesCommit reports whether a clone ends at a commit or a release: by --branch, --revision, or a later
// checkout.
func clonesCommit(clone shellCommand, commands []shellCommand) bool {
	for i, arg := range clone.args {
		name, value, joined := strings.Cut(arg, "=")
		if !slices.Contains([]string{"-b", "--branch", "--revision"}, name) {
			continue
		}
		if !joined && i+1 < len(clone.args) {
			value = clone.args[i+1]
		}
		return isFixed(value)
	}
	return slices.ContainsFunc(commands, func(c shellCommand) bool {
		return c.program == "git" && c.has("checkout", "reset", "switch") && slices.ContainsFunc(c.args, isFixed)
	})
}

// isFixed reports whether a git revision is a commit, a release or a variable. A variable is assumed to be
// pinned by its author.
func isFixed(name string) bool {
	return commitHash.MatchString(name) || release.MatchString(name) || strings.Contains(name, "$")
}
