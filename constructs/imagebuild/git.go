package imagebuild

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// The types of sources:
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html.
const (
	kindGitHub           = "GITHUB"
	kindGitHubEnterprise = "GITHUB_ENTERPRISE"
	kindGitLab           = "GITLAB"
	kindGitLabOwn        = "GITLAB_SELF_MANAGED"
	kindBitbucket        = "BITBUCKET"
	kindCodeCommit       = "CODECOMMIT"
	kindS3               = "S3"
	kindNone             = "NO_SOURCE"
)

// GitOptions are the options of a source at a Git host.
type GitOptions struct {
	// Version is the branch, tag or commit that is built when nothing else says.
	// Default: the default branch.
	Version *string

	// ConnectionArn is the ARN of a connection of AWS CodeConnections to the
	// host; the role may use that one.
	// Default: the credential of the account for the host, if it has one.
	ConnectionArn *string

	// Secret holds a token for the host, in the form of
	// https://docs.aws.amazon.com/codebuild/latest/userguide/asm-create-secret.html;
	// not together with ConnectionArn. GitLab takes connections alone.
	// Default: none.
	Secret awssecretsmanager.ISecret

	// CloneDepth is how many commits are fetched, 1 to 25.
	// Default: all.
	CloneDepth *float64

	// Submodules fetches the Git submodules.
	// Default: false.
	Submodules *bool

	// ReportStatus shows the state of a build at its commit.
	// Default: true.
	ReportStatus *bool
}

// Source_GitHub is a repository at github.com.
func Source_GitHub(owner, repository *string, options *GitOptions) ISource {
	return gitSourceOf(kindGitHub, "https://github.com/", options, owner, repository)
}

// Source_GitHubEnterprise is a repository of a GitHub Enterprise Server, by the
// HTTPS URL that it is cloned from.
func Source_GitHubEnterprise(url *string, options *GitOptions) ISource {
	return newGitSource(kindGitHubEnterprise, url, options)
}

// Source_GitLab is a project at gitlab.com, by its path: "group/project".
func Source_GitLab(path *string, options *GitOptions) ISource {
	return gitSourceOf(kindGitLab, "https://gitlab.com/", options, path)
}

// Source_GitLabSelfManaged is a project of a GitLab server of one's own, by the
// HTTPS URL that it is cloned from.
func Source_GitLabSelfManaged(url *string, options *GitOptions) ISource {
	return newGitSource(kindGitLabOwn, url, options)
}

// Source_Bitbucket is a repository at bitbucket.org.
func Source_Bitbucket(owner, repository *string, options *GitOptions) ISource {
	return gitSourceOf(kindBitbucket, "https://bitbucket.org/", options, owner, repository)
}

type gitSource struct {
	kind    string
	url     *string
	options *GitOptions
}

func newGitSource(kind string, url *string, options *GitOptions) ISource {
	if options == nil {
		options = &GitOptions{}
	}
	return &gitSource{kind: kind, url: url, options: options}
}

func gitSourceOf(kind, host string, options *GitOptions, parts ...*string) ISource {
	var path []string
	for _, part := range parts {
		if part == nil || *part == "" {
			return newGitSource(kind, nil, options)
		}
		path = append(path, *part)
	}
	return newGitSource(kind, jsii.String(host+strings.Join(path, "/")+".git"), options)
}

var (
	gitURLForm     = regexp.MustCompile(`^https://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9._~-]+){2,}$`)
	connectionForm = regexp.MustCompile(`^arn:[a-z0-9-]+:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[A-Za-z0-9-]+$`)
)

const maxCloneDepth = 25

func (s *gitSource) Kind() string { return s.kind }

