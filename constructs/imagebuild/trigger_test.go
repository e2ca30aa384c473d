package imagebuild_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodecommit"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func events(e ...awscodebuild.EventAction) *[]awscodebuild.EventAction { return &e }

func TestAGroupOfPushesAndPullRequestsIsSplit(t *testing.T) {
	stack := synthtest.Stack()
	props := newGitProps(t, stack)
	props.Triggers.Webhook.Filters = &[]*imagebuild.FilterGroup{
		{
			Events: events(awscodebuild.EventAction_PUSH, awscodebuild.EventAction_PULL_REQUEST_MERGED, awscodebuild.EventAction_RELEASED),
			Conditions: &[]*imagebuild.FilterCondition{
				{Type: imagebuild.FilePath, Pattern: jsii.String("^services/api/")},
				{Type: imagebuild.ActorAccount, Pattern: jsii.String("^1$"), Exclude: jsii.Bool(true)},
			},
		},
		{
			Events:     events(awscodebuild.EventAction_PULL_REQUEST_REOPENED),
			Conditions: &[]*imagebuild.FilterCondition{{Type: imagebuild.BaseRef, Pattern: jsii.String("^refs/heads/main$")}},
		},
	}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	conditions := []any{filter("FILE_PATH", "^services/api/"), map[string]any{"Type": "ACTOR_ACCOUNT_ID", "Pattern": "^1$", "ExcludeMatchedPattern": true}}
	groups := func(p map[string]any) any { return p["Triggers"].(map[string]any)["FilterGroups"] }
	assert.Equal(t, []any{append([]any{filter("EVENT", "PUSH, RELEASED")}, conditions...)}, groups(project(t, stack, "BuildProject")))
	assert.Equal(t, []any{
		append([]any{filter("EVENT", "PULL_REQUEST_MERGED")}, conditions...),
		[]any{filter("EVENT", "PULL_REQUEST_REOPENED"), filter("BASE_REF", "^refs/heads/main$")},
	}, groups(project(t, stack, "BuildPullRequestProject")))
}

func TestTheWebhookQuotesTheFallbackBranch(t *testing.T) {
	stack := synthtest.Stack()
	props := newGitProps(t, stack)
	props.FallbackBranch = jsii.String("release/1.0")
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	assert.Contains(t, project(t, stack, "BuildProject")["Triggers"].(map[string]any)["FilterGroups"].([]any)[0], filter("HEAD_REF", `^refs/heads/release/1\.0$`))
}

func TestAFallbackBranchThatCloudFormationFillsInIsNotQuoted(t *testing.T) {
	stack := synthtest.Stack()
	props := newGitProps(t, stack)
	branch := awscdk.NewCfnParameter(stack, jsii.String("Branch"), nil)
	props.FallbackBranch = branch.ValueAsString()
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	assert.Empty(t, synthtest.Errors(stack))
	filters := project(t, stack, "BuildProject")["Triggers"].(map[string]any)["FilterGroups"].([]any)[0].([]any)
	assert.Equal(t, "^refs/heads/${Branch}$", synthtest.Text(filters[1].(map[string]any)["Pattern"]))
}

func rule(t *testing.T, stack awscdk.Stack, id string) map[string]any {
	t.Helper()
	return resource(t, stack, "AWS::Events::Rule", id)["Properties"].(map[string]any)
}

