package imagebuild_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// newFunction makes a function with the image of the build, in the stack of the build.
func newFunction(stack awscdk.Stack, build *imagebuild.ImageBuild, tagOrDigest *string) {
	awslambda.NewDockerImageFunction(stack, jsii.String("Function"), &awslambda.DockerImageFunctionProps{Code: build.DockerImageCode(tagOrDigest)})
}

func TestAnImageForLambdaHasTheFormThatLambdaAccepts(t *testing.T) {
	for name, use := range map[string]func(awscdk.Stack, *imagebuild.ImageBuild){
		"DockerImageCode": func(s awscdk.Stack, b *imagebuild.ImageBuild) { newFunction(s, b, nil) },
		"EcrImageCode":    func(_ awscdk.Stack, b *imagebuild.ImageBuild) { b.EcrImageCode(nil) },
		"both": func(s awscdk.Stack, b *imagebuild.ImageBuild) {
			newFunction(s, b, nil)
			b.EcrImageCode(jsii.String(digest))
		},
	} {
		t.Run(name, func(t *testing.T) {
			newBuild := func() (awscdk.Stack, *imagebuild.ImageBuild) {
				stack := synthtest.Stack()
				props := newGitProps(t, stack)
				props.Build = &imagebuild.BuildOptions{Secrets: &map[string]*imagebuild.Secret{
					"npm": imagebuild.Secret_FromSecretsManager(awssecretsmanager.NewSecret(stack, jsii.String("Npm"), nil), nil),
				}}
				return stack, imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			}
			other, _ := newBuild()
			want := variables(t, other)
			want["LAYERCACHE_ATTESTATIONS"], want["LAYERCACHE_IMAGE_COMPRESSION"] = "none", "gzip"
			stack, build := newBuild()
			use(stack, build)

			assert.Equal(t, want, variables(t, stack), "the other variables stay")
			assert.Equal(t, variablesOf(project(t, other, "BuildPullRequestProject")), variablesOf(project(t, stack, "BuildPullRequestProject")),
				"images of pull requests are not those of the function")
			assert.Empty(t, synthtest.Errors(stack))
		})
	}
}

func TestAnImageThatLambdaRefusesIsAnError(t *testing.T) {
	const index = "which makes the image an index, and AWS Lambda accepts only a single manifest"
	for name, c := range map[string]struct {
		build *imagebuild.BuildOptions
		tag   *string
		want  []string
	}{
		"one platform, by a tag":              {&imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64")}, jsii.String("latest"), nil},
		"provenance and an SBOM turned off":   {&imagebuild.BuildOptions{Provenance: jsii.String("false"), Sbom: jsii.Bool(false)}, nil, nil},
		"a batch, by the tag of one platform": {&imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64", "linux/arm64")}, jsii.String("latest-linux-arm64"), nil},
		"a batch, by digest":                  {&imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64", "linux/arm64")}, jsii.String(digest), nil},
		"a batch, by a tag that is not known": {&imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64", "linux/arm64")}, awscdk.Aws_STACK_NAME(), nil},
		"a batch, by the tag of its index": {
			&imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64", "linux/arm64")}, nil,
			[]string{"Build.Platforms: has 2 platforms, " + index + "; build one platform, or give the tag of one platform, such as latest-linux-amd64"},
		},
		"several cross-compiled platforms, which have no tags of their own": {
			&imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64", "linux/arm64"), CrossCompile: jsii.Bool(true)}, jsii.String("latest-linux-arm64"),
			[]string{"Build.Platforms: has 2 platforms, " + index + "; build one platform"},
		},
		"one platform, with an argument that makes an index of it": {
			&imagebuild.BuildOptions{Arguments: &map[string]*string{"BUILDKIT_MULTI_PLATFORM": jsii.String("true")}}, jsii.String(digest),
			[]string{`Build.Arguments["BUILDKIT_MULTI_PLATFORM"]: is "true", ` + index + "; leave it out"},
		},
		"attestations": {
			&imagebuild.BuildOptions{Provenance: jsii.String("mode=max"), Sbom: jsii.Bool(true)}, jsii.String(digest),
			[]string{
				`Build.Provenance: is "mode=max", ` + index + `; set it to "false", or leave it out`,
				"Build.Sbom: is true, " + index + "; leave it out",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newBatchProps(t, stack)
			props.Build = c.build
			build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			build.DockerImageCode(c.tag)
			build.EcrImageCode(c.tag)
			assert.Equal(t, atBuild(c.want...), synthtest.Errors(stack))
		})
	}
}

func TestAFunctionWithAnImageByTagIsAWarning(t *testing.T) {
	for name, c := range map[string]struct {
		tag  *string
		want int
	}{
		"the first tag, by default":            {nil, 1},
		"a tag":                                {jsii.String("v1"), 1},
		"a digest":                             {jsii.String(digest), 0},
		"a value that CloudFormation fills in": {awscdk.Aws_STACK_NAME(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			newFunction(stack, imagebuild.NewImageBuild(stack, jsii.String("Build"), newProps(t, stack)), c.tag)
			warnings := synthtest.Warnings(stack)
			assert.Len(t, warnings, c.want)
			for _, warning := range warnings {
				assert.Contains(t, warning, "the function cannot be deployed before a build has pushed it")
			}
		})
	}
}

func TestAFunctionOfABuildWithProblemsAddsNone(t *testing.T) {
	stack := synthtest.Stack()
	newFunction(stack, imagebuild.NewImageBuild(stack, jsii.String("Build"), nil), nil)
	assert.Len(t, synthtest.Errors(stack), 2)
}
