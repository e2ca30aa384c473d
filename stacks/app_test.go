package stacks_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
	"github.com/layercache/layercache/stacks"
)

const push = "ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:BatchCheckLayerAvailability ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage"

const oneBuild = `"builds":[{"name":"api","source":{"directory":"api"},"helperZip":"helper.zip"}]`

func synthApp(t *testing.T, text string) *stacks.App {
	t.Helper()
	inProject(t)
	config, problems := read(t, text)
	require.Empty(t, problems)
	app := config.AddTo(awscdk.NewApp(nil))
	for _, cache := range app.Caches {
		assert.Empty(t, synthtest.Errors(cache.Stack))
	}
	for _, build := range app.Builds {
		assert.Empty(t, synthtest.Errors(build.Stack))
	}
	return app
}

func synth(t *testing.T, text string) (*stacks.CacheStack, *stacks.BuildStack) {
	t.Helper()
	app := synthApp(t, text)
	require.Len(t, app.Caches, 1)
	require.Len(t, app.Builds, 1)
	return app.Caches[0], app.Builds[0]
}

// repositories returns the properties of the repositories of a stack by name.
func repositories(stack awscdk.Stack) map[string]map[string]any {
	found := map[string]map[string]any{}
	for _, resource := range synthtest.Resources(stack, "AWS::ECR::Repository") {
		properties := resource["Properties"].(map[string]any)
		found[properties["RepositoryName"].(string)] = properties
	}
	return found
}

// policyOf returns the policy of a repository of a stack, a line for each statement.
func policyOf(stack awscdk.Stack, repository string) []string {
	document, ok := repositories(stack)[repository]["RepositoryPolicyText"]
	if !ok {
		return nil
	}
	return synthtest.Statements(document)
}

func TestOneAccount(t *testing.T) {
	cache, build := synth(t, `{`+oneBuild+`}`)

	assert.Equal(t, "layercache-cache", *cache.StackName())
	assert.Equal(t, "layercache-build", *build.StackName())
	caches := repositories(cache.Stack)
	require.Len(t, caches, 2)
	for _, name := range []string{"layercache/cache/dev", "layercache/cache/prod"} {
		require.Contains(t, caches, name)
		assert.NotContains(t, caches[name], "RepositoryPolicyText")
	}
	assert.Equal(t, "layercache/api", synthtest.Properties(t, build.Stack, "AWS::ECR::Repository")["RepositoryName"])
	assert.Equal(t, "/layercache/build/", synthtest.Properties(t, build.Stack, "AWS::IAM::Role")["Path"])
	assert.Contains(t, synthtest.RolePolicy(t, build.Stack),
		"Allow "+push+" on arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/layercache/cache/prod")
	assert.Equal(t, "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/layercache/cache/prod", variable(t, build, "LAYERCACHE_REPOSITORY"))
	assert.Equal(t, "api", variable(t, build, "LAYERCACHE_APP"))
	assert.Contains(t, variable(t, build, "LAYERCACHE_MIRRORS"), "/ecr-public,registry.k8s.io=")
	assert.Len(t, synthtest.Resources(build.Stack, "AWS::ECR::PullThroughCacheRule"), 3)
	assert.Len(t, *build.Dependencies(), 1)
	assert.Contains(t, build.Builds(), "api")
	assert.NotNil(t, cache.Cache("dev"))
	assert.Nil(t, cache.Cache("pr"))
}

func TestTwoAccountsNeedNoReferenceBetweenTheirStacks(t *testing.T) {
	cache, build := synth(t, `{"name":"team","cache":{"account":"111111111111","region":"eu-central-1"},
		"build":{"account":"222222222222","region":"eu-west-1"},`+oneBuild+`}`)

	assert.Equal(t, []string{
		"Allow " + push + " to AWS=arn:${AWS::Partition}:iam::222222222222:root" +
			" if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::222222222222:role/team/build/*",
	}, policyOf(cache.Stack, "team/cache/prod"))
	assert.Empty(t, policyOf(cache.Stack, "team/cache/dev"))
	assert.Contains(t, synthtest.RolePolicy(t, build.Stack),
		"Allow "+push+" on arn:${AWS::Partition}:ecr:eu-central-1:111111111111:repository/team/cache/prod")
	assert.Equal(t, "/team/build/", synthtest.Properties(t, build.Stack, "AWS::IAM::Role")["Path"])
	assert.Equal(t, "111111111111.dkr.ecr.eu-central-1.${AWS::URLSuffix}/team/cache/prod", variable(t, build, "LAYERCACHE_REPOSITORY"))
	assert.Equal(t, "public.ecr.aws=222222222222.dkr.ecr.eu-west-1.${AWS::URLSuffix}/ecr-public",
		strings.Split(variable(t, build, "LAYERCACHE_MIRRORS"), ",")[0])
	assert.Empty(t, *build.Dependencies())
	for _, stack := range []awscdk.Stack{cache.Stack, build.Stack} {
		assert.NotContains(t, text(t, stack), "Fn::ImportValue")
		assert.NotContains(t, text(t, stack), `"Export"`)
	}
}

