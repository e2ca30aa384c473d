package cloud

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
	"github.com/layercache/layercache/test/kit/programs"
)

const buildID = "shop:11111111-2222-3333-4444-555555555555"

func TestTheExitStatusIsTheBuilds(t *testing.T) {
	for status, want := range map[string]struct {
		exit int
		log  string
	}{
		"SUCCEEDED": {0, "layercache: build " + buildID + " succeeded in 1 min 5 s\n"},
		"FAILED":    {1, "layercache: build " + buildID + " failed: BUILD: COMMAND_EXECUTION_ERROR: exit status 17\n"},
		"FAULT":     {1, "ended with an internal error of CodeBuild"},
		"TIMED_OUT": {1, "timed out"},
		"STOPPED":   {1, "was stopped"},
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			end := awsfake.Phase{Type: "BUILD", Status: status, Seconds: 9, Code: "COMMAND_EXECUTION_ERROR", Message: "exit status 17"}
			server := awsfake.Serve(t, awsfake.CodeBuild(&awsfake.Build{ID: buildID, Looks: []awsfake.Look{
				{Log: []string{"#1 \x1b[2Jbuilding\n"}},
				{Log: []string{"done\n"}, Status: status, Phases: []awsfake.Phase{end}, Exported: []string{"LAYERCACHE_VERDICT=used", "LAYERCACHE_HIT_RATIO=1.00"}},
			}}))
			got := layercache(t, environment(server.URL), "start", "shop", "--set", "LAYERCACHE_WRITE=false", "--follow")
			assert.Equal(t, want.exit, got.status, got.stderr)
			assert.Equal(t, "#1 building\ndone\n", got.stdout)
			assert.Contains(t, got.stderr, want.log)
			assert.Contains(t, got.stderr, "layercache: verdict used, hit ratio 1.00\n")
			assert.Equal(t, 1, strings.Count(got.stderr, buildID+" "), "the end must be reported once")
		})
	}
}

func TestWithoutFollowOnlyTheIDGoesToStandardOutput(t *testing.T) {
	server := awsfake.Serve(t, awsfake.CodeBuild(&awsfake.Build{ID: buildID, Looks: []awsfake.Look{{}}}))
	got := layercache(t, environment(server.URL), "start", "shop", "--set", "LAYERCACHE_WRIT=false")
	assert.Equal(t, 0, got.status, got.stderr)
	assert.Equal(t, buildID+"\n", got.stdout)
	assert.Contains(t, got.stderr, "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/111122223333/projects/shop/build/")
	assert.Contains(t, got.stderr, "did you mean LAYERCACHE_WRITE?")
	assert.Empty(t, server.Calls("BatchGetBuilds"))
}

func TestCtrlCLeavesTheBuildRunning(t *testing.T) {
	answers := awsfake.CodeBuild(&awsfake.Build{ID: buildID, Looks: []awsfake.Look{{Log: []string{"building\n"}}}})
	cmd := exec.Command(programs.Path(programs.Whole), "start", "shop", "--follow")
	log := answers["GetLogEvents"]
	answers["GetLogEvents"] = func(input map[string]any) (map[string]any, error) {
		_ = cmd.Process.Signal(syscall.SIGINT)
		return log(input)
	}
	server := awsfake.Serve(t, answers)
	cmd.Env = environment(server.URL)
	got := wait(t, cmd, cmd.Run)
	assert.Equal(t, 130, got.status, got.stderr)
	assert.Contains(t, got.stderr, "build "+buildID+" is still running (stop it with `aws codebuild stop-build --region eu-west-1 --id "+buildID+"`)")
	assert.Empty(t, server.Calls("StopBuild"))
}

func TestAMissingRegionOrSignInIsExplained(t *testing.T) {
	for missing, message := range map[string]string{
		"AWS_REGION=": "no AWS region: set it with --region or AWS_REGION", "AWS_ACCESS_KEY_ID=": "no AWS credentials: sign in",
	} {
		var environ []string
		for _, entry := range environment("http://localhost:1") {
			if !strings.HasPrefix(entry, missing) {
				environ = append(environ, entry)
			}
		}
		got := layercache(t, environ, "start", "shop")
		assert.Equal(t, 1, got.status)
		assert.Contains(t, got.stderr, message)
	}
}

func TestABuildOfMotoIsStartedAndFollowed(t *testing.T) {
	address, config := moto(t)
	_, err := codebuild.NewFromConfig(config).CreateProject(t.Context(), &codebuild.CreateProjectInput{
		Name: aws.String("shop"), ServiceRole: aws.String("arn:aws:iam::123456789012:role/service-role/shop"),
		Source:    &types.ProjectSource{Type: types.SourceTypeS3, Location: aws.String("bucket/shop.zip")},
		Artifacts: &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
		Environment: &types.ProjectEnvironment{
			Type: types.EnvironmentTypeLinuxContainer, ComputeType: types.ComputeTypeBuildGeneral1Small, Image: aws.String("aws/codebuild/standard:7.0"),
			EnvironmentVariables: []types.EnvironmentVariable{
				{Name: aws.String("NPM_TOKEN"), Value: aws.String("npm"), Type: types.EnvironmentVariableTypeParameterStore},
				{Name: aws.String("LAYERCACHE_APP"), Value: aws.String("storefront"), Type: types.EnvironmentVariableTypePlaintext},
			},
		},
	})
	require.NoError(t, err)

	address = withNumericTimes(t, address)
	for _, name := range []string{"shop", "storefront"} {
		followed := layercache(t, environment(address), "start", name, "--source-version", "main", "--follow")
		assert.Equal(t, 0, followed.status, followed.stderr)
		assert.Contains(t, followed.stderr, "started build shop:")
		assert.Contains(t, followed.stderr, "succeeded in")
	}

	for message, args := range map[string][]string{
		`there is no CodeBuild project "shp" in eu-west-1: did you mean shop?`:                  {"start", "shp"},
		"project shop takes it from the Parameter Store of AWS Systems Manager, and plain text": {"start", "shop", "--set", "NPM_TOKEN=x"},
		`there is no CodeBuild project "shop" in us-east-1`:                                     {"start", "shop", "--region", "us-east-1"},
		"  storefront  shop     a build":                                                        {"start"},
	} {
		got := layercache(t, environment(address), args...)
		assert.Equal(t, 1, got.status, got.stderr)
		assert.Contains(t, got.stderr, message)
	}
}
