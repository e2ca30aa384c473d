package imagebuild

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/internal/perstack"
)

// unit is one CodeBuild project with its service role and log group: that of
// release builds, or that of pull requests.
type unit struct {
	scope    constructs.Construct
	shared   *perstack.Shared
	props    *ImageBuildProps
	role     awsiam.Role
	policy   awsiam.Grant
	logGroup awslogs.ILogGroup
	project  awscodebuild.Project
}

// newUnit makes the role and, where none is given, the log group.
func newUnit(scope constructs.Construct, shared *perstack.Shared, props *ImageBuildProps, rolePath *string, logGroup awslogs.ILogGroup) *unit {
	u := &unit{scope: scope, shared: shared, props: props, role: newRole(scope, shared, rolePath), logGroup: logGroup}
	if u.logGroup == nil {
		u.logGroup = newLogGroup(scope, props)
	}
	u.policy = u.logGroup.GrantWrite(u.role)
	return u
}

// newRole trusts CodeBuild on behalf of this account alone:
// https://docs.aws.amazon.com/codebuild/latest/userguide/cross-service-confused-deputy-prevention.html.
func newRole(scope constructs.Construct, shared *perstack.Shared, path *string) awsiam.Role {
	return shared.Adopt(awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		Description: jsii.String("Service role of an image build with a layer cache (layercache)"),
		Path:        path,
		AssumedBy:   ownAccount(shared, "codebuild.amazonaws.com"),
	}))
}

func newLogGroup(scope constructs.Construct, props *ImageBuildProps) awslogs.ILogGroup {
	group := &awslogs.LogGroupProps{
		Retention:     orDefault(props.LogRetention, awslogs.RetentionDays_ONE_MONTH),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	}
	if props.EncryptionKey != nil {
		trustLogs(scope, props.EncryptionKey)
		group.EncryptionKey = props.EncryptionKey
	}
	return awslogs.NewLogGroup(scope, jsii.String("Logs"), group)
}

// plan is what the two projects differ in.
type plan struct {
	description string
	variables   map[string]*string
	secrets     *map[string]*Secret
	triggers    *awscodebuild.CfnProject_ProjectTriggersProperty
	helpers     map[Architecture]string
	// concurrent is how many builds may run at a time; nil is no limit.
	concurrent *float64
}

// addProject makes the project under a role that takes no further statements:
// the CDK would add broad ones, on every report group and on a log group that
// this project does not have.
func (u *unit) addProject(p *plan) {
	environment := plainText(p.variables)
	addSecrets(u.scope, u.role, p.secrets, environment)
	grantNetwork(u.scope, u.role, u.props.Network)
	source := u.props.Source.Bind(u.scope, u.role)
	props := &awscodebuild.ProjectProps{
		Description:                 &p.description,
		BuildSpec:                   emptyBuildSpec(u.shared),
		SecondarySources:            u.helperSources(p.helpers),
		Environment:                 u.props.buildEnvironment(u.shared),
		EnvironmentVariables:        &environment,
		Role:                        u.role.WithoutPolicyUpdates(nil),
		GrantReportGroupPermissions: jsii.Bool(false),
		Logging:                     &awscodebuild.LoggingOptions{CloudWatch: &awscodebuild.CloudWatchLoggingOptions{LogGroup: u.logGroup}},
		Timeout:                     u.props.Timeout,
		QueuedTimeout:               u.props.QueuedTimeout,
		AutoRetryLimit:              u.props.AutoRetryLimit,
		ConcurrentBuildLimit:        p.concurrent,
		Cache:                       localCache(u.props),
		EncryptionKey:               u.props.EncryptionKey,
		// Environment and Build.Arguments are checked beforehand.
		CheckSecretsInPlainTextEnvVariables: jsii.Bool(false),
	}
	if key := u.props.EncryptionKey; key != nil {
		key.GrantEncryptDecrypt(u.role)
	}
	if props.Timeout == nil {
		props.Timeout = timeouts.Get(u.shared, struct{}{}, func() awscdk.Duration { return awscdk.Duration_Hours(jsii.Number(1)) })
	}
	if n := u.props.Network; n != nil {
		props.Vpc, props.SubnetSelection, props.SecurityGroups = n.Vpc, n.Subnets, n.SecurityGroups
	}
	u.project = awscodebuild.NewProject(u.scope, jsii.String("Project"), props)
	u.policy.ApplyBefore(u.project)
	awscdk.Validations_Of(u.project).Acknowledge(&awscdk.Acknowledgment{
		Id:     jsii.String("CloudFormation-Validate::E3050"),
		Reason: jsii.String("ServiceRole is a GetAtt of the role's ARN; the check takes it for a Ref as soon as the role has a path"),
	})
	u.setSource(source, p.triggers)
	u.addBatch()
	u.addReports()
}

// What the projects of a stack share.
var (
	buildSpecs  perstack.Memo[struct{}, awscodebuild.BuildSpec]
	timeouts    perstack.Memo[struct{}, awscdk.Duration]
	buildImages perstack.Memo[Architecture, awscodebuild.IBuildImage]
)

// emptyBuildSpec stands in for the file that setSource puts in.
func emptyBuildSpec(shared *perstack.Shared) awscodebuild.BuildSpec {
	return buildSpecs.Get(shared, struct{}{}, func() awscodebuild.BuildSpec {
		return awscodebuild.BuildSpec_FromObject(&map[string]any{"version": "0.2"})
	})
}

// setSource puts in what the CDK's own sources do not know. The buildspec is
// the file's own text, with its comments and order.
func (u *unit) setSource(source *BoundSource, triggers *awscodebuild.CfnProject_ProjectTriggersProperty) {
	source.Property.BuildSpec = jsii.String(u.buildspec())
	cfn := u.cfn()
	cfn.SetSource(source.Property)
	if source.Version != nil {
		cfn.SetSourceVersion(source.Version)
	}
	if triggers != nil {
		cfn.SetTriggers(triggers)
	}
}

func (u *unit) buildspec() string {
	text := buildspecs.Image
	if u.props.Build.batch() {
		text = buildspecs.ImageBatch
	}
	if isTrue(u.props.Reports) {
		text += buildspecs.Reports
	}
	return text
}

func (u *unit) cfn() awscodebuild.CfnProject {
	return u.project.Node().DefaultChild().(awscodebuild.CfnProject)
}
