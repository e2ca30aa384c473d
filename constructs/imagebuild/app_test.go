package imagebuild_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestTwoImagesDoNotWriteOneCache(t *testing.T) {
	type props = *imagebuild.ImageBuildProps
	repository := func(s awscdk.Stack, name string) awsecr.IRepository {
		return awsecr.Repository_FromRepositoryName(s, jsii.String("Imported"+name), jsii.String(name))
	}
	for name, c := range map[string]struct {
		set  func(s awscdk.Stack, api, web props)
		want bool
	}{
		"one image repository for two Dockerfiles": {func(s awscdk.Stack, api, web props) {
			api.Image, api.Dockerfile, api.Tags = repository(s, "images"), jsii.String("api/Dockerfile"), jsii.Strings("api")
			web.Image, web.Dockerfile, web.Tags = api.Image, jsii.String("web/Dockerfile"), jsii.Strings("web")
		}, true},
		"one image repository with two tags": {func(s awscdk.Stack, api, web props) {
			api.Image, api.Tags = repository(s, "images"), jsii.Strings("api")
			web.Image, web.Tags = api.Image, jsii.Strings("web")
		}, true},
		"one image repository with an app for each": {func(s awscdk.Stack, api, web props) {
			api.Image, api.Tags = repository(s, "images"), jsii.Strings("api")
			web.Image, web.Tags, web.App = api.Image, jsii.Strings("web"), jsii.String("web")
		}, false},
		"two image repositories that end alike": {func(s awscdk.Stack, api, web props) {
			api.Image, web.Image = repository(s, "team-a/api"), repository(s, "team-b/api")
		}, true},
		"two targets with one app": {func(_ awscdk.Stack, api, web props) {
			api.App, web.App = jsii.String("shop"), jsii.String("shop")
			api.Build = &imagebuild.BuildOptions{Target: jsii.String("test")}
		}, true},
		"two builds of one image": {func(s awscdk.Stack, api, web props) {
			api.Image = repository(s, "images")
			web.Image = api.Image
		}, false},
		"a second build that writes no cache": {func(s awscdk.Stack, api, web props) {
			api.App, web.App, web.CacheWrite = jsii.String("shop"), jsii.String("shop"), jsii.Bool(false)
		}, false},
		"two architectures": {func(s awscdk.Stack, api, web props) {
			api.App, web.App = jsii.String("shop"), jsii.String("shop")
			web.Architecture = imagebuild.ARM64
		}, false},
		"a platform, and the machine's own": {func(s awscdk.Stack, api, web props) {
			api.App, web.App = jsii.String("shop"), jsii.String("shop")
			api.Build = &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64")}
		}, true},
		"two cache repositories": {func(s awscdk.Stack, api, web props) {
			api.App, web.App = jsii.String("shop"), jsii.String("shop")
			web.Cache = cacherepo.NewCacheRepository(s, jsii.String("Other"), nil)
		}, false},
		"names that CloudFormation makes": {func(awscdk.Stack, props, props) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			api := newProps(t, stack)
			web := *api
			c.set(stack, api, &web)
			imagebuild.NewImageBuild(stack, jsii.String("Api"), api)
			imagebuild.NewImageBuild(stack, jsii.String("Web"), &web)
			errors := synthtest.Errors(stack)
			if !c.want {
				assert.Empty(t, errors)
				return
			}
			if assert.Len(t, errors, 1) {
				assert.Regexp(t, `^Test/Web: App: "\w+" is the App of Test/Api too, which builds another image and writes the same cache: .*; set another App for one of them$`, errors[0])
			}
		})
	}
}
