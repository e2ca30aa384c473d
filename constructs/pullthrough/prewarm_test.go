package pullthrough_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

func newPrewarm(t *testing.T, stack awscdk.Stack, props *pullthrough.PrewarmProps) *pullthrough.Prewarm {
	t.Helper()
	_, helper := synthtest.File(t, "helper.zip", "helper")
	props.HelperZip = &helper
	props.PullThrough = pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.DockerHub, Secret: secret(stack, "docker")}, {Registry: pullthrough.Quay}},
	})
	return pullthrough.NewPrewarm(stack, jsii.String("Prewarm"), props)
}

const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestAPrewarmPullsTheImagesThroughTheCache(t *testing.T) {
	stack := stackOf(here)
	newPrewarm(t, stack, &pullthrough.PrewarmProps{
		Images: jsii.Strings("docker.io/library/golang:1.26", "golang:1.25", "alpine", "quay.io/prometheus/node-exporter:v1"+digest),
	})

	project := synthtest.Properties(t, stack, "AWS::CodeBuild::Project")
	const host = "111111111111.dkr.ecr.eu-west-1.${AWS::URLSuffix}"
	environment := project["Environment"].(map[string]any)
	variables := environment["EnvironmentVariables"].([]any)
	assert.Len(t, variables, 1)
	variable := variables[0].(map[string]any)
	assert.Equal(t, "LAYERCACHE_PREWARM", variable["Name"])
	assert.Equal(t, host+"/docker-hub/library/golang:1.26,"+host+"/docker-hub/library/golang:1.25,"+
		host+"/docker-hub/library/alpine:latest,"+host+"/quay/prometheus/node-exporter:v1"+digest, synthtest.Text(variable["Value"]))
	delete(environment, "EnvironmentVariables")
	assert.Equal(t, map[string]any{
		"ComputeType":              "BUILD_GENERAL1_SMALL",
		"Image":                    "aws/codebuild/amazonlinux-x86_64-standard:5.0",
		"ImagePullCredentialsType": "CODEBUILD",
		"PrivilegedMode":           false,
		"Type":                     "LINUX_CONTAINER",
	}, environment)
	source := project["Source"].(map[string]any)
	assert.Equal(t, "S3", source["Type"])
	assert.Equal(t, buildspecs.Prewarm, source["BuildSpec"])
	assert.NotContains(t, source, "SourceIdentifier")
	assert.Equal(t, 60.0, project["TimeoutInMinutes"])
	assert.Equal(t, "${PrewarmLogs552B52CC}", synthtest.Text(project["LogsConfig"].(map[string]any)["CloudWatchLogs"].(map[string]any)["GroupName"]))
	assert.Empty(t, synthtest.Errors(stack))
}

func TestTheRolesOfAPrewarmAllowOnlyWhatItNeeds(t *testing.T) {
	stack := stackOf(here)
	newPrewarm(t, stack, &pullthrough.PrewarmProps{Images: jsii.Strings("quay.io/coreos/etcd:v3", "quay.io/coreos/etcd:v4", "golang")})

	source := synthtest.Text(synthtest.Properties(t, stack, "AWS::CodeBuild::Project")["Source"].(map[string]any)["Location"])
	const images = registry + "docker-hub/library/golang " + registry + "quay/coreos/etcd"
	assert.Equal(t, []string{
		"Allow logs:CreateLogStream logs:PutLogEvents on ${PrewarmLogs552B52CC.Arn}",
		login,
		"Allow " + pull + " ecr:BatchCheckLayerAvailability " + importing + " on " + images,
		"Allow s3:GetObject s3:GetObjectVersion on arn:${AWS::Partition}:s3:::" + source,
		"Allow s3:GetBucketAcl s3:GetBucketLocation on arn:${AWS::Partition}:s3:::cdk-hnb659fds-assets-111111111111-eu-west-1",
	}, policyOf(stack, "PrewarmRoleDefaultPolicy"))
	assert.Equal(t, []string{"Allow codebuild:StartBuild on ${PrewarmProject250E51BC.Arn}"}, policyOf(stack, "PrewarmProjectEventsRoleDefaultPolicy"))

	for _, role := range synthtest.Resources(stack, "AWS::IAM::Role") {
		trust := synthtest.Statements(role["Properties"].(map[string]any)["AssumeRolePolicyDocument"])
		assert.Contains(t, []string{
			"Allow sts:AssumeRole to Service=codebuild.amazonaws.com if StringEquals=aws:SourceAccount=111111111111",
			"Allow sts:AssumeRole to Service=events.amazonaws.com",
		}, trust[0])
	}
}

