package imagebuild

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/helperasset"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/deployment"
)

// RollOutOptions are the options of RollOutToService and RollOutToFunction.
type RollOutOptions struct {
	// FunctionZip is the path of a zip with the program bootstrap for linux/arm64, the AWS Lambda function that
	// rolls images out. The first call in a stack decides.
	// Default: compiled from this module's source, once per version.
	FunctionZip *string
}

// consumer is a service or function that images are rolled out to.
type consumer struct {
	// resource is the service, function or alias.
	resource awscdk.IResource
	// event names it.
	event deployment.RollOut
	// grants are the permissions to update it.
	grants []awsiam.PolicyStatement
}

// RollOutToService makes the service of Amazon ECS run the image of each release build that succeeds, whoever started
// it: a person, a webhook, a schedule. A container of the service's task definition has the image by the tag that
// ImageUri uses, such as ContainerImage("latest"), and the deployment controller is ECS.
//
// The image is rolled out if the tag names it when the build has ended. So a build with other tags, and one that a
// later build overtook, change nothing. A function in the stack of the service starts the deployment, and the role of
// the build gets no permission on the service. RollOutToService returns this function: its metric Errors counts
// attempts that failed. They do not fail the build. The service is in the account and region of the build.
func (b *ImageBuild) RollOutToService(service awsecs.IBaseService, options *RollOutOptions) awslambda.IFunction {
	const method = "RollOutToService"
	return b.rollOut(method, service, options, func(problems *validation.Problems, at string) consumer {
		checkService(problems, b, at, service)
		return serviceConsumer(service)
	})
}

// RollOutToFunction updates the function of AWS Lambda to the image of each release build that succeeds. For an alias,
// the image is also published as a version, which the alias then names. The function is made from an image by a tag,
// such as DockerImageCode("latest"). When an image is rolled out, and by whom, is as in RollOutToService.
func (b *ImageBuild) RollOutToFunction(function awslambda.IFunction, options *RollOutOptions) awslambda.IFunction {
	const method = "RollOutToFunction"
	return b.rollOut(method, function, options, func(problems *validation.Problems, at string) consumer {
		if tag := b.movingTags()[0]; b.formForLambda(&tag) {
			awscdk.Annotations_Of(b).AcknowledgeWarning(jsii.String(lambdaByTag), jsii.String(method+" updates the function"))
		}
		c := functionConsumer(problems, at, function)
		if own, others := b.shared.Account(), b.image.Env().Account; validation.IsLiteral(own) && validation.IsLiteral(others) && *own != *others {
			// AWS Lambda takes an image of another account only from somebody who may pull it:
			// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#images-permissions.
			c.grants = append(c.grants, statement([]string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}, b.image.RepositoryArn()))
		}
		return c
	})
}

// rollOut reports the problems of a roll-out, or makes what it needs. It returns the function that rolls out.
func (b *ImageBuild) rollOut(method string, resource awscdk.IResource, options *RollOutOptions, read func(*validation.Problems, string) consumer) awslambda.IFunction {
	if b.release.environment == nil {
		// The props have problems, and the project is a placeholder.
		return b.noFunction()
	}
	zip := valueOr(options, RollOutOptions{}).FunctionZip
	at := fmt.Sprintf("%s(%s)", method, *resource.Node().Path())
	var problems validation.Problems
	b.checkRollOut(&problems, method)
	b.checkConsumer(&problems, at, resource)
	problems = append(problems, helperasset.CheckFunction(method+".FunctionZip", zip)...)
	var c consumer
	if len(problems) == 0 {
		c = read(&problems, at)
	}
	var path string
	if len(problems) == 0 {
		made, problem := helperasset.FunctionZip(method+".FunctionZip", zip)
		if problem != nil {
			problems = append(problems, *problem)
		}
		path = made
	}
	if len(problems) > 0 {
		validation.Report(b, problems)
		return b.noFunction()
	}
	return b.rollOutTo(c, path).imported()
}

