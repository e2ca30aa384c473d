package source

import (
	"context"
	"regexp"
	"strings"

	"github.com/layercache/layercache/internal/source/git"
)

// Branch returns the branch that is being built: set, which is LAYERCACHE_BRANCH, else the branch that CodeBuild's webhook or source
// version names, else the branch that is checked out in dir, else "". A pull request is its own branch, pr/NUMBER. The name comes
// from outside and can contain anything.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
func Branch(ctx context.Context, set string, lookup func(string) (string, bool), dir string) string {
	if set != "" {
		return set
	}
	variables := []string{webhookTrigger, "CODEBUILD_WEBHOOK_HEAD_REF", "CODEBUILD_SOURCE_VERSION"}
	if url, _ := lookup("CODEBUILD_SOURCE_REPO_URL"); strings.HasPrefix(url, "s3://") {
		variables = variables[:2] // The version of an S3 object is not a branch.
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

// pullRequest matches CodeBuild's names of pull requests. They get their own cache scope, because the head may be the main branch of
// any fork.
var pullRequest = regexp.MustCompile(`\A(?:pr/|refs/pull/)(\d+)`)

// webhookTrigger is the variable that names what started the build: branch/NAME, tag/NAME or pr/NUMBER. Only this variable has that
// form; a source version branch/NAME is a branch of that name.
const webhookTrigger = "CODEBUILD_WEBHOOK_TRIGGER"

// refOf returns the ref of the branch or tag that a webhook names.
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

// branchFrom returns the branch of refs/heads/NAME, of a bare NAME or of a pull request; empty for the ref of a tag, a commit id and the
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