func TestAScheduleStartsOnlyItsProject(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Triggers = &imagebuild.Triggers{Schedule: awsevents.Schedule_Expression(jsii.String("cron(0 3 ? * MON *)")), RefreshOnSchedule: jsii.Bool(true)}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	r := rule(t, stack, "BuildSchedule")
	assert.Equal(t, "cron(0 3 ? * MON *)", r["ScheduleExpression"])
	target := r["Targets"].([]any)[0].(map[string]any)
	assert.Equal(t, "${BuildProject943F6A6A.Arn}", synthtest.Text(target["Arn"]))
	assert.Equal(t, `{"environmentVariablesOverride":[{"name":"LAYERCACHE_REFRESH","type":"PLAINTEXT","value":"true"}]}`, target["Input"])
	assert.Equal(t, []string{"Allow codebuild:StartBuild on ${BuildProject943F6A6A.Arn}"}, policyOf(t, stack, "BuildStartRole"))
	assert.Equal(t, []string{
		"Allow sts:AssumeRole to Service=events.amazonaws.com if StringEquals=aws:SourceAccount=${AWS::AccountId}",
	}, synthtest.Statements(resource(t, stack, "AWS::IAM::Role", "BuildStartRole")["Properties"].(map[string]any)["AssumeRolePolicyDocument"]))
}

func TestBaseImagesWithSimilarNames(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Triggers = &imagebuild.Triggers{BaseImages: &[]*imagebuild.BaseImage{
		{Repository: importedRepository(stack, "One", "team/go")},
		{Repository: importedRepository(stack, "Two", "team-go")},
		{Repository: awsecr.Repository_FromRepositoryAttributes(stack, jsii.String("Three"), &awsecr.RepositoryAttributes{
			RepositoryArn: jsii.String("arn:aws:ecr:eu-west-1:222233334444:repository/team/go"), RepositoryName: jsii.String("team/go"),
		})},
	}}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Empty(t, synthtest.Errors(stack))
	assert.Len(t, synthtest.Resources(stack, "AWS::Events::Rule"), 3)
}

func TestANewBaseImageStartsABuild(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Triggers = &imagebuild.Triggers{BaseImages: &[]*imagebuild.BaseImage{
		{Repository: awsecr.Repository_FromRepositoryName(stack, jsii.String("Go"), jsii.String("docker-hub/library/golang")), Tag: jsii.String("1.26")},
		{Repository: awsecr.NewRepository(stack, jsii.String("Own"), nil)},
	}}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	pulled := rule(t, stack, "BuildBaseImagedockerhublibrarygolang126")
	assert.Equal(t, map[string]any{
		"source":      []any{"aws.ecr"},
		"detail-type": []any{"ECR Image Action", "ECR Pull Through Cache Action"},
		"account":     []any{map[string]any{"Ref": "AWS::AccountId"}},
		"detail": map[string]any{
			"repository-name": []any{"docker-hub/library/golang"},
			"image-tag":       []any{"1.26"},
			"$or": []any{
				map[string]any{"action-type": []any{"PUSH"}, "result": []any{"SUCCESS"}},
				map[string]any{"sync-status": []any{"SUCCESS"}},
			},
		},
	}, pulled["EventPattern"])
	assert.Equal(t, `{"environmentVariablesOverride":[]}`, pulled["Targets"].([]any)[0].(map[string]any)["Input"])
	own := rule(t, stack, "BuildBaseImage1")["EventPattern"].(map[string]any)["detail"].(map[string]any)
	assert.Equal(t, []any{"latest"}, own["image-tag"])
}

