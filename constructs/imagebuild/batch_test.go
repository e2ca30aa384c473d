package imagebuild_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

// newBatchProps returns valid props for two platforms, with a helper for each.
func newBatchProps(t *testing.T, stack awscdk.Stack) *imagebuild.ImageBuildProps {
	t.Helper()
	props := newProps(t, stack)
	dir := t.TempDir()
	for _, architecture := range []string{"amd64", "arm64"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, architecture+".zip"), []byte(architecture), 0o600))
	}
	props.HelperZip = jsii.String(filepath.Join(dir, "{arch}.zip"))
	props.Build = &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/arm64", "linux/amd64")}
	return props
}

func TestTwoPlatformsAreABatchWithAHelperPerArchitecture(t *testing.T) {
	stack := synthtest.Stack()
	props := newBatchProps(t, stack)
	props.ComputeType = awscodebuild.ComputeType_LARGE
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.True(t, build.IsBatch())
	p := project(t, stack, "BuildProject")
	assert.Equal(t, buildspecs.ImageBatch, p["Source"].(map[string]any)["BuildSpec"])
	config := p["BuildBatchConfig"].(map[string]any)
	assert.True(t, strings.HasPrefix(synthtest.Text(config["ServiceRole"]), "${BuildBatchRole"))
	assert.Equal(t, map[string]any{
		"ComputeTypesAllowed": []any{"BUILD_GENERAL1_LARGE", "BUILD_GENERAL1_SMALL"}, "MaximumBuildsAllowed": 3.0,
	}, config["Restrictions"])
	var identifiers []string
	for _, s := range p["SecondarySources"].([]any) {
		identifiers = append(identifiers, s.(map[string]any)["SourceIdentifier"].(string))
	}
	assert.Equal(t, []string{"layercache_amd64", "layercache_arm64"}, identifiers)
	helpers := helperKeys(p)
	assert.NotEqual(t, helpers[0], helpers[1])
	assert.NotContains(t, variablesOf(p), "LAYERCACHE_PLATFORMS", "each build of the batch sets its platform")
	assert.NotContains(t, variablesOf(p), "LAYERCACHE_USD_PER_MINUTE", "the machines have different prices")

	source := synthtest.Text(p["Source"].(map[string]any)["Location"])
	assert.Equal(t, append([]string{
		"Allow logs:CreateLogStream logs:PutLogEvents on ${BuildLogs04E75593.Arn}",
		"Allow ecr:GetAuthorizationToken on *",
		"Allow " + push + " on ${BuildImage47D28642.Arn}",
		"Allow " + push + " on ${CacheRepository8754AB2F.Arn}",
	}, helperStatements(source, helpers[0], helpers[1])...), policyOf(t, stack, releaseRole))
	assert.Equal(t, []string{
		"Allow codebuild:StartBuild codebuild:StopBuild codebuild:RetryBuild on ${BuildProject943F6A6A.Arn}",
	}, policyOf(t, stack, "BuildBatchRole"))
	assert.Equal(t, []string{
		"Allow sts:AssumeRole to Service=codebuild.amazonaws.com if StringEquals=aws:SourceAccount=${AWS::AccountId}",
	}, synthtest.Statements(resource(t, stack, "AWS::IAM::Role", "BuildBatchRole")["Properties"].(map[string]any)["AssumeRolePolicyDocument"]))
}

func TestAScheduleStartsABatchWithAStateMachine(t *testing.T) {
	stack := synthtest.Stack()
	props := newBatchProps(t, stack)
	props.Triggers = &imagebuild.Triggers{Schedule: awsevents.Schedule_Rate(awscdk.Duration_Days(jsii.Number(1))), RefreshOnSchedule: jsii.Bool(true)}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Equal(t, []string{"Allow states:StartExecution on ${BuildStartBatch9D51D8EB.Arn}"}, policyOf(t, stack, "BuildStartRole"))
	assert.Equal(t, []string{"Allow codebuild:StartBuildBatch on ${BuildProject943F6A6A.Arn}"}, policyOf(t, stack, "BuildStartBatchRole"))
	target := rule(t, stack, "BuildSchedule")["Targets"].([]any)[0].(map[string]any)
	assert.Equal(t, "${BuildStartBatch9D51D8EB.Arn}", synthtest.Text(target["Arn"]))
	assert.Equal(t, `{"EnvironmentVariablesOverride":[{"Name":"LAYERCACHE_REFRESH","Type":"PLAINTEXT","Value":"true"}]}`, target["Input"])
	machine := synthtest.Properties(t, stack, "AWS::StepFunctions::StateMachine")
	step := machine["Definition"].(map[string]any)["States"].(map[string]any)["StartBuildBatch"].(map[string]any)
	assert.Equal(t, "arn:${AWS::Partition}:states:::aws-sdk:codebuild:startBuildBatch", synthtest.Text(step["Resource"]))
	assert.Equal(t, "${BuildProject943F6A6A}", synthtest.Text(step["Parameters"].(map[string]any)["ProjectName"]))
}