// noFunction returns what the caller's program gets if there are problems. It is never deployed.
func (b *ImageBuild) noFunction() awslambda.IFunction {
	id := fmt.Sprintf("InvalidRollOut%d", len(*b.Node().Children()))
	return awslambda.Function_FromFunctionName(b, &id, jsii.String("invalid"))
}

// movingTags returns the tags that each build moves: those without words in braces.
func (b *ImageBuild) movingTags() []string {
	return slices.DeleteFunc(slices.Clone(b.options.image.tags), func(tag string) bool { return strings.Contains(tag, "{") })
}

// checkRollOut adds the problems of an image that cannot be rolled out.
func (b *ImageBuild) checkRollOut(problems *validation.Problems, method string) {
	if b.options.bake.enabled {
		problems.Add(method, "rolls out one image, but Bake builds several images", "leave it out")
	} else if len(b.movingTags()) == 0 {
		problems.Add("Tags", "all have words in braces, but a roll-out follows a tag that each build moves", "add one without, such as latest")
	}
}

// checkConsumer adds the problem of a resource in another account or region, and of one that was given before.
func (b *ImageBuild) checkConsumer(problems *validation.Problems, at string, resource awscdk.IResource) {
	for _, place := range []struct {
		what        string
		own, others *string
	}{
		{"account", b.shared.Account(), resource.Env().Account},
		{"region", b.shared.Region(), resource.Env().Region},
	} {
		if validation.IsLiteral(place.own) && validation.IsLiteral(place.others) && *place.own != *place.others {
			problems.Add(at, fmt.Sprintf("is in %s %s, but the build is in %s", place.what, *place.others, *place.own), "roll out from a build of that "+place.what)
		}
	}
	if b.rolledOut[*resource.Node().Path()] {
		problems.Add(at, "is called twice", "call it once")
	}
}

// rollOutPlace returns where the resources of a roll-out are: in the stack of the consumer, which may depend on that
// of the build, but not the reverse.
func (b *ImageBuild) rollOutPlace(resource awscdk.IResource) (scope constructs.Construct, id string) {
	stack := awscdk.Stack_Of(resource)
	path := strings.TrimPrefix(strings.TrimPrefix(*resource.Node().Path(), *stack.Node().Path()), "/")
	scope = stack
	if *stack.Node().Path() == *b.shared.Stack().Node().Path() {
		scope = b
	}
	return scope, b.rollOutID(scope, path)
}

// rollOutID returns the id of a construct for roll-outs in the build, or in another stack. Paths that differ only in
// "/" and "-" would have the same id: the second one gets a digest of its path.
func (b *ImageBuild) rollOutID(scope constructs.Construct, name string) string {
	path := "RollOut-" + name
	if scope != constructs.Construct(b) {
		path = *b.Node().Path() + "-" + path
	}
	id := strings.ReplaceAll(path, "/", "-")
	if scope.Node().TryFindChild(&id) != nil {
		sum := sha256.Sum256([]byte(path))
		id += "-" + hex.EncodeToString(sum[:4])
	}
	return id
}

// rollOutTo makes the rule that rolls the image of a build out to the consumer.
func (b *ImageBuild) rollOutTo(c consumer, zip string) *stackFunction {
	parent, id := b.rollOutPlace(c.resource)
	scope := constructs.NewConstruct(parent, &id)
	b.rolledOut[*c.resource.Node().Path()] = true
	function := stackFunctionOf(perstack.SharedOf(scope), rollOutFunction, zip)
	policy := awsiam.NewPolicy(scope, jsii.String("Policy"), &awsiam.PolicyProps{Roles: &[]awsiam.IRole{function.role}, Statements: &c.grants})
	c.event.Image, c.event.Tag = *b.image.RepositoryUri(), b.movingTags()[0]
	rule := awsevents.NewCfnRule(scope, jsii.String("Rule"), &awsevents.CfnRuleProps{
		Description: jsii.String("Rolls out the image of a build that has succeeded (layercache)"),
		EventPattern: map[string]any{
			"source": []string{"aws.codebuild"}, "detail-type": []string{"CodeBuild Build State Change"},
			"detail": map[string]any{"project-name": []*string{b.release.project.ProjectName()}, "build-status": []string{"SUCCEEDED"}},
		},
		Targets: &[]*awsevents.CfnRule_TargetProperty{{Id: jsii.String("Function"), Arn: function.arn, InputTransformer: rollOutInput(c.event)}},
	})
	rule.Node().AddDependency(policy, b.grantEnds(function, parent))
	awslambda.NewCfnPermission(scope, jsii.String("Permission"), &awslambda.CfnPermissionProps{
		Action: jsii.String("lambda:InvokeFunction"), FunctionName: function.arn, Principal: jsii.String("events.amazonaws.com"), SourceArn: rule.AttrArn(),
	})
	return function
}

