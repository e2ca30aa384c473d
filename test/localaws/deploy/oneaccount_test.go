package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/template"
)

// unknownToMoto are the types that moto's CloudFormation ignores with a warning. These tests do not cover
// them: cfn-lint checks them against CloudFormation's own schemas (test/constructs/app).
var unknownToMoto = []string{"AWS::CodeBuild::Project", "AWS::ECR::PullThroughCacheRule", "AWS::ECR::RepositoryCreationTemplate"}

func TestOneAccountIsDeployedChangedAndDestroyed(t *testing.T) {
	project(t)
	example, builds := config(t, "one-account")
	// A schedule needs the project's ARN, which moto does not have.
	delete(builds[1].(map[string]any), "schedule")
	assembly := synth(t, example)
	builds[1].(map[string]any)["cacheWrite"] = false
	example["builds"] = append(builds, map[string]any{"name": "web", "source": map[string]any{"directory": "service"}, "helperZip": "helper.zip"})
	changed := synth(t, example)

	p := in(t, start(t), template.MadeUpAccount)
	cdk := p.cdk(assembly)
	require.NoError(t, cdk.Bootstrap(t.Context(), template.MadeUpAccount, region))
	must(t, cdk.Deploy)
	p.hasTheCaches()
	p.hasTheBuilds(assembly)

	created := p.repositories()
	assert.Equal(t, 2, strings.Count(must(t, cdk.Deploy), "(no changes)"), "deploying again must change no stack")
	assert.Equal(t, created, p.repositories())

	before := p.policy("workerRoleB995CBB1", "workerRoleDefaultPolicy649668DF")
	next := p.cdk(changed)
	diff := must(t, next.Diff)
	assert.Contains(t, diff, "Number of stacks with differences: 1")
	assert.Contains(t, diff, "[+] AWS::ECR::Repository web/Image")
	assert.NotContains(t, diff, "[-] AWS::")
	assert.NotContains(t, diff, "replace")
	must(t, next.Update)
	after := p.policy("workerRoleB995CBB1", "workerRoleDefaultPolicy649668DF")
	assert.Equal(t, strings.Count(before, "ecr:PutImage")-1, strings.Count(after, "ecr:PutImage"), "the role must no longer have write access to the cache")
	grown := p.repositories()
	assert.Contains(t, grown, "layercache/web")
	for name, at := range created {
		assert.Equal(t, at, grown[name], "repository %s must not be replaced", name)
	}
	assert.Contains(t, must(t, next.Diff), "Number of stacks with differences: 0")

	must(t, next.Destroy)
	_, err := p.aws.Stack(t.Context(), p.config, "layercache-build")
	assert.ErrorContains(t, err, "does not exist")
	left := p.repositories()
	assert.NotContains(t, left, "layercache/cache/prod", "the cache must be deleted, because builds can recreate it")
	assert.Contains(t, left, "layercache/service", "images must be kept")
}

func (p place) hasTheCaches() {
	p.Helper()
	stack := p.stack("layercache-cache")
	assert.Equal(p, "CREATE_COMPLETE", stack.Status)
	assert.Equal(p, map[string]string{
		"CachedevUriA17A44C2":  "111122223333.dkr.ecr.eu-central-1.amazonaws.com/layercache/cache/dev",
		"CacheprodUri252F8AAD": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/layercache/cache/prod",
	}, stack.Outputs)
	repositories := p.repositories()
	for _, name := range []string{"layercache/cache/dev", "layercache/cache/prod", "layercache/service", "layercache/worker"} {
		assert.Contains(p, repositories, name)
	}
	assert.Len(p, repositories, 4)
}

