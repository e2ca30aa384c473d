package lint

import (
	"slices"
	"strings"
)

// manager is a package manager or a build tool that downloads packages.
type manager struct {
	name     string
	programs []string
	// installs tells whether a command of its programs downloads packages.
	installs func(shellCommand) bool
	// project tells whether such a command takes the packages from manifests in the source. Nil: none does.
	project func(shellCommand) bool
	// manifests are the files with what to install, shell patterns included.
	manifests []string
	// fetch installs from the manifests alone, without the source.
	fetch string
	// mounts are the cache mounts for the user root, and hint is what else they need.
	mounts []string
	hint   string
}

// managerOf is the manager that a command installs with, or nil.
func managerOf(c shellCommand) *manager {
	if strings.HasPrefix(c.program, "python") && len(c.args) > 1 && c.args[0] == "-m" {
		c = shellCommand{program: c.args[1], args: c.args[2:]}
	}
	if m := managersOf()[c.program]; m != nil && m.installs(c) {
		return m
	}
	return nil
}

func word(words ...string) func(shellCommand) bool {
	return func(c shellCommand) bool { return c.has(words...) }
}

// first tells whether the first operand is one of the words.
func first(words ...string) func(shellCommand) bool {
	return func(c shellCommand) bool {
		operands := c.operands()
		return len(operands) > 0 && slices.Contains(words, operands[0])
	}
}

func always(shellCommand) bool { return true }

// anyGoal tells whether there is anything to do: mvn -version only prints.
func anyGoal(c shellCommand) bool { return len(c.operands()) > 0 }

// fromRequirements tells whether pip or uv reads a requirements file.
func fromRequirements(c shellCommand) bool {
	return slices.ContainsFunc(c.args, func(arg string) bool { return strings.HasPrefix(arg, "-r") || strings.HasPrefix(arg, "--requirement") })
}

// nodeProject tells whether npm, yarn, pnpm or bun install what package.json names rather than packages named on the command line.
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