func TestABaseImageElsewhereStartsABuildOnlyIfItsEventsAreForwarded(t *testing.T) {
	repositoryARN := func(account, region string) *string {
		return jsii.String("arn:aws:ecr:" + region + ":" + account + ":repository/team/base")
	}
	imported := func(account, region string) func(awscdk.App, awscdk.Stack) awsecr.IRepository {
		return func(_ awscdk.App, s awscdk.Stack) awsecr.IRepository {
			return awsecr.Repository_FromRepositoryAttributes(s, jsii.String("Base"), &awsecr.RepositoryAttributes{
				RepositoryArn: repositoryARN(account, region), RepositoryName: jsii.String("team/base"),
			})
		}
	}
	created := func(account, region string) func(awscdk.App, awscdk.Stack) awsecr.IRepository {
		return func(app awscdk.App, _ awscdk.Stack) awsecr.IRepository {
			other := awscdk.NewStack(app, jsii.String("Other"), &awscdk.StackProps{Env: &awscdk.Environment{Account: &account, Region: &region}})
			return awsecr.NewRepository(other, jsii.String("Base"), &awsecr.RepositoryProps{RepositoryName: jsii.String("team/base")})
		}
	}
	here := &awscdk.Environment{Account: jsii.String("111111111111"), Region: jsii.String("eu-west-1")}
	for name, c := range map[string]struct {
		env        *awscdk.Environment
		repository func(awscdk.App, awscdk.Stack) awsecr.IRepository
		account    any
		warns      bool
	}{
		"the account and region of the stack": {here, imported("111111111111", "eu-west-1"), "111111111111", false},
		"by name": {here, func(_ awscdk.App, s awscdk.Stack) awsecr.IRepository {
			return awsecr.Repository_FromRepositoryName(s, jsii.String("Base"), jsii.String("team/base"))
		}, "111111111111", false},
		"another account":                    {here, imported("222222222222", "eu-west-1"), "222222222222", true},
		"another region":                     {here, imported("111111111111", "us-east-1"), "111111111111", true},
		"a stack in another account":         {here, created("222222222222", "eu-west-1"), "222222222222", true},
		"a stack in another region":          {here, created("111111111111", "us-east-1"), "111111111111", true},
		"an account that may be the stack's": {nil, imported("222222222222", "eu-west-1"), "222222222222", false},
		"an account that is the CDK CLI's": {nil, func(_ awscdk.App, s awscdk.Stack) awsecr.IRepository {
			return awsecr.NewRepository(s, jsii.String("Base"), nil)
		}, map[string]any{"Ref": "AWS::AccountId"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			app := awscdk.NewApp(nil)
			stack := awscdk.NewStack(app, jsii.String("Test"), &awscdk.StackProps{Env: c.env})
			props := newProps(t, stack)
			props.Triggers = &imagebuild.Triggers{BaseImages: &[]*imagebuild.BaseImage{{Repository: c.repository(app, stack)}}}
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

			pattern := synthtest.Properties(t, stack, "AWS::Events::Rule")["EventPattern"].(map[string]any)
			assert.Equal(t, []any{c.account}, pattern["account"])
			warnings := strings.Join(synthtest.Warnings(stack), "\n")
			assert.Equal(t, c.warns, strings.Contains(warnings, "Triggers.BaseImages[0] is in another account or region than the stack"), warnings)
		})
	}
}

