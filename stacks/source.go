package stacks

import (
	"strings"

	"github.com/layercache/layercache/constructs/validation"
)

// places returns the keys that say where the source is, with their values.
func (s SourceConfig) places() []keyed {
	return []keyed{
		{"directory", s.Directory}, {"github", s.GitHub}, {"githubEnterprise", s.GitHubEnterprise}, {"gitlab", s.GitLab},
		{"gitlabSelfManaged", s.GitLabSelfManaged}, {"bitbucket", s.Bitbucket}, {"codecommit", s.CodeCommit}, {"s3", s.S3},
	}
}

// place returns the key that says where the source is. Validate requires exactly one.
func (s SourceConfig) place() string {
	for _, p := range s.places() {
		if p.value != "" {
			return p.key
		}
	}
	return ""
}

// isGitHost reports whether the source is at a Git host, which has options that other sources lack.
func (s SourceConfig) isGitHost() bool {
	switch s.place() {
	case "github", "githubEnterprise", "gitlab", "gitlabSelfManaged", "bitbucket":
		return true
	}
	return false
}

// validateSourceOptions refuses options that the kind of source does not have.
func validateSourceOptions(found *validation.Problems, key string, s SourceConfig) {
	isRepository := s.isGitHost() || s.CodeCommit != ""
	for _, c := range []struct {
		key      string
		set, has bool
		only     string
	}{
		{"version", s.Version != "", isRepository, "a repository"},
		{"submodules", s.Submodules != nil, isRepository, "a repository"},
		{"exclude", s.Exclude != nil, s.Directory != "", "a directory"},
		{"connection", s.Connection != "", s.isGitHost(), "a source at a Git host"},
		{"secret", s.Secret != "", s.isGitHost(), "a source at a Git host"},
		{"cloneDepth", s.CloneDepth != nil, s.isGitHost(), "a source at a Git host"},
		{"reportStatus", s.ReportStatus != nil, s.isGitHost(), "a source at a Git host"},
	} {
		if c.set && !c.has {
			found.Add(key+"."+c.key, "is only allowed for "+c.only, "leave it out")
		}
	}
	validateForm(found, key+".connection", s.Connection, connectionForm, "give arn:PARTITION:codeconnections:REGION:ACCOUNT:connection/ID")
	// CodeBuild's documentation gives only complete ARNs as the resource of a source's credential.
	validateForm(found, key+".secret", s.Secret, completeSecretARN, "give the complete ARN of a secret, with the six characters that Secrets Manager adds")
	if s.Secret != "" && strings.HasPrefix(s.place(), "gitlab") {
		found.Add(key+".secret", "CodeBuild takes no token for GitLab", "give a connection")
	}
	if s.Secret != "" && s.Connection != "" {
		found.Add(key+".secret", "is given together with connection", "keep one of the two keys")
	}
}

// validateEvents refuses a webhook of a source that sends no events, or none that CloudFormation can set up.
func validateEvents(found *validation.Problems, key, place string) {
	const fix = "use github, gitlab or bitbucket as the source, or leave it out"
	switch place {
	case "directory":
		found.Add(key, "a directory has no Git host that sends events", fix)
	case "s3", "codecommit":
		found.Add(key, "CodeBuild has no webhook for "+place, fix)
	case "githubEnterprise":
		found.Add(key, "CloudFormation cannot create webhooks for GitHub Enterprise",
			"leave it out, set pullRequests to true if pull requests are built, and create the webhooks with the commands in cdk.out/first-deployment.md")
	}
}
