package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// changing are names of build arguments that are other ones in each build or with each commit.
var changing = []string{
	"BUILD_DATE", "BUILD_TIME", "BUILD_TIMESTAMP", "BUILDTIME", "BUILDDATE", "TIMESTAMP", "DATE", "CREATED",
	"BUILD_ID", "BUILD_NUMBER", "BUILD_NUM", "BUILD_URL", "CODEBUILD_BUILD_ID", "CODEBUILD_BUILD_NUMBER", "GITHUB_RUN_ID", "GITHUB_RUN_NUMBER",
	"COMMIT", "COMMIT_SHA", "COMMIT_HASH", "COMMIT_ID", "SHA", "REVISION", "SOURCE_COMMIT", "VCS_REF", "VCS_REVISION",
	"GIT_SHA", "GIT_COMMIT", "GIT_COMMIT_SHA", "GIT_HASH", "GIT_REF", "GIT_REV", "GIT_REVISION", "GITHUB_SHA", "CI_COMMIT_SHA",
	"CODEBUILD_RESOLVED_SOURCE_VERSION", "CODEBUILD_SOURCE_VERSION",
}

// checkBuildArgs looks for such an ARG above a RUN that does not use it. BuildKit gives every declared argument to every RUN
// below, so each new value makes all of them run again. Other instructions only depend on arguments that they name.
func (c *checker) checkBuildArgs(sequence []*instruction) {
	for i, in := range sequence {
		arg, ok := in.command.(*instructions.ArgCommand)
		if !ok {
			continue
		}
		for _, a := range arg.Args {
			if !slices.Contains(changing, strings.ToUpper(a.Key)) {
				continue
			}
			if run := firstBystander(a.Key, sequence[i+1:]); run != nil {
				c.report(in, advice{
					message: fmt.Sprintf("ARG %s stands above the RUN of line %d, which does not use it: each new value runs that step and all after it again", a.Key, run.line),
					change:  fmt.Sprintf("move ARG %s down to right before the first instruction that uses it", a.Key),
					effect:  "a new value only runs again what uses it",
				})
			}
		}
	}
}

// firstBystander is the first RUN below an ARG if it does not use the argument, also not under the name of an ENV that has it.
func firstBystander(name string, below []*instruction) *instruction {
	names := []string{name}
	for _, in := range below {
		switch command := in.command.(type) {
		case *instructions.EnvCommand:
			for _, pair := range command.Env {
				if mentions(pair.Value, names) {
					names = append(names, pair.Key)
				}
			}
		case *instructions.RunCommand:
			if mentionsAny(command, names) {
				return nil
			}
			return in
		}
	}
	return nil
}

func mentionsAny(run *instructions.RunCommand, names []string) bool {
	for _, file := range run.Files {
		if mentions(file.Data, names) {
			return true
		}
	}
	return mentions(run.String(), names)
}

// mentions tells whether a text has one of the names in it, as a variable or as one that a program reads by name.
func mentions(text string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(text, name) })
}
