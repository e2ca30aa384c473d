package lint

import (
	"regexp"
	"slices"
	"strings"
)

// checkMoving looks for RUNs whose result depends on when they run, and for variables that make steps run again for nothing.
func checkMoving(c *checker) {
	for _, sequence := range c.sequences() {
		for _, in := range sequence {
			if why, change := moving(in.commands()); why != "" {
				c.report(in, advice{
					message: why + ": the cache keeps what was there at the first run, and a builder without the cache gets something else",
					change:  change,
					effect:  "the step gives the same with and without the cache, and runs again exactly when you change what it takes",
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

// moving says what in the commands is another thing tomorrow, and what to write instead. Empty when nothing is.
func moving(commands []shellCommand) (why, change string) {
	for _, c := range commands {
		switch {
		case c.program == "date" && !c.has("-d", "--date", "-r", "--reference") && !strings.Contains(c.String(), "--date="):
			return "the RUN asks for the date", "give the date as a build argument, declared right before the step that needs it, or leave it to a label of the build"
		case random.MatchString(c.String()) || c.program == "uuidgen":
			return "the RUN makes a random value", "make it when the container starts, or give it as a secret"
		case c.program == "git" && c.has("clone") && !clonesCommit(c, commands):
			return "git clone takes what the branch is at the time", "ADD https://HOST/REPOSITORY.git#COMMIT, or git checkout COMMIT in the same RUN"
		case isDownload(c) && slices.ContainsFunc(c.args, movingURL.MatchString):
			return c.program + " fetches an address that moves", "name a version in the address, best with ADD --checksum=sha256:…"
		case isUpgrade(c):
			return c.program + " upgrade takes what is newest at the time", "leave it out and use a newer base image; name the versions of single packages that need it"
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

// clonesCommit tells whether a clone ends at a commit or a release: by its --branch or --revision, or by a checkout later on.
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

// isFixed tells whether a name of git is a commit, a release, or a variable, which is the writer's to fix.
func isFixed(name string) bool {
	return commitHash.MatchString(name) || release.MatchString(name) || strings.Contains(name, "$")
}
