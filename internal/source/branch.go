package source

import (
	"context"
	"regexp"
	"strings"

	"github.com/layercache/layercache/internal/source/git"
)

// Branch returns the branch that is being built: set, which is LAYERCACHE_BRANCH, else the branch that
// CodeBuild's webhook or source version names, else the branch that is checked out in dir, else "". A pull
// request is its own branch, pr/NUMBER; a branch of that name is refs/heads/pr/NUMBER. The name comes from
// outside and can contain anything.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
func Branch(ctx context.Context, set string, lookup func(string) (string, bool), dir string) string {
	if set != "" {
		return set
	}
	for _, ref := range refs(lookup) {
		if branch := branchFrom(ref); branch != "" {
			return branch
		}
	}
	return unambiguous(git.Branch(ctx, dir))
}

// TagScope is the branch of the cache that builds of Git tags write. No branch has this name.
const TagScope = "refs/tags"

// IsTag reports whether CodeBuild builds a Git tag. A bare source version can be the name of a branch or of a
// tag, and CodeBuild does not tell which; it counts as a branch.
func IsTag(lookup func(string) (string, bool)) bool {
	for _, ref := range refs(lookup) {
		if strings.HasPrefix(ref, "refs/tags/") {
			return true
		}
		if branchFrom(ref) != "" {
			return false
		}
	}
	return false
}

// refs returns what CodeBuild's variables say about what is built, the most reliable first.
func refs(lookup func(string) (string, bool)) []string {
	trigger, _ := lookup("CODEBUILD_WEBHOOK_TRIGGER")
	head, _ := lookup("CODEBUILD_WEBHOOK_HEAD_REF")
	refs := []string{refOf(trigger), head}
	if url, _ := lookup("CODEBUILD_SOURCE_REPO_URL"); !strings.HasPrefix(url, "s3://") { // The version of an S3 object is not a branch.
		version, _ := lookup("CODEBUILD_SOURCE_VERSION")
		refs = append(refs, version)
	}
	return refs
}

// pullRequest matches CodeBuild's names of pull requests. They get their own cache scope, because the head
// may be the main branch of any fork.
var pullRequest = regexp.MustCompile(`\A(?:pr/(\d+)\z|refs/pull/(\d+)(?:/|\z))`)

// unambiguous returns the branch, or its full ref if the name looks like a pull request or a ref.
func unambiguous(branch string) string {
	if pullRequest.MatchString(branch) || strings.HasPrefix(branch, "refs/") {
		return "refs/heads/" + branch
	}
	return branch
}

// refOf returns the ref of the branch or tag that a webhook's trigger names: branch/NAME, tag/NAME or
// pr/NUMBER. Only the trigger has that form; a source version branch/NAME is a branch of that name.
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

// branchFrom returns the branch of refs/heads/NAME, of a bare NAME or of a pull request; empty for the ref of
// a tag, a commit id and the ARN of a source in S3.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/sample-source-version.html
func branchFrom(value string) string {
	value, _, _ = strings.Cut(value, "^{")
	if request := pullRequest.FindStringSubmatch(value); request != nil {
		return "pr/" + request[1] + request[2]
	}
	if branch, ok := strings.CutPrefix(value, "refs/heads/"); ok {
		return unambiguous(branch)
	}
	if strings.HasPrefix(value, "refs/") || strings.HasPrefix(value, "arn:") || isCommit(value) {
		return ""
	}
	return value
}

func isCommit(value string) bool {
	return len(value) == 40 && strings.Trim(strings.ToLower(value), "0123456789abcdef") == ""
}
