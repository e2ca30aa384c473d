package imagebuild

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodecommit"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/fileasset"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/internal/s3grant"
	"github.com/layercache/layercache/constructs/validation"
)

// ISource provides the files of a build. The functions Source_… return one.
type ISource interface {
	// Check returns the problems of the source. Bind is not called if there are any.
	Check() []validation.Problem
	// Kind returns CodeBuild's type of the source, such as "GITHUB".
	Kind() string
	// Bind makes what the source needs below scope, lets the role read only the source, and returns the
	// source of the CodeBuild project.
	Bind(scope constructs.Construct, role awsiam.IGrantable) *BoundSource
}

// BoundSource is the source of a CodeBuild project.
type BoundSource struct {
	// Property is the source, without its buildspec.
	Property *awscodebuild.CfnProject_SourceProperty
	// Version is the branch, commit or tag; nil is the source's own default.
	Version *string
	// asset is Property and the default Version in the form that the CDK's project takes, if it has one.
	asset awscodebuild.ISource
}

// The types of sources:
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html.
const (
	kindGitHub            = "GITHUB"
	kindGitHubEnterprise  = "GITHUB_ENTERPRISE"
	kindGitLab            = "GITLAB"
	kindGitLabSelfManaged = "GITLAB_SELF_MANAGED"
	kindBitbucket         = "BITBUCKET"
	kindCodeCommit        = "CODECOMMIT"
	kindS3                = "S3"
	kindNone              = "NO_SOURCE"
)

// GitOptions are the options of a source at a Git host.
type GitOptions struct {
	// Version is the branch, tag or commit that is built unless the start of a build names another.
	// Default: the default branch.
	Version *string

	// ConnectionArn is the ARN of an AWS CodeConnections connection to the host. The role may use this
	// connection only.
	// Default: the credential of the account for the host, if it has one.
	ConnectionArn *string

	// Secret holds a token for the host, in the form of
	// https://docs.aws.amazon.com/codebuild/latest/userguide/asm-create-secret.html;
	// not together with ConnectionArn. GitLab accepts only connections.
	// Default: none.
	Secret awssecretsmanager.ISecret

	// CloneDepth is the number of commits to fetch, 1 to 25.
	// Default: all.
	CloneDepth *float64

	// Submodules fetches the Git submodules.
	// Default: false.
	Submodules *bool

	// ReportStatus shows the state of a build at its commit.
	// Default: true.
	ReportStatus *bool
}

// Source_GitHub returns a repository at github.com.
func Source_GitHub(owner, repository *string, options *GitOptions) ISource {
	return hostedGitSource(kindGitHub, "https://github.com/", options, owner, repository)
}

// Source_GitHubEnterprise returns a repository of a GitHub Enterprise Server, by the HTTPS URL to clone it
// from.
func Source_GitHubEnterprise(url *string, options *GitOptions) ISource {
	return newGitSource(kindGitHubEnterprise, url, options)
}

// Source_GitLab returns a project at gitlab.com, by its path: "group/project".
func Source_GitLab(path *string, options *GitOptions) ISource {
	return hostedGitSource(kindGitLab, "https://gitlab.com/", options, path)
}

// Source_GitLabSelfManaged returns a project of a self-managed GitLab server, by the HTTPS URL to clone it
// from.
func Source_GitLabSelfManaged(url *string, options *GitOptions) ISource {
	return newGitSource(kindGitLabSelfManaged, url, options)
}

// Source_Bitbucket returns a repository at bitbucket.org.
func Source_Bitbucket(owner, repository *string, options *GitOptions) ISource {
	return hostedGitSource(kindBitbucket, "https://bitbucket.org/", options, owner, repository)
}

type gitSource struct {
	kind string
	// url is nil if the caller gave no complete name.
	url     *string
	options GitOptions
}

func newGitSource(kind string, url *string, options *GitOptions) ISource {
	return &gitSource{kind: kind, url: url, options: valueOr(options, GitOptions{})}
}

// hostedGitSource returns a repository at a public host; parts are the parts of its path.
func hostedGitSource(kind, host string, options *GitOptions, parts ...*string) ISource {
	var path []string
	for _, part := range parts {
		if valueOr(part, "") == "" {
			return newGitSource(kind, nil, options)
		}
		path = append(path, *part)
	}
	return newGitSource(kind, jsii.String(host+strings.Join(path, "/")+".git"), options)
}

var (
	gitURLForm     = regexp.MustCompile(`^https://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9._~-]+){2,}$`)
	connectionForm = regexp.MustCompile(`^arn:[a-z0-9-]+:(codeconnections|codestar-connections):[a-z0-9-]+:([0-9]{12}):connection/[A-Za-z0-9-]+$`)
)

