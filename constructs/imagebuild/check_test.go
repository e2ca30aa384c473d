package imagebuild_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestEveryProblemOfThePropsIsReportedTogether(t *testing.T) {
	stack := synthtest.Stack()
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), &imagebuild.ImageBuildProps{
		Source:         imagebuild.Source_Directory(jsii.String("no/such/directory"), nil),
		Image:          awsecr.Repository_FromRepositoryName(stack, jsii.String("Image"), jsii.String("team/api")),
		ImageName:      jsii.String("team/other"),
		App:            jsii.String("a b"),
		Tags:           jsii.Strings(":latest", "v1-{commit}"),
		FallbackBranch: jsii.String("main branch"),
		RolePath:       jsii.String("ci"),
		Dockerfile:     jsii.String("--output=/etc"),
		Context:        jsii.String("../other"),
		Architecture:   "mips",
		ComputeType:    awscodebuild.ComputeType_LAMBDA_1GB,
		Timeout:        awscdk.Duration_Seconds(jsii.Number(30)),
		HelperZip:      jsii.String("no/such.zip"),
		Environment: &map[string]*string{
			"A B": jsii.String("x"), "CODEBUILD_X": jsii.String("x"), "EMPTY": jsii.String(""), "LAYERCACHE_TAGS": jsii.String("x"), "FINE": jsii.String("x"),
		},
	})

	var want []string
	for _, problem := range []string{
		`Source: "no/such/directory" is not a directory; give the path of a directory, absolute or relative to the one that cdk runs in`,
		`Cache: is missing; give a cacherepo.CacheRepository`,
		`ImageName: is the name of a new repository, but Image gives one; set only one of them`,
		`App: "a b" has the wrong form; use at most 64 letters, digits, '.', '_' and '-'`,
		`FallbackBranch: "main branch" has the wrong form; give the name of a branch, such as main`,
		`RolePath: "ci" has the wrong form; start and end it with a slash, such as /ci/release/`,
		`Dockerfile: "--output=/etc" has the wrong form; give a path inside the source, from its root, such as docker/Dockerfile`,
		`Context: "../other" has the wrong form; give a path inside the source, from its root, such as . or services/api`,
		`Tags[0]: ":latest" has the wrong form; use at most 128 letters, digits, '.', '_' and '-', and the words {commit}, {branch} and {build}`,
		`Architecture: "mips" is unknown; use one of amd64, arm64`,
		`ComputeType: "LAMBDA_1GB" is not a size of a machine that runs a builder; use one of SMALL, MEDIUM, LARGE, X_LARGE, X2_LARGE`,
		`Timeout: 0.5 minutes is out of CodeBuild's range; give 5 to 2160 minutes`,
		`HelperZip: "no/such.zip" is not a file; give the path of a zip with layercache and buildkitd, or leave it out to compile both`,
		`Environment["A B"]: is not a valid name of a variable; use letters, digits and '_', and do not start it with CODEBUILD_`,
		`Environment["CODEBUILD_X"]: is not a valid name of a variable; use letters, digits and '_', and do not start it with CODEBUILD_`,
		`Environment["EMPTY"]: has no value; set a value, or leave it out`,
		`Environment["LAYERCACHE_TAGS"]: is set by Tags; set that instead`,
	} {
		want = append(want, "Test/Build: "+problem)
	}
	assert.Equal(t, want, synthtest.Errors(stack))
	assert.NotNil(t, build.Project().ProjectName())
	assert.NotNil(t, build.Role().RoleArn())
	assert.NotNil(t, build.LogGroup().LogGroupArn())
	assert.NotNil(t, build.Image().RepositoryUri())
}

func TestNilPropsLackASourceAndACache(t *testing.T) {
	stack := synthtest.Stack()
	imagebuild.NewImageBuild(stack, jsii.String("Build"), nil)
	assert.Equal(t, []string{
		"Test/Build: Source: is missing; give a source, such as imagebuild.Source_GitHub or imagebuild.Source_Directory",
		"Test/Build: Cache: is missing; give a cacherepo.CacheRepository",
	}, synthtest.Errors(stack))
}

func TestTheImageRepositoryMustNotBeTheCacheRepository(t *testing.T) {
	imported := func(s awscdk.Stack, account, region string) cacherepo.ICacheRepository {
		return cacherepo.CacheRepository_FromCacheRepositoryAttributes(s, jsii.String("Shared"), &cacherepo.CacheRepositoryAttributes{
			RepositoryName: jsii.String("team/x"), Account: jsii.String(account), Region: jsii.String(region),
		})
	}
	image := func(s awscdk.Stack) awsecr.IRepository {
		return awsecr.Repository_FromRepositoryArn(s, jsii.String("Image"), jsii.String("arn:aws:ecr:eu-west-1:111111111111:repository/team/x"))
	}
	for name, c := range map[string]struct {
		set  func(awscdk.Stack, *imagebuild.ImageBuildProps)
		prop string
	}{
		"the same construct": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Image = p.Cache.Repository() }, "Image",
		},
		"another import of the same repository": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Cache, p.Image = imported(s, "111111111111", "eu-west-1"), image(s)
			}, "Image",
		},
		"a new repository with the name of the cache": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Cache, p.ImageName = imported(s, "111111111111", "eu-west-1"), jsii.String("team/x")
			}, "ImageName",
		},
		"the same name in another account, which is another repository": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Cache, p.Image = imported(s, "222222222222", "eu-west-1"), image(s)
			}, "",
		},
		"the same name in another region, which is another repository": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Cache, p.Image = imported(s, "111111111111", "eu-west-2"), image(s)
			}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			c.set(stack, props)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			var want []string
			if c.prop != "" {
				want = []string{"Test/Build: " + c.prop + ": is the cache repository: pushing the image would overwrite the cache; use a separate repository for the images"}
			}
			assert.Equal(t, want, synthtest.Errors(stack))
		})
	}
}

// The CDK ends the synthesis itself for names that ECR accepts but that it does not create.
func TestTheNameOfANewImageRepositoryIsChecked(t *testing.T) {
	for _, name := range []string{"Team/shop", "team/shop--api", "team__shop", "a", "team/shop:1"} {
		stack := synthtest.Stack()
		props := newProps(t, stack)
		props.ImageName = jsii.String(name)
		imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
		assert.Equal(t, []string{
			fmt.Sprintf("Test/Build: ImageName: %q is not a name of an ECR repository; use 2 to 256 lower-case letters and digits with one '/', '.', '_' or '-' between them, such as team/shop", name),
		}, synthtest.Errors(stack))
	}
}
