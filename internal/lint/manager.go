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
	} else if strings.HasPrefix(c.program, "python") && len(c.args) > 0 && strings.HasPrefix(c.args[0], "-m") {
		c.program, c.args = c.args[0][2:], c.args[1:]
	}
	if version, ok := strings.CutPrefix(c.program, "pip"); ok && strings.Trim(version, "0123456789.") == "" {
		c.program = "pip"
	}
	if m := managersByProgram()[c.program]; m != nil && m.installs(c) && !m.isOffline(c) {
		return m
	}
	return nil
}

// leads returns a function that reports whether the first known subcommand is one of installs.
func leads(installs []string, others ...string) func(shellCommand) bool {
	return func(c shellCommand) bool {
		for _, arg := range c.args {
			if slices.Contains(installs, arg) || slices.Contains(others, arg) {
				return slices.Contains(installs, arg)
			}
		}
		return false
	}
}

// hasWord returns a function that reports whether one of the words is an argument.
func hasWord(words ...string) func(shellCommand) bool {
	return func(c shellCommand) bool { return c.has(words...) }
}

// first returns a function that reports whether the first operand is one of the words.
func first(words ...string) func(shellCommand) bool {
	return func(c shellCommand) bool { return slices.Contains(words, c.firstOperand()) }
}

// withValue lists options of managers whose value is the next word.
var withValue = []string{
	"--registry", "--prefix", "--cache", "--userconfig", "--loglevel", "--workspace", "--omit", "--include", "--location", "--network-timeout", "--cwd",
	"--filter", "-F", "--store-dir", "--dir", "-C", "--manifest-path", "--target-dir", "--config", "--directory", "--project", "--working-dir",
}

// firstOperand returns the first argument that is neither an option nor the value of one; empty if there is none.
func (c shellCommand) firstOperand() string {
	for i, arg := range c.args {
		isValue := i > 0 && slices.Contains(withValue, c.args[i-1])
		if !isValue && !strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "+") {
			return arg
		}
	}
	return ""
}

func always(shellCommand) bool { return true }

// anyGoal reports whether the command has a goal. Without one it only prints, as mvn -version does.
func anyGoal(c shellCommand) bool { return len(c.operands()) > 0 }

// fromRequirements reports whether pip or uv reads a requirements file that may be one of the source.
func fromRequirements(c shellCommand) bool {
	for i, arg := range c.args {
		file, ok := strings.CutPrefix(arg, "--requirement")
		if !ok && !strings.HasPrefix(arg, "--") {
			file, ok = strings.CutPrefix(arg, "-r")
		}
		if ok && file == "" && i+1 < len(c.args) {
			file = c.args[i+1]
		}
		file = strings.TrimPrefix(strings.TrimPrefix(file, "s"), "=")
		if ok && !strings.Contains(file, "://") && !strings.HasPrefix(file, "/tmp/") {
			return true
		}
	}
	return false
}

// nodeProject reports whether npm, yarn, pnpm or bun installs the packages of package.json, and not packages
// given as arguments.
func nodeProject(c shellCommand) bool {
	if c.has("-g", "--global", "--location=global") {
		return false
	}
	operands := 0
	for i, arg := range c.args {
		if !strings.HasPrefix(arg, "-") && !strings.ContainsAny(arg, "<>") && !(i > 0 && slices.Contains(withValue, c.args[i-1])) {
			operands++
		}
	}
	return operands <= 1 || c.has("ci", "clean-install")
}

func yarnInstalls(c shellCommand) bool {
	return c.firstOperand() == "" && !c.has("--version", "-v", "--help") || first("install", "add")(c)
}

func goProject(c shellCommand) bool {
	return !slices.ContainsFunc(c.args, func(arg string) bool { return strings.Contains(arg, "@") })
}

func goInstalls(c shellCommand) bool {
	operands := c.operands()
	if c.has("std", "cmd") {
		return false // the packages of the toolchain
	}
	return first("build", "install", "test", "get", "run")(c) || len(operands) > 1 && operands[0] == "mod" && operands[1] == "download"
}

func uvInstalls(c shellCommand) bool {
	operands := c.operands()
	return first("sync", "add")(c) || len(operands) > 1 && operands[0] == "pip" && (operands[1] == "install" || operands[1] == "sync")
}