func (s *gitSource) Check() []validation.Problem {
	var found []validation.Problem
	add := func(wrong, fix string) {
		found = append(found, validation.Problem{Prop: "Source", Wrong: wrong, Fix: fix})
	}
	o := s.options
	switch {
	case s.url == nil:
		add("the repository is missing", "give its owner and name, or its URL")
	case validation.IsLiteral(s.url) && !gitURLForm.MatchString(*s.url):
		add(fmt.Sprintf("%q is not the URL of a repository", *s.url), "give a path or URL such as https://git.example.com/team/api.git")
	}
	if o.ConnectionArn != nil && o.Secret != nil {
		add("has both a ConnectionArn and a Secret", "give one of them")
	}
	if o.Secret != nil && (s.kind == kindGitLab || s.kind == kindGitLabOwn) {
		add("CodeBuild takes no Secret for GitLab", "give a ConnectionArn")
	}
	if validation.IsLiteral(o.ConnectionArn) && !connectionForm.MatchString(*o.ConnectionArn) {
		add(fmt.Sprintf("ConnectionArn %q has the wrong form", *o.ConnectionArn), "give arn:PARTITION:codeconnections:REGION:ACCOUNT:connection/ID")
	}
	if d := o.CloneDepth; d != nil && (*d < 1 || *d > maxCloneDepth || *d != float64(int(*d))) {
		add(fmt.Sprintf("CloneDepth %v is out of CodeBuild's range", *d), fmt.Sprintf("give 1 to %d, or leave it out for all", maxCloneDepth))
	}
	return found
}

func (s *gitSource) Bind(scope constructs.Construct, role awsiam.IGrantable) *BoundSource {
	o := s.options
	property := &awscodebuild.CfnProject_SourceProperty{Type: &s.kind, Location: s.url, GitCloneDepth: o.CloneDepth, ReportBuildStatus: jsii.Bool(true)}
	if o.ReportStatus != nil {
		property.ReportBuildStatus = o.ReportStatus
	}
	if isTrue(o.Submodules) {
		property.GitSubmodulesConfig = &awscodebuild.CfnProject_GitSubmodulesConfigProperty{FetchSubmodules: jsii.Bool(true)}
	}
	switch {
	case o.ConnectionArn != nil:
		grantConnection(role, o.ConnectionArn)
		property.Auth = &awscodebuild.CfnProject_SourceAuthProperty{Type: jsii.String("CODECONNECTIONS"), Resource: o.ConnectionArn}
	case o.Secret != nil:
		grantSecret(scope, role, o.Secret)
		property.Auth = &awscodebuild.CfnProject_SourceAuthProperty{Type: jsii.String("SECRETS_MANAGER"), Resource: o.Secret.SecretArn()}
	}
	return &BoundSource{Property: property, Version: o.Version}
}

// grantConnection lets the role use one connection. The actions have the prefix
// of the ARN:
// https://docs.aws.amazon.com/codebuild/latest/userguide/connections-github-app.html.
func grantConnection(role awsiam.IGrantable, arn *string) {
	service := "codeconnections"
	if match := connectionForm.FindStringSubmatch(*arn); match != nil {
		service = match[1]
	}
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings(service+":GetConnection", service+":GetConnectionToken"),
		ResourceArns: &[]*string{arn},
	})
}

// hasWebhooks tells whether CloudFormation makes webhooks for the source:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-codebuild-project-projecttriggers.html.
func hasWebhooks(source ISource) bool {
	switch source.Kind() {
	case kindGitHub, kindGitLab, kindGitLabOwn, kindBitbucket:
		return true
	}
	return false
}

func noWebhooks(source ISource) string {
	if source.Kind() == kindGitHubEnterprise {
		return "CloudFormation makes no webhooks for GitHub Enterprise"
	}
	return fmt.Sprintf("a source of type %s has no webhooks", source.Kind())
}

func noWebhooksFix(source ISource) string {
	switch source.Kind() {
	case kindGitHubEnterprise:
		return "leave it out, set PullRequests to have their project, and make the webhooks with `aws codebuild create-webhook`"
	case kindCodeCommit:
		return "leave it out, and start Project() from the repository's OnCommit"
	}
	return "leave it out, or give a source at a Git host"
}

// hasPullRequests tells whether there are pull requests at the source, which a
// second project can build.
func hasPullRequests(source ISource) bool {
	return hasWebhooks(source) || source.Kind() == kindGitHubEnterprise
}
