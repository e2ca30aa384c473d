package stacks_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
	"github.com/layercache/layercache/stacks"
)

const push = "ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:BatchCheckLayerAvailability ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage"

const oneBuild = `"builds":[{"name":"api","source":{"directory":"api"},"helperZip":"helper.zip"}]`

func synth(t *testing.T, text string) (*stacks.CacheStack, *stacks.BuildStack) {
	t.Helper()
	inProject(t)
	config, problems := read(t, text)
	require.Empty(t, problems)
	cache, build := config.AddTo(awscdk.NewApp(nil))
	assert.Empty(t, synthtest.Errors(cache.Stack))
	assert.Empty(t, synthtest.Errors(build.Stack))
	return cache, build
}

func TestOneAccount(t *testing.T) {
	cache, build := synth(t, `{`+oneBuild+`}`)

	assert.Equal(t, "layercache-cache", *cache.StackName())
	assert.Equal(t, "layercache-build", *build.StackName())
	repository := synthtest.Properties(t, cache.Stack, "AWS::ECR::Repository")
	assert.Equal(t, "layercache/cache", repository["RepositoryName"])
	assert.NotContains(t, repository, "RepositoryPolicyText")
	assert.Equal(t, "layercache/api", synthtest.Properties(t, build.Stack, "AWS::ECR::Repository")["RepositoryName"])
	assert.Equal(t, "/layercache/build/", synthtest.Properties(t, build.Stack, "AWS::IAM::Role")["Path"])
	assert.Contains(t, synthtest.RolePolicy(t, build.Stack),
		"Allow "+push+" on arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/layercache/cache")
	assert.Equal(t, "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/layercache/cache", variable(t, build, "LAYERCACHE_REPOSITORY"))
	assert.Equal(t, "api", variable(t, build, "LAYERCACHE_APP"))
	assert.Contains(t, variable(t, build, "LAYERCACHE_MIRRORS"), "/ecr-public,registry.k8s.io=")
	assert.Len(t, synthtest.Resources(build.Stack, "AWS::ECR::PullThroughCacheRule"), 3)
	assert.Len(t, *build.Dependencies(), 1)
	assert.Contains(t, build.Builds(), "api")
	assert.NotNil(t, cache.Cache())
}

func TestTwoAccountsNeedNoReferenceBetweenTheirStacks(t *testing.T) {
	cache, build := synth(t, `{"name":"team","cache":{"account":"111111111111","region":"eu-central-1"},
		"build":{"account":"222222222222","region":"eu-west-1"},`+oneBuild+`}`)

	assert.Equal(t, []string{
		"Allow " + push + " to AWS=arn:${AWS::Partition}:iam::222222222222:root" +
			" if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::222222222222:role/team/build/*",
	}, synthtest.Statements(synthtest.Properties(t, cache.Stack, "AWS::ECR::Repository")["RepositoryPolicyText"]))
	assert.Contains(t, synthtest.RolePolicy(t, build.Stack),
		"Allow "+push+" on arn:${AWS::Partition}:ecr:eu-central-1:111111111111:repository/team/cache")
	assert.Equal(t, "/team/build/", synthtest.Properties(t, build.Stack, "AWS::IAM::Role")["Path"])
	assert.Equal(t, "111111111111.dkr.ecr.eu-central-1.${AWS::URLSuffix}/team/cache", variable(t, build, "LAYERCACHE_REPOSITORY"))
	assert.Equal(t, "public.ecr.aws=222222222222.dkr.ecr.eu-west-1.${AWS::URLSuffix}/ecr-public",
		strings.Split(variable(t, build, "LAYERCACHE_MIRRORS"), ",")[0])
	assert.Empty(t, *build.Dependencies())
	for _, stack := range []awscdk.Stack{cache.Stack, build.Stack} {
		assert.NotContains(t, text(t, stack), "Fn::ImportValue")
		assert.NotContains(t, text(t, stack), `"Export"`)
	}
}

func TestTheBuildsSettingsReachTheirProject(t *testing.T) {
	_, build := synth(t, `{"builds":[{"name":"api","source":{"directory":"api"},"helperZip":"helper.zip","app":"shop","dockerfile":"docker/Dockerfile","context":"docker",
		"tag":"v1","fallbackBranch":"trunk","cacheWrite":false,"architecture":"arm64","computeType":"LARGE","timeoutMinutes":20,"logRetentionDays":7,"environment":{"A":"b"}}]}`)

	for name, want := range map[string]string{
		"LAYERCACHE_APP": "shop", "LAYERCACHE_DOCKERFILE": "docker/Dockerfile", "LAYERCACHE_CONTEXT": "docker", "LAYERCACHE_TAG": "v1",
		"LAYERCACHE_FALLBACK_BRANCH": "trunk", "LAYERCACHE_WRITE": "false", "A": "b",
	} {
		assert.Equal(t, want, variable(t, build, name), name)
	}
	project := synthtest.Properties(t, build.Stack, "AWS::CodeBuild::Project")
	assert.Equal(t, "ARM_CONTAINER", project["Environment"].(map[string]any)["Type"])
	assert.Equal(t, "BUILD_GENERAL1_LARGE", project["Environment"].(map[string]any)["ComputeType"])
	assert.Equal(t, 20.0, project["TimeoutInMinutes"])
	assert.Equal(t, 7.0, synthtest.Properties(t, build.Stack, "AWS::Logs::LogGroup")["RetentionInDays"])
}

func TestPullThroughCanBeNarrowedOrLeftOut(t *testing.T) {
	_, narrowed := synth(t, `{"pullThrough":{"prefixes":{"quay":"base/quay"}},`+oneBuild+`}`)
	assert.Equal(t, "base/quay", synthtest.Properties(t, narrowed.Stack, "AWS::ECR::PullThroughCacheRule")["EcrRepositoryPrefix"])

	_, without := synth(t, `{"pullThrough":{"enabled":false},`+oneBuild+`}`)
	assert.Empty(t, synthtest.Resources(without.Stack, "AWS::ECR::PullThroughCacheRule"))
	assert.Empty(t, variable(t, without, "LAYERCACHE_MIRRORS"))
	assert.NotContains(t, strings.Join(synthtest.RolePolicy(t, without.Stack), "\n"), "ecr:CreateRepository")
}

func TestNoTemplateNamesAPartitionOrADomain(t *testing.T) {
	cache, build := synth(t, `{"cache":{"account":"111111111111","region":"cn-north-1"},"build":{"account":"111111111111","region":"cn-north-1"},`+oneBuild+`}`)
	for _, stack := range []awscdk.Stack{cache.Stack, build.Stack} {
		template := strings.ReplaceAll(text(t, stack), `"Service":"codebuild.amazonaws.com"`, "")
		assert.NotContains(t, template, "arn:aws")
		assert.NotContains(t, template, "amazonaws.com")
	}
}

func variable(t *testing.T, build *stacks.BuildStack, name string) string {
	t.Helper()
	environment := synthtest.Properties(t, build.Stack, "AWS::CodeBuild::Project")["Environment"].(map[string]any)
	for _, v := range environment["EnvironmentVariables"].([]any) {
		if v.(map[string]any)["Name"] == name {
			return synthtest.Text(v.(map[string]any)["Value"])
		}
	}
	return ""
}

func text(t *testing.T, stack awscdk.Stack) string {
	t.Helper()
	template, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	require.NoError(t, err)
	return string(template)
}