// grantEnds lets the function see how builds ended and what the tag names. The policy is made once for a function.
func (b *ImageBuild) grantEnds(function *stackFunction, parent constructs.Construct) awsiam.Policy {
	if made := b.ends[function]; made != nil {
		return made
	}
	id := b.rollOutID(parent, *function.Node().Id())
	made := awsiam.NewPolicy(constructs.NewConstruct(parent, &id), jsii.String("Policy"), &awsiam.PolicyProps{
		Roles: &[]awsiam.IRole{function.role},
		Statements: &[]awsiam.PolicyStatement{
			statement([]string{"codebuild:BatchGetBuilds"}, b.release.project.ProjectArn()),
			statement([]string{"ecr:DescribeImages"}, b.image.RepositoryArn()),
		},
	})
	b.ends[function] = made
	return made
}

// rollOutInput makes the event of a roll-out from the event of a build.
func rollOutInput(event deployment.RollOut) *awsevents.CfnRule_InputTransformerProperty {
	text, _ := json.Marshal(event) // Strings are always valid JSON.
	template := fmt.Sprintf(`{"detail-type":%q,"build":<build>,%s`, deployment.RollOutEvent, strings.TrimPrefix(string(text), `{"build":"",`))
	return &awsevents.CfnRule_InputTransformerProperty{
		InputPathsMap: &map[string]*string{"build": jsii.String("$.detail.build-id")}, InputTemplate: &template,
	}
}

func serviceConsumer(service awsecs.IBaseService) consumer {
	cluster, name, arn := *service.Cluster().ClusterName(), *service.ServiceName(), *service.ServiceArn()
	// The CDK imports a service by name with an ARN of the form that Amazon ECS had before 2021, without the cluster.
	if start, ok := strings.CutSuffix(arn, ":service/"+name); ok {
		arn = start + ":service/" + cluster + "/" + name
	}
	return consumer{
		resource: service, event: deployment.RollOut{Cluster: cluster, Service: name},
		grants: []awsiam.PolicyStatement{statement([]string{"ecs:UpdateService"}, &arn)},
	}
}

// checkService checks what the template says of a service. An imported service has no template.
func checkService(problems *validation.Problems, b *ImageBuild, at string, service awsecs.IBaseService) {
	stack := awscdk.Stack_Of(service)
	if cfn, ok := service.Node().DefaultChild().(awsecs.CfnService); ok && cfn.DeploymentController() != nil {
		controller, _ := stack.Resolve(cfn.DeploymentController()).(map[string]any)
		if kind, set := controller["type"]; set && kind != "ECS" {
			problems.Add(at, fmt.Sprintf("has the deployment controller %v, which starts no deployment for a new image", kind), "use the controller ECS")
		}
	}
	made, ok := service.(interface{ TaskDefinition() awsecs.TaskDefinition })
	if !ok {
		return
	}
	if task, ok := made.TaskDefinition().Node().DefaultChild().(awsecs.CfnTaskDefinition); ok {
		containers, _ := stack.Resolve(task.ContainerDefinitions()).([]any)
		b.checkContainers(problems, at, stack, containers)
	}
}

