package image

import (
	"context"

	"github.com/layercache/layercache/internal/git"
	"github.com/layercache/layercache/internal/variables"
)

// WordsFrom finds what tags may name: the commit and the build's number from CodeBuild or, for the commit, git; the branch as
// the cache's scope has it.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
func WordsFrom(ctx context.Context, s variables.Settings, lookup func(string) (string, bool)) Words {
	commit, _ := lookup("CODEBUILD_RESOLVED_SOURCE_VERSION")
	if commit == "" {
		commit = git.Commit(ctx, "")
	}
	build, _ := lookup("CODEBUILD_BUILD_NUMBER")
	return Words{Commit: commit, Branch: variables.BranchOf(ctx, s, lookup, ""), Build: build}
}