const maxCloneDepth = 25

func (s *gitSource) Kind() string { return s.kind }

func (s *gitSource) Check() []validation.Problem {
	var problems validation.Problems
	add := func(wrong, fix string) { problems.Add("Source", wrong, fix) }
	o := s.options
	switch {
	case s.url == nil:
		add("the repository is missing", "give its owner and name, or its URL")
	case validation.IsLiteral(s.url) && !gitURLForm.MatchString(*s.url):
		add(fmt.Sprintf("%q is not the URL of a repository", *s.url), "give a path or URL such as https://git.example.com/team/api.git")
	}
	if o.ConnectionArn != nil && o.Secret != nil {
		add("has both ConnectionArn and Secret", "set only one of them")
	}
	if o.Secret != nil && (s.kind == kindGitLab || s.kind == kindGitLabSelfManaged) {
		add("CodeBuild does not support a Secret for GitLab", "give a ConnectionArn")
	}
	if validation.IsLiteral(o.ConnectionArn) && !connectionForm.MatchString(*o.ConnectionArn) {
		add(fmt.Sprintf("ConnectionArn %q has the wrong form", *o.ConnectionArn), "give arn:PARTITION:codeconnections:REGION:ACCOUNT:connection/ID")
	}
	if d := o.CloneDepth; d != nil && (*d < 1 || *d > maxCloneDepth || *d != float64(int(*d))) {
		add(fmt.Sprintf("CloneDepth %v is out of CodeBuild's range", *d), fmt.Sprintf("give 1 to %d, or leave it out for all", maxCloneDepth))
	}
	return problems
}

