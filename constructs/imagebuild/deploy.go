package imagebuild

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/helperasset"
	"github.com/layercache/layercache/constructs/internal/warning"
	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/deployment"
	"github.com/layercache/layercache/internal/variables"
)

// BuildOnDeploy are the options of a build that the deployment of the stack starts and waits for. The build
// starts if no earlier deployment built this image: if the source asset, its version, an argument, another
// option that shapes the image, one of Inputs, or the helper has changed. A rollback returns to the previous
// image without a build.
type BuildOnDeploy struct {
	// SourceVersion is the commit, branch or tag of a Git source, or the version of an S3 object, that is
	// built. A source at a Git host needs a commit here, such as that of the pipeline: CloudFormation cannot
	// see that a branch has moved.
	// Default: that of Source.
	SourceVersion *string

	// Inputs are further values that the image depends on, by a name of your choice, such as the digest of a
	// base image. A deployment that changes one starts a build.
	// Default: none.
	Inputs *map[string]*string

	// FunctionZip is the path of a zip with the program bootstrap for linux/arm64, the AWS Lambda function that
	// starts the builds.
	// Default: compiled from this module's source, once per version.
	FunctionZip *string
}

// DeployedImage is the image that the deployment has built. Its values are known when the stack is deployed.
type DeployedImage struct {
	// Digest is the digest of the image, sha256:….
	Digest *string
	// Uri is the address of the image with its digest, HOST/NAME@DIGEST.
	Uri *string
	// Tag is a tag that only this image has.
	Tag *string
	// Verdict is what the cache did for the build, or that no build was needed.
	Verdict *string
}

// deployOptions are the resolved BuildOnDeploy.
type deployOptions struct {
	sourceVersion *string
	inputs        map[string]string
	functionZip   *string
}

func resolveDeploy(d *BuildOnDeploy) *deployOptions {
	if d == nil {
		return nil
	}
	return &deployOptions{sourceVersion: d.SourceVersion, inputs: stringMap(d.Inputs), functionZip: d.FunctionZip}
}

// The minutes of a deployment's build. CloudFormation waits an hour for the answer, and CodeBuild has to end the build
// before, so that the deployment says why it failed.
const (
	// deployMinutes are those from the start of the build to its end.
	deployMinutes = 55
	// deployIndexMinutes are those in which a batch joins the images of its platforms.
	deployIndexMinutes = 10
	// deployQueueMinutes are those in the queue, unless QueuedTimeout or Timeout decide.
	deployQueueMinutes = 10
)

// deployTimes are the limits of a deployment's build, in minutes.
type deployTimes struct {
	// queued is how long the build may wait for a machine, and build is how long it may then run.
	queued, build int
	// batch is how long all builds of a batch may take together, after the queue.
	batch int
}

// deployTimes divides deployMinutes. The user's timeouts come first, and what they leave is for the queue.
func (r *resolved) deployTimes() deployTimes {
	budget, timeout, queued := r.deployBudget()
	if queued == 0 && timeout == 0 {
		queued = deployQueueMinutes
	} else if queued == 0 {
		queued = budget - timeout
	}
	build := budget - queued
	if timeout > 0 {
		build = min(build, timeout)
	}
	return deployTimes{queued: queued, build: build, batch: deployMinutes - queued}
}

// deployBudget returns the minutes for the queue and one build together, and the minutes that the user gave to each, which
// are 0 if they are not set or not known at synthesis.
func (r *resolved) deployBudget() (budget, timeout, queued int) {
	budget = deployMinutes
	if r.build.batch {
		budget -= deployIndexMinutes
	}
	return budget, wholeMinutes(r.limits.timeout), wholeMinutes(r.limits.queuedTimeout)
}

// wholeMinutes returns the minutes of a timeout, or 0 if there is none or it is not known at synthesis.
func wholeMinutes(timeout awscdk.Duration) int {
	if timeout == nil || *timeout.IsUnresolved() {
		return 0
	}
	return int(*timeout.ToMinutes(&awscdk.TimeConversionOptions{Integral: jsii.Bool(false)}))
}

// checkDeployTimes refuses timeouts with which CloudFormation would stop waiting before CodeBuild ends the build.
func checkDeployTimes(problems *validation.Problems, r *resolved) {
	budget, timeout, queued := r.deployBudget()
	refuse := func(prop, wrong string, most int) {
		problems.Add(prop, fmt.Sprintf("%s, but CloudFormation waits an hour, which leaves at most %d", wrong, most),
			fmt.Sprintf("give at most %d minutes, or leave BuildOnDeploy out", most))
	}
	most := budget - minTimeout
	switch {
	case timeout > most:
		refuse("Timeout", fmt.Sprintf("is %d minutes", timeout), most)
	case queued > most:
		refuse("QueuedTimeout", fmt.Sprintf("is %d minutes", queued), most)
	case timeout+queued > budget:
		refuse("Timeout", fmt.Sprintf("and QueuedTimeout are %d minutes together", timeout+queued), budget)
	}
}

