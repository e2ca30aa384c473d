package lint

import (
	"slices"
	"strings"
)

// manager is a package manager or a build tool that downloads packages.
type manager struct {
	name     string
	programs []string
	// installs reports whether a command downloads packages.
	installs func(shellCommand) bool
	// project reports whether such a command reads the packages from manifests in the source. If nil, none
	// does.
	project func(shellCommand) bool
	// manifests are patterns of the files that list the packages.
	manifests []string
	// fetch is the command that installs from the manifests, without the source.
	fetch string
	// mounts are the cache mounts for the user root, hint what else they need.
	mounts []string
	hint   string
}

// findManager returns the manager that the command downloads packages with, or nil.
func findManager(c shellCommand) *manager {
	if strings.HasPrefix(c.program, "python") && len(c.args) > 1 && c.args[0] == "-m" {
		c.program, c.args = c.args[1], c.args[2:]
	}
	if m := managersByProgram()[c.program]; m != nil && m.installs(c) && !m.isOffline(c) {
		return m
	}
	return nil
}

// hasWord returns a function that reports whether one of the words is an argument.
func hasWord(words ...string) func(shellCommand) bool {
	return func(c shellCommand) bool { return c.has(words...) }
}

// first returns a function that reports whether the first operand is one of the words.
func first(words ...string) func(shellCommand) bool {
	return func(c shellCommand) bool {
		operands := c.operands()
		return len(operands) > 0 && slices.Contains(words, operands[0])
	}
}

func always(shellCommand) bool { return true }

// anyGoal reports whether the command has a goal. Without one it only prints, as mvn -version does.
func anyGoal(c shellCommand) bool { return len(c.operands()) > 0 }

// fromRequirements reports whether pip or uv reads a requirements file.
func fromRequirements(c shellCommand) bool {
	return slices.ContainsFunc(c.args, func(arg string) bool { return strings.HasPrefix(arg, "-r") || strings.HasPrefix(arg, "--requirement") })
}

// nodeProject reports whether npm, yarn, pnpm or bun installs the packages of package.json, and not packages
// given as arguments.
func nodeProject(c shellCommand) bool {
	return c.has("ci", "clean-install") || len(c.operands()) <= 1 && !c.has("-g", "--global")
}

func yarnInstalls(c shellCommand) bool {
	return len(c.operands()) == 0 && !c.has("--version", "-v", "--help") || first("install", "add")(c)
}

func goProject(c shellCommand) bool {
	return !slices.ContainsFunc(c.args, func(arg string) bool { return strings.Contains(arg, "@") })
}

func goInstalls(c shellCommand) bool {
	operands := c.operands()
	return first("build", "install", "test", "get", "run")(c) || len(operands) > 1 && operands[0] == "mod" && operands[1] == "download"
}

func uvInstalls(c shellCommand) bool {
	operands := c.operands()
	return first("sync", "add")(c) || len(operands) > 1 && operands[0] == "pip" && (operands[1] == "install" || operands[1] == "sync")
}