// hasTheBuilds checks the resources of the build stack. It creates the resources that moto's CloudFormation
// ignores through moto's APIs, where these exist.
func (p place) hasTheBuilds(assembly string) {
	p.Helper()
	stack := p.stack("layercache-build")
	assert.Equal(p, "CREATE_COMPLETE", stack.Status)
	assert.Equal(p, "111122223333.dkr.ecr.eu-central-1.amazonaws.com/layercache/service", stack.Outputs["serviceImageUri9C1F713E"])
	assert.Equal(p, unknownToMoto, ignoredTypes(p.T, assembly, stack), "the types that moto ignores; add checks here for types that moto now supports")

	policy := p.policy("serviceRole00F0ECD0", "serviceRoleDefaultPolicyA7707D6A")
	logs := stack.PhysicalIDs["serviceLogs01D5F30D"]
	assert.Contains(p, policy, "arn:aws:ecr:eu-central-1:111122223333:repository/layercache/cache/prod\"")
	assert.Contains(p, policy, "arn:aws:logs:eu-central-1:111122223333:log-group:"+logs)
	groups, err := cloudwatchlogs.NewFromConfig(p.config).DescribeLogGroups(p.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &logs})
	require.NoError(p, err)
	require.Len(p, groups.LogGroups, 1)
	assert.EqualValues(p, 30, *groups.LogGroups[0].RetentionInDays)

	app := loaded(p.T, assembly, p.stack("layercache-cache"), stack)
	p.takesThePolicies(app)
	projects, err := app.Projects()
	require.NoError(p, err)
	require.Len(p, projects, 2)
	for _, project := range projects {
		require.NoError(p, p.aws.CreateProject(p.Context(), project))
		assert.Equal(p, "FROM scratch\n", p.object(project.SecondarySources[0].Location), "the helper must be at the location in the project")
		assert.Contains(p, p.object(project.Source.Location), "Dockerfile", "the source must be at the location in the project, as an archive")
	}
	kept, err := codebuild.NewFromConfig(p.config).BatchGetProjects(p.Context(), &codebuild.BatchGetProjectsInput{Names: []string{projects[0].Name}})
	require.NoError(p, err)
	require.Len(p, kept.Projects, 1)
	assert.Equal(p, *p.role("serviceRole00F0ECD0"), *kept.Projects[0].ServiceRole)
	assert.Equal(p, logs, *kept.Projects[0].LogsConfig.CloudWatchLogs.GroupName)
}

// takesThePolicies checks that moto's ECR accepts the lifecycle and repository policies of the app.
func (p place) takesThePolicies(app *template.App) {
	p.Helper()
	repositories, err := app.Resources("AWS::ECR::Repository")
	require.NoError(p, err)
	require.NotEmpty(p, repositories)
	for _, repository := range repositories {
		require.NoError(p, p.aws.SetPolicies(p.Context(), repository))
		there := in(p.T, p.aws, repository.Account)
		got, err := ecr.NewFromConfig(there.config).GetLifecyclePolicy(p.Context(), &ecr.GetLifecyclePolicyInput{RepositoryName: &repository.Name})
		require.NoError(p, err, repository.Name)
		assert.Contains(p, *got.LifecyclePolicyText, `"expire"`)
	}
}

// role returns the ARN of a role of the build stack.
func (p place) role(id string) *string {
	p.Helper()
	out, err := iam.NewFromConfig(p.config).GetRole(p.Context(), &iam.GetRoleInput{RoleName: aws.String(p.stack("layercache-build").PhysicalIDs[id])})
	require.NoError(p, err)
	assert.Equal(p, "/layercache/build/", *out.Role.Path)
	return out.Role.Arn
}

// policy returns the document of a policy of a role in the build stack.
func (p place) policy(role, name string) string {
	p.Helper()
	id := p.stack("layercache-build").PhysicalIDs[role]
	out, err := iam.NewFromConfig(p.config).GetRolePolicy(p.Context(), &iam.GetRolePolicyInput{RoleName: &id, PolicyName: &name})
	require.NoError(p, err)
	document, err := url.PathUnescape(*out.PolicyDocument)
	require.NoError(p, err)
	return document
}
