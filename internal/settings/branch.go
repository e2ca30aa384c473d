package settings

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// BranchOf returns the branch that is being built: LAYERCACHE_BRANCH, else what CodeBuild's webhook or source version says,
// else the branch that is checked out in dir, else "". The name comes from outside and may hold anything.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
func BranchOf(ctx context.Context, s Settings, lookup func(string) (string, bool), dir string) string {
	if s.Branch != "" {
		return s.Branch
	}
	for _, variable := range []string{"CODEBUILD_WEBHOOK_HEAD_REF", "CODEBUILD_WEBHOOK_TRIGGER", "CODEBUILD_SOURCE_VERSION"} {
		value, _ := lookup(variable)
		if branch := branchFrom(value); branch != "" {
			return branch
		}
	}
	return gitBranch(ctx, dir)
}

// branchFrom reads a branch from refs/heads/NAME or branch/NAME (CodeBuild's webhook trigger) or a bare NAME, and nothing
// from a tag, a pull request, a commit id or the ARN of a source in S3.
func branchFrom(value string) string {
	for _, prefix := range []string{"refs/heads/", "branch/"} {
		if branch, ok := strings.CutPrefix(value, prefix); ok {
			return branch
		}
	}
	for _, prefix := range []string{"refs/", "pr/", "tag/", "arn:"} {
		if strings.HasPrefix(value, prefix) {
			return ""
		}
	}
	if isCommit(value) {
		return ""
	}
	return value
}

func isCommit(value string) bool {
	return len(value) == 40 && strings.Trim(strings.ToLower(value), "0123456789abcdef") == ""
}

func gitBranch(ctx context.Context, dir string) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", "-C", dir, "symbolic-ref", "--quiet", "--short", "HEAD").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