func TestABuildThatIsDeployedHasItsDigestAsAnOutput(t *testing.T) {
	_, build := synth(t, `{"builds":[
		{"name":"api","source":{"directory":"api"},"helperZip":"helper.zip","deploy":{"functionZip":"helper.zip"}},
		{"name":"web","source":{"directory":"api"},"helperZip":"helper.zip"}]}`)
	var outputs []string
	for _, output := range (*assertions.Template_FromStack(build.Stack, nil).ToJSON())["Outputs"].(map[string]any) {
		outputs = append(outputs, synthtest.Text(output.(map[string]any)["Value"]))
	}
	assert.Len(t, synthtest.Resources(build.Stack, "Custom::LayercacheImage"), 1)
	assert.Contains(t, fmt.Sprint(outputs), ".ImageDigest}")
	assert.Contains(t, fmt.Sprint(outputs), ".Verdict}")
	assert.Len(t, outputs, 6)
}

func TestABakeFileHasARepositoryForEachTarget(t *testing.T) {
	_, build := synth(t, `{"name":"team","builds":[{"name":"shop","source":{"github":"acme/shop"},"webhook":true,"pullRequests":false,"helperZip":"helper.zip",
		"bake":{"file":"ci/compose.yaml","targets":["api","Web"],"images":{"worker":"jobs/worker"}}}]}`)

	var names []string
	for name := range repositories(build.Stack) {
		names = append(names, name)
	}
	assert.ElementsMatch(t, []string{"team/shop/api", "team/shop/web"}, names, "and none for the build itself")
	assert.Equal(t, "ci/compose.yaml", variable(t, build, "LAYERCACHE_BAKE"))
	assert.Equal(t, "shop", variable(t, build, "LAYERCACHE_APP"))
	images := variable(t, build, "LAYERCACHE_BAKE_IMAGES")
	for _, target := range []string{`"api":"`, `"Web":"`, `"worker":"`} {
		assert.Contains(t, images, target)
	}
	assert.Contains(t, images, `/jobs/worker"`)
	assert.Contains(t, synthtest.RolePolicy(t, build.Stack), "Allow "+push+" on arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/jobs/worker")
	outputs := (*assertions.Template_FromStack(build.Stack, nil).ToJSON())["Outputs"].(map[string]any)
	assert.Len(t, outputs, 4, "the project and three images")
}

