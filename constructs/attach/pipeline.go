package attach

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/validation"
)

// PipelineAssetsProps are the props of PipelineAssets.
type PipelineAssetsProps struct {
	// Cache is the name of a cache of Exports in the account and region of the pipeline, such as "prod". Required.
	Cache *string

	// Prefix is that of the Exports.
	// Default: "layercache".
	Prefix *string

	// BuildImage is the image of the asset projects' machines. It needs the AWS CLI and unzip, as all images that
	// CodeBuild curates have.
	// Default: that of CDK Pipelines.
	BuildImage awscodebuild.IBuildImage
}

// PipelineAssets gives the images that CDK Pipelines publishes a layer cache: the DockerImageAssets of the app, in any
// stage. The app and its Dockerfiles stay as they are. Hand CodeBuildOptions to the pipeline, and call Grant after
// BuildPipeline.
type PipelineAssets struct {
	constructs.Construct
	options     *pipelines.CodeBuildOptions
	write, read awsiam.IManagedPolicy
}

// NewPipelineAssets imports what Exports has exported.
func NewPipelineAssets(scope constructs.Construct, id *string, props *PipelineAssetsProps) *PipelineAssets {
	a := &PipelineAssets{options: &pipelines.CodeBuildOptions{}}
	constructs.NewConstruct_Override(a, scope, id)
	if props == nil {
		props = &PipelineAssetsProps{}
	}
	prefix, problems := defaultPrefix, validation.Problems{}
	if props.Prefix != nil {
		prefix = *props.Prefix
	}
	architecture := checkPipelineAssets(props, prefix, &problems)
	if len(problems) > 0 {
		validation.Report(a, problems)
		return a
	}
	imported := func(what string) *string {
		return awscdk.Fn_ImportValue(jsii.String(prefix + ":" + *props.Cache + ":" + what))
	}
	a.write = awsiam.ManagedPolicy_FromManagedPolicyArn(a, jsii.String("Write"), imported("write-policy"))
	a.read = awsiam.ManagedPolicy_FromManagedPolicyArn(a, jsii.String("Read"), imported("read-policy"))
	a.options = &pipelines.CodeBuildOptions{
		BuildEnvironment: &awscodebuild.BuildEnvironment{
			BuildImage: props.BuildImage,
			EnvironmentVariables: &map[string]*awscodebuild.BuildEnvironmentVariable{
				"LAYERCACHE_REPOSITORY": {Value: imported("repository")},
				"LAYERCACHE_HELPER":     {Type: awscodebuild.BuildEnvironmentVariableType_PARAMETER_STORE, Value: helperParameter(prefix, architecture)},
				// cdk-assets calls this program in place of docker.
				"CDK_DOCKER": {Value: buildspecs.DockerProgram},
			},
		},
		PartialBuildSpec: awscodebuild.BuildSpec_FromObject(&map[string]any{
			"phases": map[string]any{"install": map[string]any{"commands": []any{buildspecs.FetchDocker}}},
		}),
	}
	return a
}

// CodeBuildOptions returns the AssetPublishingCodeBuildDefaults of the pipeline. Further options can be set in it.
func (a *PipelineAssets) CodeBuildOptions() *pipelines.CodeBuildOptions { return a.options }

// Grant lets the projects that publish images use the cache, and those that publish files fetch the helper, because
// the pipeline gives both kinds the same buildspec. Call it after BuildPipeline, which makes their roles.
func (a *PipelineAssets) Grant(pipeline pipelines.CodePipeline) {
	if a.write == nil {
		return // The problems of the props are reported.
	}
	images, files := assetRole(pipeline, "DockerRole"), assetRole(pipeline, "FileRole")
	if images == nil && files == nil {
		validation.Report(a, []validation.Problem{{
			Prop: "Grant", Wrong: fmt.Sprintf("%s publishes no assets yet", *pipeline.Node().Path()),
			Fix: "call it after BuildPipeline, for a pipeline whose stages have assets",
		}})
	}
	if images != nil {
		images.AddManagedPolicy(a.write)
	}
	if files != nil {
		files.AddManagedPolicy(a.read)
	}
}

// assetRole returns a role of the pipeline's asset projects, or nil. CDK Pipelines has no accessor for it.
func assetRole(pipeline pipelines.CodePipeline, id string) awsiam.IRole {
	assets := pipeline.Node().TryFindChild(jsii.String("Assets"))
	if assets == nil {
		return nil
	}
	role, _ := assets.Node().TryFindChild(&id).(awsiam.IRole)
	return role
}

// checkPipelineAssets adds the problems of the props, and returns the architecture of the machines.
func checkPipelineAssets(props *PipelineAssetsProps, prefix string, problems *validation.Problems) (architecture string) {
	switch {
	case props.Cache == nil:
		problems.Add("Cache", "is missing", `give the name of a cache of Exports, such as "prod"`)
	case !exportForm.MatchString(*props.Cache):
		problems.Add("Cache", fmt.Sprintf("%q has the wrong form", *props.Cache), exportFormFix)
	}
	if !exportForm.MatchString(prefix) {
		problems.Add("Prefix", fmt.Sprintf("%q has the wrong form", prefix), exportFormFix)
	}
	if props.BuildImage == nil {
		return "amd64"
	}
	kind := *props.BuildImage.Type()
	architecture, ok := architectures[kind]
	if !ok {
		problems.Add("BuildImage", "is for machines of type "+kind+", on which no builder runs", "use an image for LINUX_CONTAINER or ARM_CONTAINER")
	}
	return architecture
}
