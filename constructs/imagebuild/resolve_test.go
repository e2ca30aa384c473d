package imagebuild

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
)

func TestDefaultsOfTheProps(t *testing.T) {
	assert.Equal(t, &resolved{
		image:        imageOptions{tags: []string{"latest"}, compression: Gzip, attestations: ImageManifestAttestations},
		cache:        cacheOptions{mode: RegistryCache, prefix: "layercache/", write: true, policy: "advise", compression: Auto, mounts: mountOptions{ids: []string{"auto"}}, fallbackBranch: "main"},
		build:        buildOptions{dockerfile: "Dockerfile", context: "."},
		machine:      machineOptions{architecture: AMD64, images: defaultImages, computeType: awscodebuild.ComputeType_MEDIUM, builder: AutoBuilder},
		logs:         logOptions{retention: awslogs.RetentionDays_ONE_MONTH},
		pullRequests: pullRequestOptions{approval: ForkApproval, rolePath: "/"},
		rolePath:     "/",
	}, resolve(nil))
}

func TestDefaultsThatDependOnOtherProps(t *testing.T) {
	for name, c := range map[string]struct {
		props ImageBuildProps
		get   func(*resolved) any
		want  any
	}{
		"a Docker server has a size and the builder": {
			ImageBuildProps{DockerServer: &DockerServer{}},
			func(r *resolved) any { return []any{r.machine.dockerServer.computeType, r.machine.builder} },
			[]any{awscodebuild.DockerServerComputeType_MEDIUM, DockerBuilder},
		},
		"a local cache needs Docker's builder": {
			ImageBuildProps{CacheMode: LocalCache},
			func(r *resolved) any { return r.machine.builder }, DockerBuilder,
		},
		"two platforms are a batch in any order": {
			ImageBuildProps{Build: &BuildOptions{Platforms: jsii.Strings("linux/arm64", "linux/amd64")}},
			func(r *resolved) any { return r.build.batch }, true,
		},
		"two cross-compiled platforms are one build": {
			ImageBuildProps{Build: &BuildOptions{Platforms: jsii.Strings("linux/arm64", "linux/amd64"), CrossCompile: jsii.Bool(true)}},
			func(r *resolved) any { return r.build.batch }, false,
		},
		"pull requests have the limit of release builds": {
			ImageBuildProps{ConcurrentBuildLimit: jsii.Number(3), PullRequests: &PullRequests{}},
			func(r *resolved) any { return *r.pullRequests.concurrentBuilds }, 3.0,
		},
		"pull requests without an image have no tags": {
			ImageBuildProps{PullRequests: &PullRequests{}},
			func(r *resolved) any { return r.pullRequests.tags }, []string(nil),
		},
		"an environment that is set to nothing is not nil": {
			ImageBuildProps{PullRequests: &PullRequests{Environment: &map[string]*string{}}},
			func(r *resolved) any { return r.pullRequests.environment }, map[string]string{},
		},
		"a webhook builds pushes to the fallback branch": {
			ImageBuildProps{FallbackBranch: jsii.String("v1.0"), Triggers: &Triggers{Webhook: &Webhook{}}},
			func(r *resolved) any { return r.triggers.releaseFilters },
			[]eventGroup{{
				[]awscodebuild.EventAction{awscodebuild.EventAction_PUSH},
				[]eventCondition{{kind: HeadRef, pattern: `^refs/heads/v1\.0$`}},
			}},
		},
		"a webhook makes a project for pull requests": {
			ImageBuildProps{Triggers: &Triggers{Webhook: &Webhook{}}},
			func(r *resolved) any { return r.pullRequests.enabled }, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, c.get(resolve(&c.props)))
		})
	}
}
