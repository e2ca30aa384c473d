// Package imagebuild makes the AWS CodeBuild project that builds one image with
// a layer cache, and the one that builds its pull requests.
package imagebuild

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/constructs/validation"
)

// ImageBuild is a CodeBuild project with its service role and log group. Start
// it in the console, with the StartBuild API or by Triggers; every setting has a
// default. Pull requests have a project of their own, under a role of its own.
type ImageBuild struct {
	constructs.Construct
	shared      *perstack.Shared
	release     *unit
	image       awsecr.IRepository
	app         *string
	tags        []string
	batch       bool
	namespace   *string
	pullRequest *unit
}

// NewImageBuild makes the project.
func NewImageBuild(scope constructs.Construct, id *string, props *ImageBuildProps) *ImageBuild {
	b := &ImageBuild{}
	constructs.NewConstruct_Override(b, scope, id)
	b.shared = perstack.SharedOf(scope)
	if props == nil {
		props = &ImageBuildProps{}
	}
	props = props.withDefaults()
	problems := check(b, props)
	var helpers map[Architecture]string
	if len(problems) == 0 {
		helpers, problems = helperZips(props)
	}
	if len(problems) > 0 {
		validation.Report(b, problems)
		b.addPlaceholder(props)
		return b
	}

	b.batch, b.tags, b.namespace = props.Build.batch(), valuesOf(props.Tags), props.MetricsNamespace
	b.release = newUnit(b, b.shared, props, props.RolePath, props.LogGroup)
	b.image = props.Image
	if b.image == nil {
		b.image = newImageRepository(b, props)
	}
	b.app = b.appOf(*id, props)
	b.grant(props)
	b.release.addProject(&plan{
		description: "Builds an image with a layer cache (layercache)",
		variables:   b.variables(props),
		secrets:     props.Build.Secrets,
		triggers:    webhookTriggers(props.groupsOf(false), b.batch),
		helpers:     helpers,
		concurrent:  props.ConcurrentBuildLimit,
	})
	b.addTriggers(props.Triggers)
	if props.buildsPullRequests() {
		b.addPullRequests(props, helpers)
	}
	return b
}

// addPlaceholder fills in what the accessors return when the props have
// problems, so that a caller's program goes on to find its other problems. It
// is never deployed: the synthesis has failed.
func (b *ImageBuild) addPlaceholder(props *ImageBuildProps) {
	b.release = newPlaceholder(b, b.shared)
	b.image = newImageRepository(b, &ImageBuildProps{})
	b.app, b.tags = b.Node().Id(), []string{"latest"}
	if props.PullRequests != nil || props.Triggers.Webhook != nil {
		b.pullRequest = newPlaceholder(constructs.NewConstruct(b, jsii.String("PullRequest")), b.shared)
	}
}

func newPlaceholder(scope constructs.Construct, shared *perstack.Shared) *unit {
	u := newUnit(scope, shared, &ImageBuildProps{}, jsii.String("/"), nil)
	u.project = awscodebuild.NewProject(scope, jsii.String("Project"), &awscodebuild.ProjectProps{Source: placeholderSource(), Role: u.role})
	return u
}

// grant gives the role what a build does: push the image, use the cache, pull
// base images, tell its metrics. Writing its log is granted with the log group.
func (b *ImageBuild) grant(props *ImageBuildProps) {
	ecrgrant.Push(b.shared, b.image, b.release.role)
	b.grantCache(b.release.role, props, *props.CacheWrite)
	if props.PullThrough != nil {
		props.PullThrough.GrantPull(b.release.role, nil)
	}
	grantMetrics(b.release.role, props.MetricsNamespace)
}

func newImageRepository(scope constructs.Construct, props *ImageBuildProps) awsecr.IRepository {
	repository := awsecr.NewRepository(scope, jsii.String("Image"), &awsecr.RepositoryProps{
		RepositoryName:     props.ImageName,
		EncryptionKey:      props.EncryptionKey,
		ImageScanOnPush:    jsii.Bool(true),
		ImageTagMutability: awsecr.TagMutability_MUTABLE,
		RemovalPolicy:      awscdk.RemovalPolicy_RETAIN,
	})
	policy, _ := lifecycle.Render("ImageRules", lifecycle.ImageRules())
	repository.Node().DefaultChild().(awsecr.CfnRepository).SetLifecyclePolicy(
		&awsecr.CfnRepository_LifecyclePolicyProperty{LifecyclePolicyText: jsii.String(policy)})
	return repository
}

// Project is the CodeBuild project of release builds.
func (b *ImageBuild) Project() awscodebuild.IProject { return b.release.project }

// Role is the service role of release builds; grants to it reach the build.
func (b *ImageBuild) Role() awsiam.IRole { return b.release.role }

// LogGroup holds the logs of release builds.
func (b *ImageBuild) LogGroup() awslogs.ILogGroup { return b.release.logGroup }

// Image is the repository that the image is pushed to.
func (b *ImageBuild) Image() awsecr.IRepository { return b.image }

// App is the first part of the cache's tags, and the dimension of the metrics.
func (b *ImageBuild) App() *string { return b.app }

// IsBatch tells whether the image is built as a batch, a build for each
// platform: start it with StartBuildBatch.
func (b *ImageBuild) IsBatch() bool { return b.batch }

// PullRequestProject is the project that builds pull requests, or nil.
func (b *ImageBuild) PullRequestProject() awscodebuild.IProject {
	if b.pullRequest == nil {
		return nil
	}
	return b.pullRequest.project
}

// PullRequestRole is the service role of PullRequestProject, or nil.
func (b *ImageBuild) PullRequestRole() awsiam.IRole {
	if b.pullRequest == nil {
		return nil
	}
	return b.pullRequest.role
}

// PullRequestLogGroup holds the logs of PullRequestProject, or is nil.
func (b *ImageBuild) PullRequestLogGroup() awslogs.ILogGroup {
	if b.pullRequest == nil {
		return nil
	}
	return b.pullRequest.logGroup
}

// Connections are the security groups of release builds in a VPC.
func (b *ImageBuild) Connections() awsec2.Connections { return b.release.project.Connections() }

// GrantPrincipal makes an ImageBuild a grantee: bucket.GrantRead(build, nil)
// grants to the role of release builds, never to that of pull requests.
func (b *ImageBuild) GrantPrincipal() awsiam.IPrincipal { return b.release.role.GrantPrincipal() }
