package imagebuild

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/internal/helperasset"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// buildProject is one CodeBuild project with its service role and log group, for release builds or pull
// requests.
type buildProject struct {
	scope     constructs.Construct
	shared    *perstack.Shared
	options   *resolved
	rolePath  string
	role      awsiam.Role
	logPolicy awsiam.Grant
	logGroup  awslogs.ILogGroup
	project   awscodebuild.Project
	// source is that of the project; nil before create.
	source *BoundSource
	// environment has the variables of the project; nil before create.
	environment map[string]*awscodebuild.BuildEnvironmentVariable
	// reportGroup is nil without Reports.
	reportGroup awscodebuild.CfnReportGroup
	// batchRole runs the builds of a batch; nil without one.
	batchRole awsiam.Role
}

// newBuildProject makes the role and, if logGroup is nil, a log group. create makes the CodeBuild project.
func newBuildProject(scope constructs.Construct, shared *perstack.Shared, options *resolved, rolePath string, logGroup awslogs.ILogGroup) *buildProject {
	p := &buildProject{scope: scope, shared: shared, options: options, rolePath: rolePath, role: newRole(scope, shared, rolePath), logGroup: logGroup}
	if p.logGroup == nil {
		p.logGroup = newLogGroup(scope, options)
	}
	p.logPolicy = p.logGroup.GrantWrite(p.role)
	return p
}

// newRole trusts CodeBuild, for builds of this account only:
// https://docs.aws.amazon.com/codebuild/latest/userguide/cross-service-confused-deputy-prevention.html.
func newRole(scope constructs.Construct, shared *perstack.Shared, path string) awsiam.Role {
	return shared.Adopt(awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		Description: jsii.String("Service role of an image build with a layer cache (layercache)"),
		Path:        &path,
		AssumedBy:   ownAccount(shared, "codebuild.amazonaws.com"),
	}))
}

func newLogGroup(scope constructs.Construct, options *resolved) awslogs.ILogGroup {
	props := &awslogs.LogGroupProps{Retention: options.logs.retention, RemovalPolicy: awscdk.RemovalPolicy_DESTROY}
	if options.encryptionKey != nil {
		trustLogs(scope, options.encryptionKey)
		props.EncryptionKey = options.encryptionKey
	}
	return awslogs.NewLogGroup(scope, jsii.String("Logs"), props)
}

// trustLogs adds a statement to the policy of a key of this app: CloudWatch Logs may use the key for log
// groups of the account. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html.
func trustLogs(scope constructs.Construct, key awskms.IKey) {
	stack := awscdk.Stack_Of(scope)
	service := fmt.Sprintf("logs.%s.%s", *stack.Region(), *stack.UrlSuffix())
	groups := stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("logs"), Resource: jsii.String("log-group"), ResourceName: jsii.String("*"),
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(&service, nil)},
		Actions:    jsii.Strings("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"),
		Resources:  jsii.Strings("*"),
		Conditions: &map[string]any{"ArnLike": map[string]any{"kms:EncryptionContext:aws:logs:arn": groups}},
	}), jsii.Bool(true))
}

// projectOptions are the differences between the two projects.
type projectOptions struct {
	description string
	variables   map[string]string
	secrets     map[string]*Secret
	// triggers is nil without a webhook.
	triggers   *awscodebuild.CfnProject_ProjectTriggersProperty
	helperZips map[Architecture]string
	// concurrentBuilds is the number of builds that may run at a time; nil means no limit.
	concurrentBuilds *float64
}

// create makes the report group and the CodeBuild project, and the batch configuration that names it.
func (p *buildProject) create(o projectOptions) {
	environment := plainTextVariables(o.variables)
	addSecrets(p.scope, p.role, o.secrets, environment)
	p.environment = environment
	grantNetwork(p.scope, p.role, p.options)
	p.addReports()
	p.source = p.options.source.Bind(p.scope, p.role)
	props := p.projectProps(o, environment)
	if key := p.options.encryptionKey; key != nil {
		key.GrantEncryptDecrypt(p.role)
	}
	p.project = awscodebuild.NewProject(p.scope, jsii.String("Project"), props)
	p.logPolicy.ApplyBefore(p.project)
	p.acknowledgeRolePath()
	p.setSource(o.triggers)
	p.addBatch()
}

// acknowledgeRolePath turns off a check of the CDK that is wrong about roles with a path.
func (p *buildProject) acknowledgeRolePath() {
	if p.rolePath == defaultRolePath {
		return
	}
	awscdk.Validations_Of(p.project).Acknowledge(&awscdk.Acknowledgment{
		Id:     jsii.String("CloudFormation-Validate::E3050"),
		Reason: jsii.String("ServiceRole is a GetAtt of the role's ARN; the check takes it for a Ref as soon as the role has a path"),
	})
}

