package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// volatileArgs are names of build arguments whose value changes with each build or each commit.
var volatileArgs = []string{
	"BUILD_DATE", "BUILD_TIME", "BUILD_TIMESTAMP", "BUILDTIME", "BUILDDATE", "TIMESTAMP", "DATE", "CREATED",
	"BUILD_ID", "BUILD_NUMBER", "BUILD_NUM", "BUILD_URL", "CODEBUILD_BUILD_ID", "CODEBUILD_BUILD_NUMBER", "GITHUB_RUN_ID", "GITHUB_RUN_NUMBER",
	"COMMIT", "COMMIT_SHA", "COMMIT_HASH", "COMMIT_ID", "SHA", "REVISION", "SOURCE_COMMIT", "VCS_REF", "VCS_REVISION",
	"GIT_SHA", "GIT_COMMIT", "GIT_COMMIT_SHA", "GIT_HASH", "GIT_REF", "GIT_REV", "GIT_REVISION", "GITHUB_SHA", "CI_COMMIT_SHA",
	"CODEBUILD_RESOLVED_SOURCE_VERSION", "CODEBUILD_SOURCE_VERSION",
}

// checkBuildArgs reports each volatile ARG above a RUN that does not use it. BuildKit passes every declared
// argument to every RUN below it, so a new value runs all of them again. Other instructions depend only on
// the arguments that they use.
func (c *checker) checkBuildArgs(sequence []*instruction) {
	for i, in := range sequence {
		arg, ok := in.command.(*instructions.ArgCommand)
		if !ok {
			continue
		}
		for _, a := range arg.Args {
			if !slices.Contains(volatileArgs, strings.ToUpper(a.Key)) {
				continue
			}
			run, user, level := firstUnrelatedRun(a.Key, sequence[i+1:])
			if run == nil {
				continue
			}
			message := fmt.Sprintf("ARG %s is declared above the RUN in line %d, which does not use it: each new value runs that step and all steps after it again", a.Key, run.line)
			if level == Info {
				message = fmt.Sprintf("ARG %s is declared above the RUN in line %d: each new value runs that step and all steps after it again, which is needed only if a script of a package reads it", a.Key, run.line)
			}
			c.report(in, advice{
				level: level, message: message,
				change: moveArg(a.Key, user, run),
				effect: "a new value runs only the steps from its first use on",
			})
		}
	}
}

func moveArg(name string, user, run *instruction) string {
	if user != nil {
		return fmt.Sprintf("move ARG %s, and %s in line %d, which uses it, below line %d", name, strings.ToUpper(user.node.Value), user.line, run.endLine)
	}
	return fmt.Sprintf("move ARG %s down to just before the first instruction that uses it", name)
}

// firstUnrelatedRun returns the first RUN below an ARG, if it does not use the argument, and the last instruction between
// them that uses it; else nil. A program gets all arguments in its environment, so the RUN may only have programs that
// are known not to read it. The level is info if the RUN installs packages with a manager that runs scripts of packages.
func firstUnrelatedRun(name string, below []*instruction) (run, user *instruction, level Level) {
	names := []string{name}
	for _, in := range below {
		switch command := in.command.(type) {
		case *instructions.EnvCommand:
			for _, pair := range command.Env {
				if mentions(pair.Value, names) {
					names, user = append(names, pair.Key), in
				} else if pair.Key == name {
					return nil, nil, 0 // The RUN gets this value instead.
				}
			}
		case *instructions.ArgCommand:
			for _, arg := range command.Args {
				if mentions(arg.ValueString(), names) {
					names, user = append(names, arg.Key), in
				}
			}
		case *instructions.RunCommand:
			level := ignoresArguments(in.commands())
			if level == 0 || mentionsAny(command, names) {
				return nil, nil, 0
			}
			return in, user, level
		case *instructions.LabelCommand:
			if mentions(in.text(), names) {
				user = in
			}
		default:
			if mentions(in.text(), names) {
				return nil, nil, 0 // The RUN may depend on its result.
			}
		}
	}
	return nil, nil, 0
}

// ignoresArguments returns warning if no command reads build arguments, info if only scripts of packages may,
// and zero if it is not known.
func ignoresArguments(commands []shellCommand) Level {
	level := Warning
	if len(commands) == 0 {
		level = 0
	}
	for _, c := range commands {
		switch {
		case c.isHarmless() || c.isSystem() || c.program == "go" && first("mod")(c):
		case findManager(c) != nil && !slices.Contains([]string{"go", "cargo", "mvn", "gradle", "dotnet"}, findManager(c).name):
			level = min(level, Info)
		default:
			return 0
		}
	}
	return level
}

// mentionsAny reports whether the RUN or one of its heredocs contains one of the names.
func mentionsAny(run *instructions.RunCommand, names []string) bool {
	for _, file := range run.Files {
		if mentions(file.Data, names) {
			return true
		}
	}
	return mentions(run.String(), names)
}

// mentions reports whether the text contains one of the names, as a variable or in any other way.
func mentions(text string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(text, name) })
}
