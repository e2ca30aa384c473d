package imagebuild_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestABakeFilePushesToTheRepositoriesOfItsTargets(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Bake = &imagebuild.Bake{File: jsii.String("ci/docker-bake.hcl"), Images: &map[string]awsecr.IRepository{
		"web": awsecr.NewRepository(stack, jsii.String("Web"), nil),
		"api": awsecr.Repository_FromRepositoryName(stack, jsii.String("Api"), jsii.String("shop/api")),
	}}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Empty(t, synthtest.Errors(stack))
	v := variables(t, stack)
	assert.Equal(t, "ci/docker-bake.hcl", v["LAYERCACHE_BAKE"])
	assert.Contains(t, v["LAYERCACHE_BAKE_IMAGES"], `"web":"`)
	assert.Contains(t, v["LAYERCACHE_BAKE_IMAGES"], `/shop/api"`)
	assert.Equal(t, "Build", v["LAYERCACHE_APP"], "no image's name is that of all")
	var pushes []string
	for _, statement := range synthtest.RolePolicy(t, stack) {
		if strings.Contains(statement, "ecr:PutImage") {
			pushes = append(pushes, statement)
		}
	}
	assert.Equal(t, []string{
		"Allow " + push + " on arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/shop/api",
		"Allow " + push + " on ${Web3C8945DB.Arn}",
		"Allow " + push + " on ${CacheRepository8754AB2F.Arn}",
	}, pushes, "to the images of the targets, to the cache, and to nothing else")
}

func TestABakeFileGetsNewRepositoriesForItsTargets(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	names := map[string]*string{}
	for i := range 30 {
		names[fmt.Sprintf("service-%02d", i)] = jsii.String(fmt.Sprintf("shop/service-%02d", i))
	}
	props.Bake = &imagebuild.Bake{ImageNames: &names, Images: &map[string]awsecr.IRepository{
		"api": awsecr.Repository_FromRepositoryName(stack, jsii.String("Api"), jsii.String("elsewhere/api")),
	}}
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Empty(t, synthtest.Errors(stack))
	var made []string
	for _, repository := range synthtest.Resources(stack, "AWS::ECR::Repository") {
		properties := repository["Properties"].(map[string]any)
		if name, ok := properties["RepositoryName"].(string); ok && strings.HasPrefix(name, "shop/") {
			made = append(made, name)
			assert.Contains(t, properties, "LifecyclePolicy", name)
		}
	}
	assert.Len(t, made, 30)
	assert.Contains(t, variables(t, stack)["LAYERCACHE_BAKE_IMAGES"], `"service-29":"`)
	assert.Contains(t, variables(t, stack)["LAYERCACHE_BAKE_IMAGES"], `/elsewhere/api"`)
	assert.Len(t, build.BakeImages(), 31)
	// The CDK moves what one policy cannot hold to others.
	var pushes int
	for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"} {
		for _, policy := range synthtest.Resources(stack, kind) {
			for _, statement := range synthtest.Statements(policy["Properties"].(map[string]any)["PolicyDocument"]) {
				if strings.Contains(statement, "ecr:PutImage") {
					pushes++
				}
			}
		}
	}
	assert.Equal(t, 32, pushes, "each image, and the cache")
}