func TestSharedCachesAreExported(t *testing.T) {
	exports := func(stack awscdk.Stack) []string {
		var names []string
		for _, output := range (*assertions.Template_FromStack(stack, nil).ToJSON())["Outputs"].(map[string]any) {
			if export, ok := output.(map[string]any)["Export"].(map[string]any); ok {
				names = append(names, export["Name"].(string))
			}
		}
		return names
	}
	for _, c := range []struct {
		name, cache string
		want        []string
	}{
		{"an object with a prebuilt helper", `{"tiers":{"prod":{}},"share":{"helperZip":"helper.zip"}}`,
			[]string{"team:prod:repository", "team:prod:write-policy", "team:prod:read-policy"}},
		{"each tier", `{"tiers":{"prod":{},"pr":{}},"share":{"enabled":true,"helperZip":"helper.zip"}}`,
			[]string{"team:prod:repository", "team:prod:write-policy", "team:prod:read-policy", "team:pr:repository", "team:pr:write-policy", "team:pr:read-policy"}},
		{"false", `{"share":false}`, nil},
		{"an object that says no", `{"share":{"enabled":false,"helperZip":"helper.zip"}}`, nil},
		{"not set", `{}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cache, build := synth(t, `{"name":"team","cache":`+c.cache+`,`+oneBuild+`}`)
			assert.ElementsMatch(t, c.want, exports(cache.Stack))
			assert.Empty(t, exports(build.Stack))
			var parameters []string
			for _, parameter := range synthtest.Resources(cache.Stack, "AWS::SSM::Parameter") {
				parameters = append(parameters, parameter["Properties"].(map[string]any)["Name"].(string))
			}
			if len(c.want) == 0 {
				assert.Empty(t, parameters)
				return
			}
			assert.ElementsMatch(t, []string{"/team/helper/amd64", "/team/helper/arm64"}, parameters)
		})
	}
}

func TestTheSettingsOfABuildReachItsProject(t *testing.T) {
	_, build := synth(t, `{"builds":[{"name":"api","source":{"directory":"api"},"helperZip":"helper.zip","app":"shop","dockerfile":"docker/Dockerfile","context":"docker",
		"tags":["v1","{commit}"],"target":"app","arguments":{"GO":"1.26"},"platforms":["linux/arm64"],"schedule":"rate(1 day)","metricsNamespace":"layercache","fallbackBranch":"trunk","cacheWrite":false,"cacheMounts":["modules","/root/.cache/go-build"],"cacheMountLimitMiB":500,"imageCompression":"zstd","attestations":"none","architecture":"arm64","buildImages":{"arm64":"aws/codebuild/amazonlinux-aarch64-standard:3.0"},"computeType":"LARGE","timeoutMinutes":20,"logRetentionDays":7,"environment":{"A":"b"}}]}`)

	for name, want := range map[string]string{
		"LAYERCACHE_APP": "shop", "LAYERCACHE_DOCKERFILE": "docker/Dockerfile", "LAYERCACHE_CONTEXT": "docker", "LAYERCACHE_TAGS": "v1,{commit}", "LAYERCACHE_TARGET": "app", "LAYERCACHE_PLATFORMS": "linux/arm64", "LAYERCACHE_BUILD_ARGS": `{"GO":"1.26"}`, "LAYERCACHE_METRICS_NAMESPACE": "layercache",
		"LAYERCACHE_FALLBACK_BRANCH": "trunk", "LAYERCACHE_WRITE": "false", "LAYERCACHE_MOUNTS": "modules,/root/.cache/go-build", "LAYERCACHE_MOUNT_LIMIT": "500MiB", "LAYERCACHE_IMAGE_COMPRESSION": "zstd", "LAYERCACHE_ATTESTATIONS": "none", "A": "b",
	} {
		assert.Equal(t, want, variable(t, build, name), name)
	}
	project := synthtest.Properties(t, build.Stack, "AWS::CodeBuild::Project")
	assert.Equal(t, "ARM_CONTAINER", project["Environment"].(map[string]any)["Type"])
	assert.Equal(t, "aws/codebuild/amazonlinux-aarch64-standard:3.0", project["Environment"].(map[string]any)["Image"])
	assert.Equal(t, "BUILD_GENERAL1_LARGE", project["Environment"].(map[string]any)["ComputeType"])
	assert.Equal(t, 20.0, project["TimeoutInMinutes"])
	assert.Equal(t, 7.0, synthtest.Properties(t, build.Stack, "AWS::Logs::LogGroup")["RetentionInDays"])
}

func TestPullThroughCanBeLimitedOrDisabled(t *testing.T) {
	_, narrowed := synth(t, `{"pullThrough":{"prefixes":{"quay":"base/quay"}},`+oneBuild+`}`)
	assert.Equal(t, "base/quay", synthtest.Properties(t, narrowed.Stack, "AWS::ECR::PullThroughCacheRule")["EcrRepositoryPrefix"])

	_, without := synth(t, `{"pullThrough":{"enabled":false},`+oneBuild+`}`)
	assert.Empty(t, synthtest.Resources(without.Stack, "AWS::ECR::PullThroughCacheRule"))
	assert.Empty(t, variable(t, without, "LAYERCACHE_MIRRORS"))
	assert.NotContains(t, strings.Join(synthtest.RolePolicy(t, without.Stack), "\n"), "ecr:CreateRepository")
}

func TestTemplatesContainNoPartitionOrDomain(t *testing.T) {
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

func TestThreeAccountsShareTheCachesOfTwoTiers(t *testing.T) {
	app := synthApp(t, `{"name":"team","cache":{"account":"111111111111","region":"eu-central-1"},"environments":[
		{"name":"dev","account":"222222222222","region":"eu-central-1"},{"name":"prod","account":"333333333333","region":"eu-central-1"}],`+oneBuild+`}`)

	require.Len(t, app.Caches, 1)
	require.Len(t, app.Builds, 2)
	cache := app.Caches[0].Stack
	for i, env := range []struct{ name, account string }{{"dev", "222222222222"}, {"prod", "333333333333"}} {
		build := app.Builds[i]
		assert.Equal(t, "team-build-"+env.name, *build.StackName())
		assert.Equal(t, []string{
			"Allow " + push + " to AWS=arn:${AWS::Partition}:iam::" + env.account + ":root" +
				" if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::" + env.account + ":role/team/build/" + env.name + "/*",
		}, policyOf(cache, "team/cache/"+env.name))
		assert.Contains(t, synthtest.RolePolicy(t, build.Stack),
			"Allow "+push+" on arn:${AWS::Partition}:ecr:eu-central-1:111111111111:repository/team/cache/"+env.name)
		assert.NotContains(t, text(t, build.Stack), "Fn::ImportValue")
		assert.NotContains(t, text(t, build.Stack), `"Export"`)
		assert.Empty(t, *build.Dependencies())
	}
}

func TestBuildsUseTheCachesOfTheirRegion(t *testing.T) {
	app := synthApp(t, `{"cache":{"account":"111111111111","regions":["eu-central-1","us-east-1"],"tiers":{"prod":{}}},"environments":[
		{"name":"eu","account":"222222222222","region":"eu-central-1"},
		{"name":"us","account":"111111111111","region":"us-east-1"},
		{"name":"ap","account":"222222222222","region":"ap-east-1"}],`+oneBuild+`}`)

	require.Len(t, app.Caches, 2)
	assert.Equal(t, "layercache-cache-eu-central-1", *app.Caches[0].StackName())
	assert.Equal(t, "layercache-cache-us-east-1", *app.Caches[1].StackName())
	for i, region := range []string{"eu-central-1", "us-east-1", "eu-central-1"} {
		assert.Equal(t, "111111111111.dkr.ecr."+region+".${AWS::URLSuffix}/layercache/cache/prod", variable(t, app.Builds[i], "LAYERCACHE_REPOSITORY"))
	}
	assert.Len(t, policyOf(app.Caches[0].Stack, "layercache/cache/prod"), 2, "eu and ap")
	assert.Empty(t, policyOf(app.Caches[1].Stack, "layercache/cache/prod"), "us is in the account of the caches")
	assert.Len(t, *app.Builds[1].Dependencies(), 1)
}

func TestADashboardHasANameOfItsOwnInItsAccount(t *testing.T) {
	app := synthApp(t, `{"cache":{"account":"111111111111","region":"eu-central-1","tiers":{"prod":{}}},"dashboard":{"name":"caches"},"environments":[
		{"name":"eu","account":"222222222222","region":"eu-central-1"},
		{"name":"us","account":"222222222222","region":"us-east-1"},
		{"name":"test","account":"333333333333","region":"eu-central-1"}],`+oneBuild+`}`)

	var names []any
	for _, stack := range app.Dashboards {
		names = append(names, synthtest.Properties(t, stack, "AWS::CloudWatch::Dashboard")["DashboardName"])
	}
	assert.Equal(t, []any{"caches-eu-central-1", "caches-us-east-1", "caches"}, names)
}

func TestAnOrganizationReadsAndItsUnitsWrite(t *testing.T) {
	cache, _ := synth(t, `{"cache":{"account":"111111111111","region":"eu-central-1","encryption":"KMS","tiers":{"prod":{
		"readers":[{"organizationId":"o-a1b2c3d4e5"}],
		"writers":[{"organizationPaths":["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"],"rolePath":"/layercache/build/"}]}}},
		"build":{"account":"111111111111","region":"eu-central-1"},`+oneBuild+`}`)

	assert.Equal(t, []string{
		"Allow ecr:BatchGetImage ecr:GetDownloadUrlForLayer to AWS=* if StringEquals=aws:PrincipalOrgID=o-a1b2c3d4e5",
		"Allow " + push + " to AWS=* if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::*:role/layercache/build/*," +
			"ForAnyValue:StringLike=aws:PrincipalOrgPaths=o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*",
	}, policyOf(cache.Stack, "layercache/cache/prod"))
	assert.Equal(t, map[string]any{"EncryptionType": "KMS"}, repositories(cache.Stack)["layercache/cache/prod"]["EncryptionConfiguration"])
}

func TestPullRequestsReadTheReleaseTierAndWriteTheirOwn(t *testing.T) {
	const source = `"builds":[{"name":"api","source":{"github":"acme/api"},"webhook":true,"helperZip":"helper.zip"}]`
	app := synthApp(t, `{"name":"team","cache":{"account":"111111111111","region":"eu-central-1","tiers":{"prod":{},"pr":{}}},
		"build":{"account":"222222222222","region":"eu-central-1","pullRequestTier":"pr"},`+source+`}`)

	const pull = "ecr:BatchGetImage ecr:GetDownloadUrlForLayer"
	role := func(path string) string {
		return " to AWS=arn:${AWS::Partition}:iam::222222222222:root if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::222222222222:role/team/" + path + "*"
	}
	cache := app.Caches[0].Stack
	assert.Equal(t, []string{"Allow " + pull + role("pull-request/"), "Allow " + push + role("build/")}, policyOf(cache, "team/cache/prod"))
	assert.Equal(t, []string{"Allow " + push + role("pull-request/")}, policyOf(cache, "team/cache/pr"))

	policies := map[string][]string{}
	for id, policy := range synthtest.Resources(app.Builds[0].Stack, "AWS::IAM::Policy") {
		policies[strings.Split(id, "Role")[0]] = synthtest.Statements(policy["Properties"].(map[string]any)["PolicyDocument"])
	}
	const arn = "arn:${AWS::Partition}:ecr:eu-central-1:111111111111:repository/team/cache/"
	require.Len(t, policies, 2)
	assert.Contains(t, policies["api"], "Allow "+push+" on "+arn+"prod")
	assert.NotContains(t, strings.Join(policies["api"], "\n"), arn+"pr\n")
	assert.Contains(t, policies["apiPullRequest"], "Allow "+pull+" on "+arn+"prod")
	assert.Contains(t, policies["apiPullRequest"], "Allow "+push+" on "+arn+"pr")
}

func TestPullRequestsCanBeDisabledInAnEnvironment(t *testing.T) {
	app := synthApp(t, `{"cache":{"account":"111111111111","region":"eu-central-1"},"environments":[
		{"name":"dev","account":"222222222222","region":"eu-central-1"},{"name":"prod","account":"333333333333","region":"eu-central-1","pullRequests":false}],
		"builds":[{"name":"api","source":{"github":"acme/api"},"webhook":true,"fallbackBranch":"release/1.x","helperZip":"helper.zip"}]}`)

	assert.Len(t, synthtest.Resources(app.Builds[0].Stack, "AWS::CodeBuild::Project"), 2)
	assert.Len(t, policyOf(app.Caches[0].Stack, "layercache/cache/dev"), 2)
	assert.Len(t, policyOf(app.Caches[0].Stack, "layercache/cache/prod"), 1)
	project := synthtest.Properties(t, app.Builds[1].Stack, "AWS::CodeBuild::Project")
	assert.Equal(t, []any{[]any{
		map[string]any{"Type": "EVENT", "Pattern": "PUSH"},
		map[string]any{"Type": "HEAD_REF", "Pattern": `^refs/heads/release/1\.x$`},
	}}, project["Triggers"].(map[string]any)["FilterGroups"])
}

func TestBuildsOfPullRequestsHaveAnEnvironmentOfTheirOwn(t *testing.T) {
	_, build := synth(t, `{"builds":[{"name":"api","source":{"github":"acme/api"},"webhook":true,"helperZip":"helper.zip",
		"environment":{"OF_RELEASES":"1"},"pullRequestEnvironment":{"OF_PULL_REQUESTS":"1"},"pullRequestConcurrentBuilds":4}]}`)

	for id, want := range map[string]struct {
		variable string
		limit    any
	}{"apiProject": {"OF_RELEASES", nil}, "apiPullRequestProject": {"OF_PULL_REQUESTS", 4.0}} {
		for name, project := range synthtest.Resources(build.Stack, "AWS::CodeBuild::Project") {
			if !strings.HasPrefix(name, id) {
				continue
			}
			properties := project["Properties"].(map[string]any)
			var own []string
			for _, v := range properties["Environment"].(map[string]any)["EnvironmentVariables"].([]any) {
				if variable := v.(map[string]any)["Name"].(string); strings.HasPrefix(variable, "OF_") {
					own = append(own, variable)
				}
			}
			assert.Equal(t, []string{want.variable}, own, id)
			assert.Equal(t, want.limit, properties["ConcurrentBuildLimit"], id)
		}
	}
}

func TestUpstreamsWithASecret(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:ecr-pullthroughcache/docker-hub"
	for name, c := range map[string]struct{ secret, want string }{
		"by its name": {"ecr-pullthroughcache/docker-hub", "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:ecr-pullthroughcache/docker-hub"},
		"by its ARN":  {arn + "-AbCdEf", arn + "-AbCdEf"},
		"by its ARN without the suffix that Secrets Manager adds": {arn, arn},
	} {
		t.Run(name, func(t *testing.T) {
			_, build := synth(t, `{"pullThrough":{"secrets":{"docker-hub":"`+c.secret+`"}},`+oneBuild+`}`)
			assert.Empty(t, synthtest.Errors(build.Stack))
			rules := synthtest.Resources(build.Stack, "AWS::ECR::PullThroughCacheRule")
			require.Len(t, rules, 4)
			var credentials []string
			for _, rule := range rules {
				if arn, ok := rule["Properties"].(map[string]any)["CredentialArn"]; ok {
					credentials = append(credentials, synthtest.Text(arn))
				}
			}
			assert.Equal(t, []string{c.want}, credentials)
			assert.Contains(t, variable(t, build, "LAYERCACHE_MIRRORS"), "docker.io=")
		})
	}
}

func TestRegionsWithoutPullThroughCacheGetNone(t *testing.T) {
	_, build := synth(t, `{"cache":{"account":"111111111111","region":"cn-north-1"},"build":{"account":"111111111111","region":"cn-north-1"},`+oneBuild+`}`)
	assert.Empty(t, synthtest.Resources(build.Stack, "AWS::ECR::PullThroughCacheRule"))
	assert.Empty(t, variable(t, build, "LAYERCACHE_MIRRORS"))
}

func TestCacheAndBuildStacksWithoutAConfig(t *testing.T) {
	cache := stacks.NewCacheStack(awscdk.NewApp(nil), jsii.String("Cache"), nil)
	assert.Contains(t, repositories(cache.Stack), "layercache/cache/dev")
	assert.Contains(t, repositories(cache.Stack), "layercache/cache/prod")
}

// A function rolls out to a few consumers, so a build with many has several functions.
func TestTheOutputNamesEveryFunctionThatRollsOut(t *testing.T) {
	for _, c := range []struct{ consumers, functions int }{{9, 1}, {10, 2}} {
		t.Run(fmt.Sprint(c.consumers, " consumers"), func(t *testing.T) {
			var names []string
			for i := range c.consumers {
				names = append(names, fmt.Sprintf("%q", fmt.Sprint("shop", i)))
			}
			_, build := synth(t, strings.Replace(`{`+oneBuild+`}`, `"helperZip"`, `"rollOut":{"functions":[`+strings.Join(names, ",")+`],"functionZip":"helper.zip"},"helperZip"`, 1))
			outputs := (*assertions.Template_FromStack(build.Stack, nil).ToJSON())["Outputs"].(map[string]any)
			for id, output := range outputs {
				if strings.Contains(id, "RollOutFunction") {
					assert.Equal(t, c.functions, strings.Count(synthtest.Text(output.(map[string]any)["Value"]), "LayercacheRollOut"), "%v", output)
					return
				}
			}
			assert.Fail(t, "no output names the functions", "%v", outputs)
		})
	}
}