// projectProps gives the project a role that takes no further statements: the CDK would add broad ones, for
// every report group and for a log group that this project does not have.
func (p *buildProject) projectProps(o projectOptions, environment map[string]*awscodebuild.BuildEnvironmentVariable) *awscodebuild.ProjectProps {
	props := &awscodebuild.ProjectProps{
		Description:                 &o.description,
		SecondarySources:            p.helperSources(o.helperZips),
		Environment:                 buildEnvironment(p.shared, p.options.machine),
		EnvironmentVariables:        &environment,
		Role:                        p.role.WithoutPolicyUpdates(nil),
		GrantReportGroupPermissions: jsii.Bool(false),
		Logging:                     &awscodebuild.LoggingOptions{CloudWatch: &awscodebuild.CloudWatchLoggingOptions{LogGroup: p.logGroup}},
		Timeout:                     p.options.limits.timeout,
		QueuedTimeout:               p.options.limits.queuedTimeout,
		AutoRetryLimit:              p.options.limits.autoRetryLimit,
		ConcurrentBuildLimit:        o.concurrentBuilds,
		EncryptionKey:               p.options.encryptionKey,
		// checkPlainText has checked them.
		CheckSecretsInPlainTextEnvVariables: jsii.Bool(false),
	}
	if props.Timeout == nil {
		props.Timeout = defaultTimeouts.Get(p.shared, struct{}{}, func() awscdk.Duration { return awscdk.Duration_Hours(jsii.Number(1)) })
	}
	if asset := p.assetSource(); asset != nil {
		props.Source, props.BuildSpec = asset, buildSpecOf(p.shared, p.buildspec())
	} else {
		props.BuildSpec = emptyBuildSpec(p.shared)
	}
	if p.options.cache.mode == LocalCache {
		props.Cache = awscodebuild.Cache_Local(awscodebuild.LocalCacheMode_DOCKER_LAYER)
	}
	if n := p.options.network; n != nil {
		props.Vpc, props.SubnetSelection, props.SecurityGroups = n.vpc, n.subnets, pointerTo(n.securityGroups)
	}
	return props
}

// Values that the projects of a stack share.
var (
	buildSpecs      perstack.Memo[string, awscodebuild.BuildSpec]
	defaultTimeouts perstack.Memo[struct{}, awscdk.Duration]
)

// emptyBuildSpec returns a placeholder, which setSource replaces.
func emptyBuildSpec(shared *perstack.Shared) awscodebuild.BuildSpec {
	return buildSpecs.Get(shared, "", func() awscodebuild.BuildSpec {
		return awscodebuild.BuildSpec_FromObject(&map[string]any{"version": "0.2"})
	})
}

// buildSpecOf returns a buildspec whose comments and order the CDK keeps. The property of a project is the name
// of a file or the text itself, and of the CDK's buildspecs only that of a file passes it on unchanged:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-codebuild-project-source.html.
func buildSpecOf(shared *perstack.Shared, text string) awscodebuild.BuildSpec {
	return buildSpecs.Get(shared, text, func() awscodebuild.BuildSpec { return awscodebuild.BuildSpec_FromSourceFilename(&text) })
}

// assetSource returns the source if it can be in the props of the project, or nil. A source of the user's that
// calls that of a directory may have changed its properties.
func (p *buildProject) assetSource() awscodebuild.ISource {
	if _, ok := p.options.source.(*directorySource); ok {
		return p.source.asset
	}
	return nil
}

// setSource sets a source on the CloudFormation resource, because the CDK's sources lack some of its properties.
// A source that is in projectProps already has no triggers.
func (p *buildProject) setSource(triggers *awscodebuild.CfnProject_ProjectTriggersProperty) {
	if p.assetSource() != nil {
		return
	}
	source := p.source
	source.Property.BuildSpec = jsii.String(p.buildspec())
	cfn := p.cfnProject()
	cfn.SetSource(source.Property)
	if source.Version != nil {
		cfn.SetSourceVersion(source.Version)
	}
	if triggers != nil {
		cfn.SetTriggers(triggers)
	}
}

func (p *buildProject) buildspec() string {
	text := buildspecs.Image
	if p.options.build.batch {
		text = buildspecs.ImageBatchOn(p.options.machine.images[AMD64], p.options.machine.images[ARM64])
	}
	if p.reportGroup != nil {
		text += buildspecs.Reports(*p.reportGroup.AttrArn())
	}
	return text
}

func (p *buildProject) cfnProject() awscodebuild.CfnProject {
	return p.project.Node().DefaultChild().(awscodebuild.CfnProject)
}

const (
	// indexComputeType is the size of the machine that joins the platforms' images, as in image-batch.yml.
	indexComputeType = "BUILD_GENERAL1_SMALL"
	// batchBuilds is the number of builds of a batch: one per platform and one for the index.
	batchBuilds = 3
)