func TestAWebhookStartsABatch(t *testing.T) {
	stack := synthtest.Stack()
	props := newBatchProps(t, stack)
	props.Source = imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), nil)
	props.Triggers = &imagebuild.Triggers{Webhook: &imagebuild.Webhook{}}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	for _, id := range []string{"BuildProject", "BuildPullRequestProject"} {
		assert.Equal(t, "BUILD_BATCH", project(t, stack, id)["Triggers"].(map[string]any)["BuildType"])
		assert.Contains(t, project(t, stack, id), "BuildBatchConfig")
	}
}

func TestACrossCompiledImageIsOneBuild(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Build = &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64", "linux/arm64", "linux/arm/v7"), CrossCompile: jsii.Bool(true)}
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.False(t, build.IsBatch())
	p := project(t, stack, "BuildProject")
	assert.Equal(t, "linux/amd64,linux/arm64,linux/arm/v7", variablesOf(p)["LAYERCACHE_PLATFORMS"])
	assert.NotContains(t, p, "BuildBatchConfig")
}

func TestProblemsOfPlatforms(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(awscdk.Stack, *imagebuild.ImageBuildProps)
		want []string
	}{
		"one zip for two architectures": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) { p.HelperZip = jsii.String("helper.zip") },
			[]string{`HelperZip: "helper.zip" is one zip, but Build.Platforms need two; write {arch} where their names differ`},
		},
		"tags that differ between the builds of a batch": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Tags = jsii.Strings("{commit}", "v1-{build}") },
			[]string{"Tags[1]: contains {build}, which differs between the platforms' builds; use {commit} or {branch}"},
		},
		"tags of pull requests that differ between the builds of a batch": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Source = imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), &imagebuild.GitOptions{ConnectionArn: jsii.String(connection)})
				p.Triggers = &imagebuild.Triggers{Webhook: &imagebuild.Webhook{}}
				p.PullRequests = &imagebuild.PullRequests{
					Image: awsecr.Repository_FromRepositoryName(s, jsii.String("Previews"), jsii.String("team/previews")), Tags: jsii.Strings("{commit}", "pr-{build}"),
				}
			},
			[]string{"PullRequests.Tags[1]: contains {build}, which differs between the platforms' builds; use {commit} or {branch}"},
		},
		"a Docker server and a fleet of one architecture": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.DockerServer = &imagebuild.DockerServer{}
				p.Fleet = awscodebuild.Fleet_FromFleetArn(s, jsii.String("Fleet"), jsii.String("arn:aws:codebuild:eu-west-1:111111111111:fleet/f:1"))
			},
			[]string{
				"Fleet: has one architecture, but Build.Platforms need two; leave it out, build one platform, or set Build.CrossCompile",
				"DockerServer: has one architecture, but Build.Platforms need two; leave it out, build one platform, or set Build.CrossCompile",
			},
		},
		"platforms without machines, of the wrong form, and listed twice": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Build.Platforms = jsii.Strings("linux/s390x", "windows", "linux/s390x")
			},
			[]string{
				`Build.Platforms[0]: CodeBuild has no machine for "linux/s390x"; set CrossCompile if the Dockerfile cross-compiles, or use linux/amd64 and linux/arm64`,
				`Build.Platforms[1]: "windows" has the wrong form; give a platform such as linux/arm64`,
				`Build.Platforms[2]: "linux/s390x" is listed twice; list it once`,
			},
		},
		"a platform that does not match the machine": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Build.Platforms = jsii.Strings("linux/arm64") },
			[]string{`Build.Platforms: linux/arm64 does not match Architecture "amd64"; change Architecture, or set CrossCompile if the Dockerfile cross-compiles`},
		},
		"an empty list of platforms": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Build.Platforms = &[]*string{} },
			[]string{"Build.Platforms: is empty; list a platform, or leave it out"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newBatchProps(t, stack)
			c.set(stack, props)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Equal(t, atBuild(c.want...), synthtest.Errors(stack))
		})
	}
}
