package image

import (
	"context"

	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/source/git"
	"github.com/layercache/layercache/internal/variables"
)

// WordsFrom returns what tags may name: the commit and the build number from CodeBuild (without CodeBuild, the commit
// from git), and the branch of the cache scope.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
func WordsFrom(ctx context.Context, s variables.Settings, lookup func(string) (string, bool)) Words {
	commit, _ := lookup("CODEBUILD_RESOLVED_SOURCE_VERSION")
	if commit == "" {
		commit = git.Commit(ctx, "")
	}
	build, _ := lookup("CODEBUILD_BUILD_NUMBER")
	return Words{Commit: commit, Branch: source.Branch(ctx, s.Branch, lookup, ""), Build: build}
}