// addBatch lets CodeBuild run batches, under a role that builds cannot assume:
// https://docs.aws.amazon.com/codebuild/latest/userguide/batch-build.html.
func (p *buildProject) addBatch() {
	if !p.options.build.batch {
		return
	}
	p.batchRole = serviceRole(p.scope, p.shared, "BatchRole", "codebuild.amazonaws.com", "Runs the builds of a batch (layercache)")
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      p.batchRole,
		Actions:      jsii.Strings("codebuild:StartBuild", "codebuild:StopBuild", "codebuild:RetryBuild"),
		ResourceArns: &[]*string{p.project.ProjectArn()},
	})
	types := []string{computeTypeNames[p.options.machine.computeType]}
	if types[0] != indexComputeType {
		types = append(types, indexComputeType)
	}
	p.cfnProject().SetBuildBatchConfig(&awscodebuild.CfnProject_ProjectBuildBatchConfigProperty{
		ServiceRole: p.batchRole.RoleArn(),
		Restrictions: &awscodebuild.CfnProject_BatchRestrictionsProperty{
			ComputeTypesAllowed:  jsii.Strings(types...),
			MaximumBuildsAllowed: jsii.Number(batchBuilds),
		},
	})
}

// addReports makes the report group at deployment, and the buildspec names it by ARN. Otherwise CodeBuild
// would ask for codebuild:CreateReportGroup in each build.
// https://docs.aws.amazon.com/codebuild/latest/userguide/test-permissions.html.
func (p *buildProject) addReports() {
	if !p.options.reports {
		return
	}
	p.reportGroup = awscodebuild.NewCfnReportGroup(p.scope, jsii.String("Reports"), &awscodebuild.CfnReportGroupProps{
		Type:          jsii.String("TEST"),
		DeleteReports: jsii.Bool(true),
		ExportConfig:  &awscodebuild.CfnReportGroup_ReportExportConfigProperty{ExportConfigType: jsii.String("NO_EXPORT")},
	})
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      p.role,
		Actions:      jsii.Strings("codebuild:CreateReport", "codebuild:UpdateReport", "codebuild:BatchPutTestCases"),
		ResourceArns: &[]*string{p.reportGroup.AttrArn()},
	})
}

// helperSources returns the helper as secondary sources: one that the buildspec finds as "layercache", or for
// a batch one per architecture.
func (p *buildProject) helperSources(zips map[Architecture]string) *[]awscodebuild.ISource {
	if !p.options.build.batch {
		return &[]awscodebuild.ISource{helperasset.Source(p.shared, p.role, zips[p.options.machine.architecture])}
	}
	return &[]awscodebuild.ISource{
		helperasset.SourceFor(p.shared, p.role, zips[AMD64], string(AMD64)),
		helperasset.SourceFor(p.shared, p.role, zips[ARM64], string(ARM64)),
	}
}

// architectureWord is replaced by the architecture in HelperZip.
const architectureWord = "{arch}"

// helperZip returns the path of a prebuilt helper, or nil to compile it.
func helperZip(r *resolved, architecture Architecture) *string {
	if r.helperZip == nil {
		return nil
	}
	return jsii.String(strings.ReplaceAll(*r.helperZip, architectureWord, string(architecture)))
}

// helperZips returns the paths of the zips with the helper and its builder, and compiles them if needed.
func helperZips(r *resolved) (map[Architecture]string, []validation.Problem) {
	zips := map[Architecture]string{}
	var problems []validation.Problem
	for _, architecture := range architectures(r) {
		zip, problem := helperasset.Zip(helperZip(r, architecture), string(architecture))
		if problem != nil {
			problems = append(problems, *problem)
		}
		zips[architecture] = zip
	}
	return zips, problems
}

func checkHelperZip(problems *validation.Problems, r *resolved) {
	if r.helperZip != nil && r.build.batch && !strings.Contains(*r.helperZip, architectureWord) {
		problems.Add("HelperZip", fmt.Sprintf("%q is one zip, but Build.Platforms need two", *r.helperZip),
			"write "+architectureWord+" where their names differ")
		return
	}
	for _, architecture := range architectures(r) {
		*problems = append(*problems, helperasset.Check(helperZip(r, architecture))...)
	}
}

// serviceRole trusts a service, on behalf of this account only:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html.
func serviceRole(scope constructs.Construct, shared *perstack.Shared, id, service, description string) awsiam.Role {
	return awsiam.NewRole(scope, &id, &awsiam.RoleProps{
		Description: &description,
		AssumedBy:   ownAccount(shared, service),
	})
}

// ownAccounts are the principals of ownAccount, by service.
var ownAccounts perstack.Memo[string, awsiam.IPrincipal]

// ownAccount returns a service that acts on behalf of this account.
func ownAccount(shared *perstack.Shared, service string) awsiam.IPrincipal {
	return ownAccounts.Get(shared, service, func() awsiam.IPrincipal {
		return awsiam.NewServicePrincipal(&service, &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{
				"StringEquals": map[string]any{"aws:SourceAccount": shared.Account()},
			},
		})
	})
}

// grantAction allows one action on one resource.
func grantAction(role awsiam.IGrantable, action string, arn *string) {
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: role, Actions: &[]*string{&action}, ResourceArns: &[]*string{arn},
	})
}
