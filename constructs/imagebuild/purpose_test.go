package imagebuild_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestAnImageThatItsPurposeRefusesIsAnError(t *testing.T) {
	const (
		lambdaIndex    = "which makes the image an index, and AWS Lambda accepts only a single manifest"
		appRunnerIndex = "which makes the image an index, and AWS App Runner is not known to accept one"
	)
	both := jsii.Strings("linux/amd64", "linux/arm64")
	zip := newBatchProps(t, synthtest.Stack()).HelperZip
	for name, c := range map[string]struct {
		props imagebuild.ImageBuildProps
		want  []string
	}{
		"AWS Lambda takes the defaults":           {imagebuild.ImageBuildProps{Purpose: imagebuild.ForLambda}, nil},
		"AWS Lambda takes one platform of either": {imagebuild.ImageBuildProps{Purpose: imagebuild.ForLambda, Architecture: imagebuild.ARM64}, nil},
		"AWS Lambda takes an image whose attestations are turned off": {imagebuild.ImageBuildProps{
			Purpose: imagebuild.ForLambda, Attestations: imagebuild.NoAttestations,
			Build: &imagebuild.BuildOptions{Provenance: jsii.String("false"), Sbom: jsii.Bool(false)},
		}, nil},
		"AWS Lambda takes no index": {
			imagebuild.ImageBuildProps{
				Purpose: imagebuild.ForLambda, Attestations: imagebuild.ImageManifestAttestations,
				Build: &imagebuild.BuildOptions{Platforms: both, Provenance: jsii.String("mode=max"), Sbom: jsii.Bool(true)},
			},
			[]string{
				"Build.Platforms: has 2 platforms, " + lambdaIndex + "; build one platform",
				`Build.Provenance: is "mode=max", ` + lambdaIndex + `; set it to "false", or leave it out`,
				"Build.Sbom: is true, " + lambdaIndex + "; leave it out",
				`Attestations: is "image-manifest", ` + lambdaIndex + "; leave it out",
			},
		},
		"AWS Lambda takes no index of one platform": {
			imagebuild.ImageBuildProps{
				Purpose: imagebuild.ForLambda,
				Build:   &imagebuild.BuildOptions{Arguments: &map[string]*string{"BUILDKIT_MULTI_PLATFORM": jsii.String("1"), "VERSION": jsii.String("1")}},
			},
			[]string{`Build.Arguments["BUILDKIT_MULTI_PLATFORM"]: is "1", ` + lambdaIndex + "; leave it out"},
		},
		"AWS Lambda takes an argument that makes none": {
			imagebuild.ImageBuildProps{
				Purpose: imagebuild.ForLambda,
				Build:   &imagebuild.BuildOptions{Arguments: &map[string]*string{"BUILDKIT_MULTI_PLATFORM": jsii.String("false")}},
			}, nil,
		},
		"AWS Lambda is not known to take zstd": {
			imagebuild.ImageBuildProps{Purpose: imagebuild.ForLambda, ImageCompression: imagebuild.Zstd},
			[]string{`ImageCompression: is "zstd", which AWS Lambda is not known to accept; leave it out`},
		},
		"Fargate takes an index of two platforms with zstd layers and attestations": {imagebuild.ImageBuildProps{
			Purpose: imagebuild.ForFargate, ImageCompression: imagebuild.Zstd, Attestations: imagebuild.OCIArtifactAttestations,
			Build: &imagebuild.BuildOptions{Platforms: both, Provenance: jsii.String("mode=max"), Sbom: jsii.Bool(true)},
		}, nil},
		"instances of ECS take the same": {imagebuild.ImageBuildProps{
			Purpose: imagebuild.ForECS, ImageCompression: imagebuild.Zstd, Build: &imagebuild.BuildOptions{Platforms: both},
		}, nil},
		"ECS takes further platforms in an index": {imagebuild.ImageBuildProps{
			Purpose: imagebuild.ForFargate, Build: &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/riscv64", "linux/arm64"), CrossCompile: jsii.Bool(true)},
		}, nil},
		"ECS runs no other platform": {
			imagebuild.ImageBuildProps{
				Purpose: imagebuild.ForECS, Build: &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/riscv64"), CrossCompile: jsii.Bool(true)},
			},
			[]string{"Build.Platforms: has no platform that Amazon ECS runs; add linux/amd64 or linux/arm64"},
		},
		"App Runner takes the defaults":    {imagebuild.ImageBuildProps{Purpose: imagebuild.ForAppRunner}, nil},
		"App Runner takes the platform":    {imagebuild.ImageBuildProps{Purpose: imagebuild.ForAppRunner, Build: &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64")}}, nil},
		"App Runner takes a cross-compile": {imagebuild.ImageBuildProps{Purpose: imagebuild.ForAppRunner, Architecture: imagebuild.ARM64, Build: &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64"), CrossCompile: jsii.Bool(true)}}, nil},
		"App Runner has no arm64 machine": {
			imagebuild.ImageBuildProps{Purpose: imagebuild.ForAppRunner, Architecture: imagebuild.ARM64},
			[]string{`Architecture: "arm64" is a platform that AWS App Runner has no machine for; use "amd64"`},
		},
		"App Runner has no machine for another platform": {
			imagebuild.ImageBuildProps{
				Purpose: imagebuild.ForAppRunner, Architecture: imagebuild.ARM64, Build: &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/arm64")},
			},
			[]string{`Build.Platforms[0]: "linux/arm64" is a platform that AWS App Runner has no machine for; use linux/amd64`},
		},
		"App Runner is not known to take an index or zstd": {
			imagebuild.ImageBuildProps{
				Purpose: imagebuild.ForAppRunner, ImageCompression: imagebuild.Zstd, Build: &imagebuild.BuildOptions{Platforms: both, Sbom: jsii.Bool(true)},
			},
			[]string{
				"Build.Platforms: has 2 platforms, " + appRunnerIndex + "; build one platform",
				"Build.Sbom: is true, " + appRunnerIndex + "; leave it out",
				`ImageCompression: is "zstd", which AWS App Runner is not known to accept; leave it out`,
			},
		},
		"a bake file builds images of any kind": {
			imagebuild.ImageBuildProps{Purpose: imagebuild.ForLambda, ImageCompression: imagebuild.Zstd, Bake: &imagebuild.Bake{
				Images: &map[string]awsecr.IRepository{"api": awsecr.Repository_FromRepositoryName(synthtest.Stack(), jsii.String("Api"), jsii.String("api"))},
			}},
			[]string{"Purpose: is that of one image, but Bake builds several images; leave it out"},
		},
		"an unknown form of attestations is one problem": {
			imagebuild.ImageBuildProps{Purpose: imagebuild.ForLambda, Attestations: "image"},
			[]string{`Attestations: "image" is unknown; did you mean image-manifest?`},
		},
		"an unknown service": {imagebuild.ImageBuildProps{Purpose: "serverless"}, []string{`Purpose: "serverless" is unknown; use one of lambda, fargate, ecs, app-runner`}},
	} {
		t.Run(name, func(t *testing.T) {
			c.props.HelperZip = zip
			var got []string
			for _, problem := range imagebuild.CheckSettings(c.props) {
				got = append(got, problem.String())
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestAPurposeSetsTheFormOfTheImage(t *testing.T) {
	for purpose, want := range map[imagebuild.Purpose]string{
		"": "image-manifest", imagebuild.ForLambda: "none", imagebuild.ForAppRunner: "none", imagebuild.ForFargate: "image-manifest", imagebuild.ForECS: "image-manifest",
	} {
		t.Run(string(purpose), func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			props.Purpose = purpose
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Empty(t, synthtest.Errors(stack))
			got := variables(t, stack)
			assert.Equal(t, want, got["LAYERCACHE_ATTESTATIONS"])
			assert.Equal(t, "gzip", got["LAYERCACHE_IMAGE_COMPRESSION"])
		})
	}
}

func TestZstdOnInstancesOfECSIsAWarning(t *testing.T) {
	for name, c := range map[string]struct {
		purpose     imagebuild.Purpose
		compression imagebuild.Compression
		want        int
	}{
		"zstd on instances": {imagebuild.ForECS, imagebuild.Zstd, 1},
		"gzip on instances": {imagebuild.ForECS, imagebuild.Gzip, 0},
		"zstd on Fargate":   {imagebuild.ForFargate, imagebuild.Zstd, 0},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			props.Purpose, props.ImageCompression = c.purpose, c.compression
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			warnings := synthtest.Warnings(stack)
			assert.Len(t, warnings, c.want)
			for _, warning := range warnings {
				assert.Contains(t, warning, "only with Docker 23 or newer")
			}
		})
	}
}
