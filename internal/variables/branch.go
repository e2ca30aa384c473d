package variables

import (
	"context"
	"regexp"
	"strings"

	"github.com/layercache/layercache/internal/git"
)

// BranchOf returns the branch that is being built: LAYERCACHE_BRANCH, else what CodeBuild's webhook or source version says,
// else the branch that is checked out in dir, else "". A pull request is a branch of its own, pr/NUMBER. The name comes from
// outside and may hold anything.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
func BranchOf(ctx context.Context, s Settings, lookup func(string) (string, bool), dir string) string {
	if s.Branch != "" {
		return s.Branch
	}
	variables := []string{webhookTrigger, "CODEBUILD_WEBHOOK_HEAD_REF", "CODEBUILD_SOURCE_VERSION"}
	if url, _ := lookup("CODEBUILD_SOURCE_REPO_URL"); strings.HasPrefix(url, "s3://") {
		variables = variables[:2] // The version of an object in S3 is no branch.
	}
	for _, variable := range variables {
		value, _ := lookup(variable)
		if variable == webhookTrigger {
			value = refOf(value)
		}
		if branch := branchFrom(value); branch != "" {
			return branch
		}
	}
	return git.Branch(ctx, dir)
}

// pullRequest is how CodeBuild names a pull request, which has a scope of its own: its head may be any fork's main.
var pullRequest = regexp.MustCompile(`\A(?:pr/|refs/pull/)(\d+)`)

// webhookTrigger says what a webhook has started the build for: branch/NAME, tag/NAME or pr/NUMBER. No other variable has that form: a
// source version branch/NAME is a branch that is called so.
const webhookTrigger = "CODEBUILD_WEBHOOK_TRIGGER"

// refOf is the ref of a branch or tag that a webhook names.
func refOf(trigger string) string {
	kind, name, _ := strings.Cut(trigger, "/")
	switch kind {
	case "branch":
		return "refs/heads/" + name
	case "tag":
		return "refs/tags/" + name
	}
	return trigger
}

// branchFrom reads a branch from refs/heads/NAME, a bare NAME or a pull request, and nothing from a tag's ref, a commit id or the
// ARN of a source in S3.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/sample-source-version.html
func branchFrom(value string) string {
	value, _, _ = strings.Cut(value, "^{")
	if request := pullRequest.FindStringSubmatch(value); request != nil {
		return "pr/" + request[1]
	}
	if branch, ok := strings.CutPrefix(value, "refs/heads/"); ok {
		return branch
	}
	if strings.HasPrefix(value, "refs/") || strings.HasPrefix(value, "arn:") || isCommit(value) {
		return ""
	}
	return value
}

func isCommit(value string) bool {
	return len(value) == 40 && strings.Trim(strings.ToLower(value), "0123456789abcdef") == ""
}