func TestAPrewarmOfAnotherAccountMayCheckLayers(t *testing.T) {
	_, helper := synthtest.File(t, "helper.zip", "helper")
	policyOfRepositories := func(stack awscdk.Stack) []string {
		var document any
		text := synthtest.Text(byPrefix(stack, templateType, "Prefix")["quay"]["RepositoryPolicy"])
		require.NoError(t, json.Unmarshal([]byte(text), &document))
		return synthtest.Statements(document)
	}
	const allowed = "Allow " + pull + " ecr:BatchCheckLayerAvailability to AWS=arn:${AWS::Partition}:iam::222222222222:root"

	t.Run("of this app", func(t *testing.T) {
		app := awscdk.NewApp(nil)
		stack, other := stackIn(app, "Test", here), stackIn(app, "Other", there)
		pullthrough.NewPrewarm(other, jsii.String("Prewarm"), &pullthrough.PrewarmProps{
			PullThrough: shared(stack, "Pull", pullthrough.Quay), Images: jsii.Strings("quay.io/coreos/etcd:v3"), HelperZip: &helper,
		})
		assert.Equal(t, []string{allowed}, policyOfRepositories(stack))
	})
	t.Run("of another app", func(t *testing.T) {
		stack := stackOf(here)
		shared(stack, "Pull", pullthrough.Quay, &access.Party{Account: jsii.String(there)})
		assert.Equal(t, []string{allowed}, policyOfRepositories(stack))
	})
}

func TestTheScheduleIsOnceADayOrAsGiven(t *testing.T) {
	for name, c := range map[string]struct {
		schedule awsevents.Schedule
		want     string
	}{
		"by default": {nil, "rate(1 day)"},
		"as given":   {awsevents.Schedule_Expression(jsii.String("cron(0 5 * * ? *)")), "cron(0 5 * * ? *)"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := stackOf(here)
			newPrewarm(t, stack, &pullthrough.PrewarmProps{Images: jsii.Strings("golang"), Schedule: c.schedule, LogRetention: awslogs.RetentionDays_ONE_WEEK})

			rule := synthtest.Properties(t, stack, "AWS::Events::Rule")
			assert.Equal(t, c.want, rule["ScheduleExpression"])
			assert.Equal(t, "ENABLED", rule["State"])
			assert.Len(t, rule["Targets"], 1)
			assert.Equal(t, map[string]any{"RetentionInDays": 7.0}, synthtest.Properties(t, stack, "AWS::Logs::LogGroup"))
		})
	}
}

func TestEveryProblemOfAPrewarm(t *testing.T) {
	stack := stackOf(here)
	newPrewarm(t, stack, &pullthrough.PrewarmProps{
		Images:  jsii.Strings("ghcr.io/team/app:1", "golang:", "quay.io/Team/app", "", "golang"+digest),
		Timeout: awscdk.Duration_Minutes(jsii.Number(1)), Schedule: awsevents.Schedule_Expression(jsii.String("rate(1 days)")),
	})
	pullthrough.NewPrewarm(stack, jsii.String("Empty"), nil)
	pullthrough.NewPrewarm(stack, jsii.String("NoZip"), &pullthrough.PrewarmProps{HelperZip: jsii.String("no/such.zip")})

	const fix = "; write it as in a Dockerfile, such as docker.io/library/golang:1.26"
	assert.Equal(t, []string{
		`Test/Prewarm: Images[0]: "ghcr.io/team/app:1" is on ghcr.io, which is not an upstream of this cache; use one of docker.io, quay.io, or add the upstream`,
		`Test/Prewarm: Images[1]: "golang:" is not an image reference` + fix,
		`Test/Prewarm: Images[2]: "quay.io/Team/app" is not an image reference` + fix,
		`Test/Prewarm: Images[3]: "" is not an image reference` + fix,
		`Test/Prewarm: Images[4]: "golang` + digest + `" has a digest but no tag, and ECR imports an image only by its tag; write NAME:TAG@DIGEST; the digest is compared after the pull`,
		"Test/Prewarm: Timeout: 1 minutes is out of CodeBuild's range; give 5 to 2160 minutes",
		`Test/Prewarm: Schedule: "rate(1 days)" has the plural of a unit for 1; write "rate(1 day)"`,
		"Test/Empty: PullThrough: is missing; give a pullthrough.PullThroughCache",
		"Test/Empty: Images: is empty; name images, such as docker.io/library/golang:1.26",
		`Test/NoZip: HelperZip: "no/such.zip" is not a file; give the path of a zip with layercache and buildkitd, or leave it out to compile both`,
		"Test/NoZip: PullThrough: is missing; give a pullthrough.PullThroughCache",
		"Test/NoZip: Images: is empty; name images, such as docker.io/library/golang:1.26",
	}, synthtest.Errors(stack))
}