func TestProblemsOfTriggers(t *testing.T) {
	api := func(s awscdk.Stack) awsecr.IRepository {
		return awsecr.Repository_FromRepositoryName(s, jsii.String("Api"), jsii.String("team/api"))
	}
	for name, c := range map[string]struct {
		set  func(awscdk.Stack, *imagebuild.ImageBuildProps)
		want []string
	}{
		"a webhook for a directory": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Source = newProps(t, synthtest.Stack()).Source },
			[]string{"Triggers.Webhook: a source of type S3 has no webhooks; leave it out, or give a source at a Git host"},
		},
		"a webhook for CodeCommit": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Source = imagebuild.Source_CodeCommit(awscodecommit.Repository_FromRepositoryName(s, jsii.String("Code"), jsii.String("app")), nil)
			},
			[]string{"Triggers.Webhook: a source of type CODECOMMIT has no webhooks; leave it out, and start Project() with the repository's OnCommit"},
		},
		"a webhook for GitHub Enterprise": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Source = imagebuild.Source_GitHubEnterprise(jsii.String("https://git.example.com/team/api"), nil)
			},
			[]string{"Triggers.Webhook: CloudFormation cannot create webhooks for GitHub Enterprise; leave it out, set PullRequests if their builds need a project, and create the webhooks with `aws codebuild create-webhook` and --filter-groups, without which every pull request starts a release build (docs/how-to/pull-requests.md)"},
		},
		"an empty list of filters": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Triggers.Webhook.Filters = &[]*imagebuild.FilterGroup{}
			},
			[]string{"Triggers.Webhook.Filters: is empty, which would start a build on every event; list the events, or leave it out"},
		},
		"unknown and incomplete filters": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Triggers.Webhook.Filters = &[]*imagebuild.FilterGroup{nil, {
					Events: events(awscodebuild.EventAction_PUSH, awscodebuild.EventAction_WORKFLOW_JOB_QUEUED),
					Conditions: &[]*imagebuild.FilterCondition{
						{Type: "EVENT", Pattern: jsii.String("x")}, {Type: imagebuild.HeadRef}, {Type: imagebuild.BaseRef, Pattern: jsii.String("x")},
					},
				}}
			},
			[]string{
				"Triggers.Webhook.Filters[0].Events: is missing; list at least one event, such as PUSH",
				`Triggers.Webhook.Filters[1].Events[1]: "WORKFLOW_JOB_QUEUED" starts no image build; use one of PUSH, RELEASED, PRERELEASED, PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED, PULL_REQUEST_REOPENED, PULL_REQUEST_CLOSED, PULL_REQUEST_MERGED`,
				"Triggers.Webhook.Filters[1].Conditions[0].Type: is missing or unknown; use one of HEAD_REF, BASE_REF, FILE_PATH, COMMIT_MESSAGE, ACTOR_ACCOUNT_ID, TAG_NAME, RELEASE_NAME",
				"Triggers.Webhook.Filters[1].Conditions[1].Pattern: is missing; give a regular expression",
				"Triggers.Webhook.Filters[1].Conditions[2].Type: applies only to pull requests, but the group has other events; move the events of pull requests to a group of their own",
			},
		},
		"a schedule that EventBridge would refuse": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Triggers.Schedule = awsevents.Schedule_Expression(jsii.String("cron(0 3 * * * *)"))
			},
			[]string{`Triggers.Schedule: "cron(0 3 * * * *)" has no "?" for the day of month or the day of week, and EventBridge requires one; write "cron(0 3 * * ? *)"`},
		},
		"a schedule of the CDK": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Triggers.Schedule = awsevents.Schedule_Cron(&awsevents.CronOptions{Hour: jsii.String("3"), Minute: jsii.String("0"), WeekDay: jsii.String("MON-FRI")})
			},
			nil,
		},
		"no refresh, but no schedule either": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Triggers.RefreshOnSchedule = jsii.Bool(false) },
			[]string{"Triggers.RefreshOnSchedule: has no effect without a schedule; set Triggers.Schedule, or leave it out"},
		},
		"a refresh without a schedule, and invalid base images": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Image = api(s)
				p.Triggers.RefreshOnSchedule = jsii.Bool(true)
				p.Triggers.BaseImages = &[]*imagebuild.BaseImage{{}, {Repository: p.Image}, {Repository: awsecr.NewRepository(s, jsii.String("Base"), nil), Tag: jsii.String("*")}}
			},
			[]string{
				"Triggers.RefreshOnSchedule: has no effect without a schedule; set Triggers.Schedule, or leave it out",
				"Triggers.BaseImages[0].Repository: is missing; give the repository of the image",
				"Triggers.BaseImages[1]: is the image that is built: every build would start another one; watch another repository",
				`Triggers.BaseImages[2].Tag: "*" has the wrong form; use at most 128 letters, digits, '.', '_' and '-'`,
			},
		},
		"a base image twice": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Triggers.BaseImages = &[]*imagebuild.BaseImage{
					{Repository: importedRepository(s, "One", "team/go")}, {Repository: importedRepository(s, "Two", "team/go"), Tag: jsii.String("1")},
					{Repository: importedRepository(s, "Three", "team/go"), Tag: jsii.String("latest")},
				}
			},
			[]string{"Triggers.BaseImages[2]: is listed twice: every push would start two builds; remove one"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newGitProps(t, stack)
			c.set(stack, props)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Equal(t, atBuild(c.want...), synthtest.Errors(stack))
		})
	}
}