// checkContainers checks that one of the containers names the image by a tag that each build moves.
func (b *ImageBuild) checkContainers(problems *validation.Problems, at string, stack awscdk.Stack, containers []any) {
	pinned := false
	for _, container := range containers {
		definition, _ := container.(map[string]any)
		image, _ := json.Marshal(definition["image"])
		for _, tag := range b.movingTags() {
			if wanted, _ := json.Marshal(stack.Resolve(b.ImageUri(&tag))); bytes.Equal(image, wanted) {
				return
			}
		}
		pinned = pinned || isPinned(image)
	}
	fix := fmt.Sprintf("use ContainerImage(%q)", b.movingTags()[0])
	if pinned {
		problems.Add(at, "runs an image by digest, which a new deployment of the service would start again", fix+", or let the deployment of the stack update the service")
		return
	}
	problems.Add(at, "has no container with the image by a tag that each build moves", fix)
}

// isPinned reports whether the names of images in resolved values have a digest: that of BuildOnDeploy, or another.
func isPinned(resolved []byte) bool { return bytes.Contains(resolved, []byte("@sha256:")) }

// functionConsumer returns a function or an alias, and adds its problems.
func functionConsumer(problems *validation.Problems, at string, given awslambda.IFunction) consumer {
	c := consumer{resource: given}
	function, arn := given, *given.FunctionArn()
	switch of := given.(type) {
	case awslambda.IAlias:
		c.event.Alias = *of.AliasName()
		function = of.Version().Lambda()
		arn = *function.FunctionArn()
		checkAlias(problems, at, of)
	case awslambda.IVersion:
		problems.Add(at, "is a version, which always has the image that it was published with", "give the function, or an alias")
	default:
		arn, c.event.Alias = cutQualifier(arn)
		if c.event.Alias == latestVersion || strings.Trim(c.event.Alias, "0123456789") == "" && c.event.Alias != "" {
			problems.Add(at, fmt.Sprintf("names the version %s, which is not an alias", c.event.Alias), "give the function, or an alias")
		}
	}
	c.event.Function = arn
	checkFunctionCode(problems, at, function)
	c.grants = []awsiam.PolicyStatement{statement([]string{"lambda:GetFunctionConfiguration", "lambda:UpdateFunctionCode"}, &arn)}
	if c.event.Alias != "" {
		c.grants = append(c.grants,
			statement([]string{"lambda:GetAlias", "lambda:PublishVersion", "lambda:UpdateAlias"}, &arn),
			// The state of the version that it publishes.
			statement([]string{"lambda:GetFunctionConfiguration"}, jsii.String(arn+":*")))
	}
	return c
}

// latestVersion is the version of a function that is not published.
const latestVersion = "$LATEST"

// cutQualifier cuts the name of an alias or version from an ARN of a function that is known.
func cutQualifier(arn string) (function, qualifier string) {
	if parts := strings.Split(arn, ":"); validation.IsLiteral(&arn) && len(parts) == 8 {
		return strings.Join(parts[:7], ":"), parts[7]
	}
	return arn, ""
}

func checkAlias(problems *validation.Problems, at string, alias awslambda.IAlias) {
	cfn, ok := alias.Node().DefaultChild().(awslambda.CfnAlias)
	if !ok {
		return
	}
	if *cfn.FunctionVersion() == latestVersion {
		problems.Add(at, "is an alias of $LATEST, which gets the image without it", "give the function instead")
	}
	if cfn.RoutingConfig() != nil && awscdk.Stack_Of(alias).Resolve(cfn.RoutingConfig()) != nil {
		problems.Add(at, "shares its calls between versions, and only one of them would get the image", "leave out AdditionalVersions")
	}
}

// checkFunctionCode checks what the template says of a function. An imported function has no template.
func checkFunctionCode(problems *validation.Problems, at string, function awslambda.IFunction) {
	cfn, ok := function.Node().DefaultChild().(awslambda.CfnFunction)
	if !ok {
		return
	}
	if kind := cfn.PackageType(); kind == nil || *kind != "Image" {
		problems.Add(at, "is a function with a zip file", "make it with awslambda.NewDockerImageFunction")
		return
	}
	code, _ := json.Marshal(awscdk.Stack_Of(function).Resolve(cfn.Code()))
	if isPinned(code) {
		problems.Add(at, "has the image by digest, so that the next deployment of the stack would go back to it",
			"name the image by a tag, such as DockerImageCode(\"latest\"), or let the deployment of the stack update the function")
	}
}