func TestABakeFileIsChecked(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*imagebuild.ImageBuildProps, map[string]awsecr.IRepository)
		problem string
	}{
		{"no target", func(_ *imagebuild.ImageBuildProps, images map[string]awsecr.IRepository) { clear(images) }, "Bake: has no target"},
		{"a pattern with a new repository", func(props *imagebuild.ImageBuildProps, _ map[string]awsecr.IRepository) {
			props.Bake.ImageNames = &map[string]*string{"*": jsii.String("shop/web")}
		}, `Bake.ImageNames["*"]: is not a valid name`},
		{"a target with an existing and a new repository", func(props *imagebuild.ImageBuildProps, _ map[string]awsecr.IRepository) {
			props.Bake.ImageNames = &map[string]*string{"api": jsii.String("shop/api")}
		}, `Bake.ImageNames["api"]: has a repository in Images already`},
		{"a name that ECR refuses", func(props *imagebuild.ImageBuildProps, _ map[string]awsecr.IRepository) {
			props.Bake.ImageNames = &map[string]*string{"web": jsii.String("Shop/Web")}
		}, `Bake.ImageNames["web"]: "Shop/Web" is not a name of an ECR repository`},
		{"one new repository twice", func(props *imagebuild.ImageBuildProps, _ map[string]awsecr.IRepository) {
			props.Bake.ImageNames = &map[string]*string{"web": jsii.String("shop/web"), "worker": jsii.String("shop/web")}
		}, `Bake.ImageNames["worker"]: is the repository of web too`},
		{"a new repository with the name of the cache", func(props *imagebuild.ImageBuildProps, _ map[string]awsecr.IRepository) {
			props.Cache = cacherepo.NewCacheRepository(awscdk.Stack_Of(props.Cache), jsii.String("Named"), &cacherepo.CacheRepositoryProps{RepositoryName: jsii.String("caches")})
			props.Bake.ImageNames = &map[string]*string{"web": jsii.String("caches")}
		}, `Bake.ImageNames["web"]: is the cache repository`},
		{"a base image that the build pushes", func(props *imagebuild.ImageBuildProps, images map[string]awsecr.IRepository) {
			props.Triggers = &imagebuild.Triggers{BaseImages: &[]*imagebuild.BaseImage{{Repository: images["api"]}}}
		}, "every build would start another one"},
		{"a pattern", func(_ *imagebuild.ImageBuildProps, images map[string]awsecr.IRepository) { images["*"] = images["api"] }, `Bake.Images["*"]: is not a valid name`},
		{"no repository", func(_ *imagebuild.ImageBuildProps, images map[string]awsecr.IRepository) { images["web"] = nil }, `Bake.Images["web"]: has no repository`},
		{"one repository twice", func(_ *imagebuild.ImageBuildProps, images map[string]awsecr.IRepository) {
			images["web"] = images["api"]
		}, "both would push the same tags"},
		{"the cache repository", func(props *imagebuild.ImageBuildProps, images map[string]awsecr.IRepository) {
			images["web"] = props.Cache.Repository()
		}, "is the cache repository"},
		{"a file outside of the source", func(props *imagebuild.ImageBuildProps, _ map[string]awsecr.IRepository) {
			props.Bake.File = jsii.String("../docker-bake.hcl")
		}, "Bake.File"},
		{"a stage", func(props *imagebuild.ImageBuildProps, _ map[string]awsecr.IRepository) {
			props.Build = &imagebuild.BuildOptions{Target: jsii.String("x")}
		}, "Build.Target"},
		{"a batch", func(props *imagebuild.ImageBuildProps, _ map[string]awsecr.IRepository) {
			props.Build = &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64", "linux/arm64")}
		}, "Build.Platforms"},
		{"pull requests", func(props *imagebuild.ImageBuildProps, _ map[string]awsecr.IRepository) {
			props.PullRequests = &imagebuild.PullRequests{}
		}, "is not possible with builds of pull requests"},
		{"a cache in the image", func(props *imagebuild.ImageBuildProps, _ map[string]awsecr.IRepository) {
			props.Cache, props.CacheMode = nil, imagebuild.InlineCache
		}, "Bake builds several images"},
	} {
		t.Run(c.name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			images := map[string]awsecr.IRepository{"api": awsecr.NewRepository(stack, jsii.String("Api"), nil)}
			props.Bake = &imagebuild.Bake{Images: &images}
			c.change(props, images)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Contains(t, strings.Join(synthtest.Errors(stack), "\n"), c.problem)
		})
	}
}