func checkDeploy(problems *validation.Problems, r *resolved) {
	if r.deploy == nil {
		return
	}
	*problems = append(*problems, helperasset.CheckFunction(deployFunctionZip, r.deploy.functionZip)...)
	checkDeployTimes(problems, r)
	for _, name := range slices.Sorted(maps.Keys(r.deploy.inputs)) {
		if r.deploy.inputs[name] == "" {
			problems.Add(fmt.Sprintf("BuildOnDeploy.Inputs[%q]", name), "has no value", "set a value, or leave it out")
		}
	}
}

// deployFunctionZip is the path of the prop FunctionZip.
const deployFunctionZip = "BuildOnDeploy.FunctionZip"

// functionZip returns the path of the function that starts builds, or "" if none is needed.
func functionZip(r *resolved) (string, []validation.Problem) {
	if r.deploy == nil {
		return "", nil
	}
	zip, problem := helperasset.FunctionZip(deployFunctionZip, r.deploy.functionZip)
	if problem != nil {
		return "", []validation.Problem{*problem}
	}
	return zip, nil
}

// deployedImage is the resource of the image that the deployment builds.
type deployedImage struct {
	DeployedImage
	resource awscdk.CustomResource
	// byDigest is Digest in a form that the CDK recognizes as one.
	byDigest *string
}

// DeployedImage returns the image that the deployment builds, or nil without BuildOnDeploy.
func (b *ImageBuild) DeployedImage() *DeployedImage {
	if b.deployed == nil {
		return nil
	}
	return &b.deployed.DeployedImage
}

// buildOnDeploy makes the resource whose deployment builds the image.
func (b *ImageBuild) buildOnDeploy(helperZips map[Architecture]string, zip string) {
	options := b.options.deploy
	if options == nil {
		return
	}
	b.warnOfMovingSource()
	function := stackFunctionOf(b.shared, deployFunction, zip)
	times := b.options.deployTimes()
	properties := map[string]any{
		"Project": b.release.project.ProjectName(),
		"Image":   b.image.RepositoryUri(),
		"Tags":    strings.Join(b.options.image.tags, ","),
		"Inputs":  b.deployInputs(helperZips),

		"QueuedTimeoutInMinutes": fmt.Sprint(times.queued), "TimeoutInMinutes": fmt.Sprint(times.build),
	}
	if b.IsBatch() {
		properties["Batch"] = "true"
		b.release.cfnProject().AddPropertyOverride(jsii.String("BuildBatchConfig.TimeoutInMins"), times.batch)
	}
	if options.sourceVersion != nil {
		properties["SourceVersion"] = options.sourceVersion
	}
	resource := awscdk.NewCustomResource(b, jsii.String("Deploy"), &awscdk.CustomResourceProps{
		ServiceToken: function.arn, ResourceType: jsii.String("Custom::LayercacheImage"), Properties: &properties,
	})
	resource.Node().AddDependency(b.release.role, b.grantDeployment(function), b.grantTicket(), b.addEndRule(function))
	if b.release.batchRole != nil {
		resource.Node().AddDependency(b.release.batchRole)
	}
	if b.options.pullThrough != nil {
		resource.Node().AddDependency(b.options.pullThrough)
	}
	b.waitForNetwork(resource)
	attribute := func(name string) *string { return resource.GetAttString(&name) }
	b.deployed = &deployedImage{
		resource: resource,
		byDigest: jsii.String("sha256:" + *attribute(deployment.HexAttribute)),
		DeployedImage: DeployedImage{
			Digest: attribute(deployment.DigestAttribute), Uri: attribute(deployment.URIAttribute),
			Tag: attribute(deployment.TagAttribute), Verdict: attribute(deployment.VerdictAttribute),
		},
	}
}

// imageVariables are the variables that shape the image. Others, such as those of the cache, do not.
var imageVariables = []string{
	"LAYERCACHE_DOCKERFILE", "LAYERCACHE_CONTEXT", "LAYERCACHE_TARGET", "LAYERCACHE_PLATFORMS", "LAYERCACHE_BUILD_ARGS", "LAYERCACHE_SECRETS",
	"LAYERCACHE_PROVENANCE", "LAYERCACHE_SBOM", "LAYERCACHE_ARGS", "LAYERCACHE_ATTESTATIONS", "LAYERCACHE_IMAGE_COMPRESSION",
	"LAYERCACHE_IMAGE_COMPRESSION_LEVEL", "LAYERCACHE_REWRITE_TIMESTAMP",
}

// shapesImage reports whether an image depends on the variable: one of imageVariables, a build secret, or a
// variable of the user's.
func shapesImage(name string) bool {
	return slices.Contains(imageVariables, name) || strings.HasPrefix(name, variables.SecretPrefix) || !strings.HasPrefix(name, variables.Prefix)
}

