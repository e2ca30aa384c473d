// Package imagebuild makes the AWS CodeBuild project that builds one image with
// a layer cache.
package imagebuild

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/constructs/validation"
)

// ImageBuild is a CodeBuild project with its service role and log group. Start
// it in the console or with the StartBuild API; every setting has a default.
type ImageBuild struct {
	constructs.Construct
	project  awscodebuild.Project
	role     awsiam.Role
	logGroup awslogs.LogGroup
	image    awsecr.IRepository
}

// NewImageBuild makes the project.
func NewImageBuild(scope constructs.Construct, id *string, props *ImageBuildProps) *ImageBuild {
	b := &ImageBuild{}
	constructs.NewConstruct_Override(b, scope, id)
	if props == nil {
		props = &ImageBuildProps{}
	}
	props = props.withDefaults()
	problems := check(props)
	zip := ""
	if len(problems) == 0 {
		var problem *validation.Problem
		if zip, problem = helperZip(props); problem != nil {
			problems = append(problems, *problem)
		}
	}
	if len(problems) > 0 {
		validation.Report(b, problems)
		b.addPlaceholder()
		return b
	}

	b.role = newRole(b, props.RolePath)
	b.logGroup = awslogs.NewLogGroup(b, jsii.String("Logs"), &awslogs.LogGroupProps{
		Retention:     props.LogRetention,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	b.image = props.Image
	if b.image == nil {
		b.image = newImageRepository(b, props.ImageName)
	}
	b.grant(props)
	b.addProject(props, zip)
	return b
}

// addPlaceholder fills in what the accessors return when the props have
// problems, so that a caller's program goes on to find its other problems. It
// is never deployed: the synthesis has failed.
func (b *ImageBuild) addPlaceholder() {
	b.role = newRole(b, jsii.String("/"))
	b.logGroup = awslogs.NewLogGroup(b, jsii.String("Logs"), nil)
	b.image = newImageRepository(b, nil)
	b.project = awscodebuild.NewProject(b, jsii.String("Project"), &awscodebuild.ProjectProps{Source: placeholderSource(), Role: b.role})
}

// grant gives the role what a build does: write its log, use the cache, push
// the image, pull base images.
func (b *ImageBuild) grant(props *ImageBuildProps) {
	b.logGroup.GrantWrite(b.role)
	ecrgrant.Push(b.image, b.role)
	if *props.CacheWrite {
		props.Cache.GrantWrite(b.role)
	} else {
		props.Cache.GrantRead(b.role)
	}
	if props.PullThrough != nil {
		props.PullThrough.GrantPull(b.role)
	}
}

// addProject makes the project under a role that takes no further statements:
// the CDK would add broad ones, on every report group and on a log group that
// this project does not have.
func (b *ImageBuild) addProject(props *ImageBuildProps, zip string) {
	b.project = awscodebuild.NewProject(b, jsii.String("Project"), &awscodebuild.ProjectProps{
		Description:      jsii.String("Builds an image with a layer cache (layercache)"),
		Source:           props.Source.Bind(b, b.role),
		SecondarySources: &[]awscodebuild.ISource{helperSource(b, b.role, zip)},
		Environment: &awscodebuild.BuildEnvironment{
			BuildImage:  props.Architecture.buildImage(),
			ComputeType: props.ComputeType,
			Privileged:  jsii.Bool(true),
		},
		EnvironmentVariables:        plainText(b.variables(props)),
		Role:                        b.role.WithoutPolicyUpdates(nil),
		GrantReportGroupPermissions: jsii.Bool(false),
		Logging:                     &awscodebuild.LoggingOptions{CloudWatch: &awscodebuild.CloudWatchLoggingOptions{LogGroup: b.logGroup}},
		Timeout:                     props.Timeout,
	})
	b.project.Node().AddDependency(b.role.Node().FindChild(jsii.String("DefaultPolicy")))
	awscdk.Validations_Of(b.project).Acknowledge(&awscdk.Acknowledgment{
		Id:     jsii.String("CloudFormation-Validate::E3050"),
		Reason: jsii.String("ServiceRole is a GetAtt of the role's ARN; the check takes it for a Ref as soon as the role has a path"),
	})
	// The file goes into the template as its own text: BuildSpec_FromObject
	// would lose its comments and order.
	b.project.Node().DefaultChild().(awscodebuild.CfnProject).AddPropertyOverride(jsii.String("Source.BuildSpec"), buildspecs.Image)
}

// newRole trusts CodeBuild on behalf of this account alone:
// https://docs.aws.amazon.com/codebuild/latest/userguide/cross-service-confused-deputy-prevention.html.
func newRole(scope constructs.Construct, path *string) awsiam.Role {
	return awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		Description: jsii.String("Service role of an image build with a layer cache (layercache)"),
		Path:        path,
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{
				"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()},
			},
		}),
	})
}

func newImageRepository(scope constructs.Construct, name *string) awsecr.IRepository {
	repository := awsecr.NewRepository(scope, jsii.String("Image"), &awsecr.RepositoryProps{
		RepositoryName:     name,
		ImageScanOnPush:    jsii.Bool(true),
		ImageTagMutability: awsecr.TagMutability_MUTABLE,
		RemovalPolicy:      awscdk.RemovalPolicy_RETAIN,
	})
	policy, _ := lifecycle.Render("ImageRules", lifecycle.ImageRules())
	repository.Node().DefaultChild().(awsecr.CfnRepository).SetLifecyclePolicy(
		&awsecr.CfnRepository_LifecyclePolicyProperty{LifecyclePolicyText: jsii.String(policy)})
	return repository
}

// Project is the CodeBuild project.
func (b *ImageBuild) Project() awscodebuild.IProject { return b.project }

// Role is the service role; grants to it reach the build.
func (b *ImageBuild) Role() awsiam.IRole { return b.role }

// LogGroup holds the logs of the builds.
func (b *ImageBuild) LogGroup() awslogs.ILogGroup { return b.logGroup }

// Image is the repository that the image is pushed to.
func (b *ImageBuild) Image() awsecr.IRepository { return b.image }

// GrantPrincipal makes an ImageBuild a grantee: bucket.GrantRead(build, nil)
// grants to its role.
func (b *ImageBuild) GrantPrincipal() awsiam.IPrincipal { return b.role.GrantPrincipal() }
