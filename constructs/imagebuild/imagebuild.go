// Package imagebuild makes the AWS CodeBuild project that builds one image with a layer cache, and a second
// project for its pull requests.
package imagebuild

import (
	"maps"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// ImageBuild is a CodeBuild project with its service role and log group. Start builds in the console, with
// the StartBuild API or by Triggers. Pull requests have a second project with a role of its own.
type ImageBuild struct {
	constructs.Construct
	shared  *perstack.Shared
	options *resolved
	release *buildProject
	// pullRequest is nil without a project for pull requests.
	pullRequest *buildProject
	image       awsecr.IRepository
	app         *string
	// deployed is nil without BuildOnDeploy.
	deployed *deployedImage
	// ends are the policies of the functions that roll out, which let them see how builds ended.
	ends map[*stackFunction]awsiam.Policy
	// rolledOut are the paths of the services and functions that the image is rolled out to.
	rolledOut map[string]bool
	// lambdaRefusals are the reported problems of images for AWS Lambda.
	lambdaRefusals []validation.Problem
}

// NewImageBuild makes the projects. Only Source and Cache have no default.
func NewImageBuild(scope constructs.Construct, id *string, props *ImageBuildProps) *ImageBuild {
	b := &ImageBuild{options: resolve(props), ends: map[*stackFunction]awsiam.Policy{}, rolledOut: map[string]bool{}}
	constructs.NewConstruct_Override(b, scope, id)
	b.shared = perstack.SharedOf(scope)
	b.app = b.appName(*id)
	problems := check(b, b.shared, b.options)
	if len(problems) == 0 {
		problems = checkApp(b)
	}
	var zips map[Architecture]string
	if len(problems) == 0 {
		zips, problems = helperZips(b.options)
	}
	var function string
	if len(problems) == 0 {
		function, problems = functionZip(b.options)
	}
	if len(problems) > 0 {
		validation.Report(b, problems)
		b.addPlaceholder()
		return b
	}

	b.release = newBuildProject(b, b.shared, b.options, b.options.rolePath, b.options.logs.group)
	b.createBakeImages()
	b.image = b.imageRepository()
	b.checkRepositories()
	b.grantRelease()
	b.release.create(projectOptions{
		description:      "Builds an image with a layer cache (layercache)",
		variables:        b.variables(b.options),
		secrets:          b.options.build.secrets,
		triggers:         webhookTriggers(b.options.triggers.releaseFilters, b.IsBatch()),
		helperZips:       zips,
		concurrentBuilds: b.options.limits.concurrentBuilds,
	})
	b.addRules()
	b.warnOfClosedSubnets()
	b.warnOfOldDocker()
	b.buildOnDeploy(zips, function)
	if b.options.pullRequests.enabled {
		b.addPullRequests(zips)
	}
	return b
}

// addPlaceholder makes what the accessors return if the props have problems, so that the caller's program
// continues and finds its other problems. The placeholder is never deployed, because synthesis has failed.
func (b *ImageBuild) addPlaceholder() {
	pullRequests := b.options.pullRequests.set || b.options.triggers.webhook
	b.options = resolve(nil)
	b.release = newPlaceholder(b, b.shared)
	b.image = b.imageRepository()
	b.app = b.Node().Id()
	if pullRequests {
		b.pullRequest = newPlaceholder(constructs.NewConstruct(b, jsii.String("PullRequest")), b.shared)
	}
}

func newPlaceholder(scope constructs.Construct, shared *perstack.Shared) *buildProject {
	p := newBuildProject(scope, shared, resolve(nil), defaultRolePath, nil)
	source := awscodebuild.Source_GitHub(&awscodebuild.GitHubSourceProps{Owner: jsii.String("invalid"), Repo: jsii.String("invalid")})
	p.project = awscodebuild.NewProject(scope, jsii.String("Project"), &awscodebuild.ProjectProps{Source: source, Role: p.role})
	return p
}

// grantRelease lets release builds push the image, use the cache, pull base images and write their metrics.
func (b *ImageBuild) grantRelease() {
	role := b.release.role
	if b.options.bake.enabled {
		for _, target := range b.options.bake.targets() {
			ecrgrant.Push(b.shared, b.options.bake.images[target], role)
		}
	} else {
		ecrgrant.Push(b.shared, b.image, role)
	}
	grantSigning(role, b.options.signingProfiles)
	grantCache(role, b.options.cache, b.options.cache.write)
	if b.options.pullThrough != nil {
		b.options.pullThrough.GrantPull(role, nil)
	}
	grantMetrics(role, b.options.metricsNamespace)
}

// Project returns the CodeBuild project of release builds.
func (b *ImageBuild) Project() awscodebuild.IProject { return b.release.project }

// Role returns the service role of release builds.
func (b *ImageBuild) Role() awsiam.IRole { return b.release.role }

// LogGroup returns the log group of release builds.
func (b *ImageBuild) LogGroup() awslogs.ILogGroup { return b.release.logGroup }

// Image returns the repository that the image is pushed to.
func (b *ImageBuild) Image() awsecr.IRepository { return b.image }

// BakeImages returns the repositories that the images of Bake are pushed to, by the target's name. It is empty without
// Bake.
func (b *ImageBuild) BakeImages() map[string]awsecr.IRepository {
	return maps.Clone(b.options.bake.images)
}

// App returns the first part of the cache's tags, which is also the dimension of the metrics.
func (b *ImageBuild) App() *string { return b.app }

// IsBatch reports whether the image is built as a batch with one build per platform. StartBuildBatch starts
// it.
func (b *ImageBuild) IsBatch() bool { return b.options.build.batch }

// PullRequestProject returns the project that builds pull requests, or nil.
func (b *ImageBuild) PullRequestProject() awscodebuild.IProject {
	if b.pullRequest == nil {
		return nil
	}
	return b.pullRequest.project
}

// PullRequestRole returns the service role of PullRequestProject, or nil.
func (b *ImageBuild) PullRequestRole() awsiam.IRole {
	if b.pullRequest == nil {
		return nil
	}
	return b.pullRequest.role
}

// PullRequestLogGroup returns the log group of PullRequestProject, or nil.
func (b *ImageBuild) PullRequestLogGroup() awslogs.ILogGroup {
	if b.pullRequest == nil {
		return nil
	}
	return b.pullRequest.logGroup
}

// Connections returns the security groups of release builds in a VPC.
func (b *ImageBuild) Connections() awsec2.Connections { return b.release.project.Connections() }

// GrantPrincipal returns the role of release builds, so that bucket.GrantRead(build, nil) grants to that role
// and never to the role of pull requests.
func (b *ImageBuild) GrantPrincipal() awsiam.IPrincipal { return b.release.role.GrantPrincipal() }