// deployInputs returns the values that the image depends on. They are compared when the stack is deployed, so
// CloudFormation may fill them in.
func (b *ImageBuild) deployInputs(helperZips map[Architecture]string) map[string]any {
	inputs := b.deployVariables()
	for name, value := range b.options.deploy.inputs {
		inputs["input "+name] = value
	}
	source := b.release.source
	if source.Property.Location != nil {
		inputs["source"] = source.Property.Location
	}
	if source.Version != nil {
		inputs["source version"] = source.Version
	}
	for _, architecture := range slices.Sorted(maps.Keys(helperZips)) {
		inputs["helper "+string(architecture)] = helperasset.Key(b.shared, helperZips[architecture])
	}
	if b.IsBatch() {
		inputs["LAYERCACHE_PLATFORMS"] = strings.Join(b.options.build.platforms, ",")
	}
	return inputs
}

func (b *ImageBuild) deployVariables() map[string]any {
	values := map[string]any{}
	for name, variable := range b.release.environment {
		if shapesImage(name) {
			values[name] = variable.Value
		}
	}
	return values
}

// setInputs sets the variables again that the image depends on, after they have changed.
func (d *deployedImage) setInputs(p *buildProject) {
	if d == nil {
		return
	}
	resource := d.resource.Node().DefaultChild().(awscdk.CfnResource)
	for name, variable := range p.environment {
		if shapesImage(name) {
			resource.AddPropertyOverride(jsii.String("Inputs."+name), variable.Value)
		}
	}
}

var commitForm = regexp.MustCompile(`^[0-9a-f]{40}$`)

// warnOfMovingSource warns if a deployment cannot see that the source has changed: without a version, or if the
// version of the source may be a branch.
func (b *ImageBuild) warnOfMovingSource() {
	version := b.release.source.Version
	_, isDirectory := b.options.source.(*directorySource)
	fixed := version != nil && (!validation.IsLiteral(version) || commitForm.MatchString(*version))
	if isDirectory || fixed || b.options.deploy.sourceVersion != nil {
		return
	}
	warning.Add(b, "layercache:deploy-without-version", "BuildOnDeploy cannot see that the source has changed, so a deployment builds it only once. "+
		"Set BuildOnDeploy.SourceVersion to the commit, or to the version of the object")
}

// ticketArn returns the ARN of the parameter that holds the ticket of the deployment.
func (b *ImageBuild) ticketArn() *string {
	return b.shared.Stack().FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("ssm"), Resource: jsii.String("parameter"),
		ResourceName: jsii.String(strings.TrimPrefix(deployment.ParameterOf(*b.release.project.ProjectName()), "/")),
	})
}

func statement(actions []string, arn *string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &[]*string{arn}})
}

// grantTicket lets builds read the ticket. The policy is its own, because it names the project, which waits for
// the other policy of the role.
func (b *ImageBuild) grantTicket() awsiam.Policy {
	return awsiam.NewPolicy(b, jsii.String("DeployTicket"), &awsiam.PolicyProps{
		Roles:      &[]awsiam.IRole{b.release.role},
		Statements: &[]awsiam.PolicyStatement{statement([]string{"ssm:GetParameters"}, b.ticketArn())},
	})
}

// grantDeployment lets the function start and stop the builds, keep their ticket and look for the image. The
// policy is its own, so that the function does not wait for projects: an argument of one may be the URL of a
// function with the image of another.
func (b *ImageBuild) grantDeployment(function *stackFunction) awsiam.Policy {
	start, stop := "codebuild:StartBuild", "codebuild:StopBuild"
	if b.IsBatch() {
		start, stop = "codebuild:StartBuildBatch", "codebuild:StopBuildBatch"
	}
	return awsiam.NewPolicy(b, jsii.String("DeployPolicy"), &awsiam.PolicyProps{
		Roles: &[]awsiam.IRole{function.role},
		Statements: &[]awsiam.PolicyStatement{
			statement([]string{start, stop, "codebuild:BatchGetBuilds"}, b.release.project.ProjectArn()),
			statement([]string{"ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter"}, b.ticketArn()),
			statement([]string{"ecr:DescribeImages"}, b.image.RepositoryArn()),
		},
	})
}

// addEndRule makes the rule that passes the end of a build to the function, and lets it call the function. The
// result is what the rule consists of.
func (b *ImageBuild) addEndRule(function *stackFunction) awslambda.CfnPermission {
	rule := awsevents.NewCfnRule(b, jsii.String("DeployEnd"), &awsevents.CfnRuleProps{
		Description: jsii.String("Tells a deployment that its build has ended (layercache)"),
		EventPattern: map[string]any{
			"source": []string{"aws.codebuild"}, "detail-type": []string{"CodeBuild Build State Change"},
			"detail": map[string]any{
				"project-name": []*string{b.release.project.ProjectName()},
				"build-status": []any{map[string]any{"anything-but": []string{"IN_PROGRESS"}}},
			},
		},
		Targets: &[]*awsevents.CfnRule_TargetProperty{{Id: jsii.String("Function"), Arn: function.arn}},
	})
	permission := awslambda.NewCfnPermission(b, jsii.String("DeployEndPermission"), &awslambda.CfnPermissionProps{
		Action: jsii.String("lambda:InvokeFunction"), FunctionName: function.arn, Principal: jsii.String("events.amazonaws.com"), SourceArn: rule.AttrArn(),
	})
	return permission
}