func (s *gitSource) Bind(scope constructs.Construct, role awsiam.IGrantable) *BoundSource {
	o := s.options
	property := &awscodebuild.CfnProject_SourceProperty{
		Type:                &s.kind,
		Location:            s.url,
		GitCloneDepth:       o.CloneDepth,
		GitSubmodulesConfig: submodules(o.Submodules),
		ReportBuildStatus:   valueOr(o.ReportStatus, true),
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

// checkConnection refuses a connection of another account than the stack's. A connection of another region works:
// https://docs.aws.amazon.com/codebuild/latest/userguide/connections-github-app.html.
func checkConnection(problems *validation.Problems, shared *perstack.Shared, source ISource) {
	git, ok := source.(*gitSource)
	if !ok || !validation.IsLiteral(git.options.ConnectionArn) || !validation.IsLiteral(shared.Account()) {
		return
	}
	match := connectionForm.FindStringSubmatch(*git.options.ConnectionArn)
	if match != nil && match[2] != *shared.Account() {
		problems.Add("Source", fmt.Sprintf("the connection belongs to account %s, but the stack to %s", match[2], *shared.Account()), "give the ARN of a connection in the account of the stack")
	}
}

// submodules returns the CloudFormation property that fetches Git submodules, or nil.
func submodules(fetch *bool) any {
	if !valueOr(fetch, false) {
		return nil
	}
	return &awscodebuild.CfnProject_GitSubmodulesConfigProperty{FetchSubmodules: jsii.Bool(true)}
}

// grantConnection lets the role use one connection. The actions have the service prefix of the ARN:
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

// hasWebhooks reports whether CloudFormation can make webhooks for the source:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-codebuild-project-projecttriggers.html.
func hasWebhooks(source ISource) bool {
	switch source.Kind() {
	case kindGitHub, kindGitLab, kindGitLabSelfManaged, kindBitbucket:
		return true
	}
	return false
}

// hasPullRequests reports whether the source has pull requests, which a second project can build.
func hasPullRequests(source ISource) bool {
	return hasWebhooks(source) || source.Kind() == kindGitHubEnterprise
}

// CodeCommitOptions are the options of Source_CodeCommit.
type CodeCommitOptions struct {
	// Version is the branch, tag or commit that is built unless the start of a build names another.
	// Default: the default branch.
	Version *string

	// Submodules fetches the Git submodules.
	// Default: false.
	Submodules *bool
}

// Source_CodeCommit returns a repository of AWS CodeCommit, which the role may pull.
func Source_CodeCommit(repository awscodecommit.IRepository, options *CodeCommitOptions) ISource {
	return &codeCommitSource{repository: repository, options: valueOr(options, CodeCommitOptions{})}
}

type codeCommitSource struct {
	repository awscodecommit.IRepository
	options    CodeCommitOptions
}

func (s *codeCommitSource) Kind() string { return kindCodeCommit }

func (s *codeCommitSource) Check() []validation.Problem {
	if s.repository == nil {
		return []validation.Problem{{Prop: "Source", Wrong: "the repository is missing", Fix: "give the CodeCommit repository"}}
	}
	return nil
}

func (s *codeCommitSource) Bind(_ constructs.Construct, role awsiam.IGrantable) *BoundSource {
	grantAction(role, "codecommit:GitPull", s.repository.RepositoryArn())
	return &BoundSource{
		Property: &awscodebuild.CfnProject_SourceProperty{
			Type:                jsii.String(kindCodeCommit),
			Location:            s.repository.RepositoryCloneUrlHttp(),
			GitSubmodulesConfig: submodules(s.options.Submodules),
		},
		Version: s.options.Version,
	}
}

// DirectoryOptions are the options of Source_Directory.
type DirectoryOptions struct {
	// Exclude are glob patterns of files that are not uploaded.
	// Default: .git, cdk.out and node_modules.
	Exclude *[]*string
}

// Source_Directory returns a local directory. The CDK CLI uploads it as a zip at deployment, and the role may
// read only this object.
func Source_Directory(path *string, options *DirectoryOptions) ISource {
	exclude := valueOr(options, DirectoryOptions{}).Exclude
	if exclude == nil {
		exclude = jsii.Strings(".git", "cdk.out", "node_modules")
	}
	return &directorySource{path: valueOr(path, ""), exclude: exclude}
}

type directorySource struct {
	path    string
	exclude *[]*string
}

func (s *directorySource) Kind() string { return kindS3 }

func (s *directorySource) Check() []validation.Problem {
	const fix = "give the path of a directory, absolute or relative to the one that cdk runs in"
	if s.path == "" {
		return []validation.Problem{{Prop: "Source", Wrong: "the directory is missing", Fix: fix}}
	}
	info, err := os.Stat(s.path)
	if err != nil || !info.IsDir() {
		return []validation.Problem{{Prop: "Source", Wrong: fmt.Sprintf("%q is not a directory", s.path), Fix: fix}}
	}
	return nil
}

func (s *directorySource) Bind(scope constructs.Construct, role awsiam.IGrantable) *BoundSource {
	shared := sharedBy(scope)
	asset := fileasset.New(shared, scope, "Source", &awss3assets.AssetProps{Path: absolute(s.path), Exclude: s.exclude})
	s3grant.ReadObject(shared, role, asset.Bucket.ARN, asset.Key)
	source := s3Object(asset.Location())
	source.asset = asset.Source("")
	return source
}

// sharedBy returns the values that the constructs of the scope's stack share. An ImageBuild has them already.
func sharedBy(scope constructs.Construct) *perstack.Shared {
	if b, ok := scope.(*ImageBuild); ok {
		return b.shared
	}
	return perstack.SharedOf(scope)
}

// absolute resolves a path in this process, because the CDK's JavaScript process may run in another
// directory.
func absolute(path string) *string {
	if resolved, err := filepath.Abs(path); err == nil {
		path = resolved
	}
	return &path
}

// Source_S3 returns a zip in an S3 bucket. The role may read only this object, and decrypt it if the bucket
// has a known KMS key.
func Source_S3(bucket awss3.IBucket, key *string) ISource {
	return &s3Source{bucket: bucket, key: valueOr(key, "")}
}

type s3Source struct {
	bucket awss3.IBucket
	key    string
}

func (s *s3Source) Kind() string { return kindS3 }

func (s *s3Source) Check() []validation.Problem {
	if s.bucket == nil || s.key == "" {
		return []validation.Problem{{Prop: "Source", Wrong: "the bucket or the key is missing", Fix: "give the bucket and the key of a zip file"}}
	}
	return nil
}

func (s *s3Source) Bind(scope constructs.Construct, role awsiam.IGrantable) *BoundSource {
	s3grant.ReadObject(sharedBy(scope), role, s.bucket.BucketArn(), &s.key)
	if key := s.bucket.EncryptionKey(); key != nil {
		key.Grant(role, jsii.String("kms:Decrypt"))
	}
	return s3Object(jsii.String(*s.bucket.BucketName() + "/" + s.key))
}

func s3Object(location *string) *BoundSource {
	return &BoundSource{Property: &awscodebuild.CfnProject_SourceProperty{Type: jsii.String(kindS3), Location: location}}
}

// Source_None returns a source without files. Either Context is the URL of a Git repository, or each start of
// a build names a source (sourceTypeOverride and sourceLocationOverride of StartBuild). Grant the role access
// to it.
func Source_None() ISource { return noSource{} }

type noSource struct{}

func (noSource) Kind() string { return kindNone }

func (noSource) Check() []validation.Problem { return nil }

func (noSource) Bind(constructs.Construct, awsiam.IGrantable) *BoundSource {
	return &BoundSource{Property: &awscodebuild.CfnProject_SourceProperty{Type: jsii.String(kindNone)}}
}
