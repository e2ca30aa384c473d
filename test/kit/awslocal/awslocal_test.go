package awslocal_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/awslocal"
	"github.com/layercache/layercache/test/kit/template"
)

func TestProjectsAndStartedBuildsAreStored(t *testing.T) {
	server, err := awslocal.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })

	require.NoError(t, server.CreateProject(t.Context(), template.Project{
		Name: "shop", Account: "222222222222", Region: "eu-west-1",
		ServiceRole: "arn:aws:iam::222222222222:role/build/shop", LogGroup: "shop-logs",
		Image: "aws/codebuild/standard:7.0", ComputeType: "BUILD_GENERAL1_SMALL", EnvironmentType: "LINUX_CONTAINER", Privileged: true,
		BuildSpec: "version: 0.2\n", Environment: []template.Variable{{Name: "LAYERCACHE_MODE", Value: "registry"}},
		Source:           template.Source{Type: "S3", Location: "assets/shop.zip"},
		SecondarySources: []template.Source{{Identifier: "layercache", Type: "S3", Location: "assets/helper.zip"}},
	}))

	config, err := server.Config(t.Context(), "222222222222", "eu-west-1")
	require.NoError(t, err)
	identity, err := sts.NewFromConfig(config).GetCallerIdentity(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, "222222222222", *identity.Account)

	builds := codebuild.NewFromConfig(config)
	found, err := builds.BatchGetProjects(t.Context(), &codebuild.BatchGetProjectsInput{Names: []string{"shop"}})
	require.NoError(t, err)
	require.Len(t, found.Projects, 1)
	project := found.Projects[0]
	assert.Equal(t, "version: 0.2\n", *project.Source.Buildspec)
	assert.Equal(t, "shop-logs", *project.LogsConfig.CloudWatchLogs.GroupName)
	assert.Equal(t, "LAYERCACHE_MODE", *project.Environment.EnvironmentVariables[0].Name)
	require.Len(t, project.SecondarySources, 1)
	assert.Equal(t, "assets/helper.zip", *project.SecondarySources[0].Location)

	started, err := builds.StartBuild(t.Context(), &codebuild.StartBuildInput{
		ProjectName: aws.String("shop"), EnvironmentVariablesOverride: []types.EnvironmentVariable{{Name: aws.String("LAYERCACHE_REFRESH"), Value: aws.String("true")}},
	})
	require.NoError(t, err)
	assert.NotNil(t, started.Build.StartTime)
	require.Len(t, server.Started(), 1)
	assert.Equal(t, "true", *server.Started()[0].EnvironmentVariablesOverride[0].Value)

	other, err := server.Config(t.Context(), "333333333333", "eu-west-1")
	require.NoError(t, err)
	found, err = codebuild.NewFromConfig(other).BatchGetProjects(t.Context(), &codebuild.BatchGetProjectsInput{Names: []string{"shop"}})
	require.NoError(t, err)
	assert.Empty(t, found.Projects, "other accounts must not have the project")
}

func TestInvalidPoliciesAreRefused(t *testing.T) {
	server, err := awslocal.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	config, err := server.Config(t.Context(), "222222222222", "eu-west-1")
	require.NoError(t, err)
	_, err = ecr.NewFromConfig(config).CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: aws.String("cache")})
	require.NoError(t, err)

	const lifecycle = `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":30},"action":{"type":"expire"}}]}`
	for name, test := range map[string]struct {
		properties map[string]any
		refusal    string
	}{
		"no policies":                                {map[string]any{}, ""},
		"two valid policies":                         {policies(lifecycle, "Allow"), ""},
		"a lifecycle rule without an action":         {policies(`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any"}}]}`, "Allow"), "lifecycle policy of repository cache"},
		"a statement that neither allows nor denies": {policies(lifecycle, "Maybe"), "policy of repository cache"},
	} {
		t.Run(name, func(t *testing.T) {
			err := server.SetPolicies(t.Context(), template.Resource{Name: "cache", Account: "222222222222", Region: "eu-west-1", Properties: test.properties})
			if test.refusal == "" {
				require.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.refusal)
		})
	}
}

// policies returns the properties of a repository with both policies.
func policies(lifecycle, effect string) map[string]any {
	return map[string]any{
		"LifecyclePolicy": map[string]any{"LifecyclePolicyText": lifecycle},
		"RepositoryPolicyText": map[string]any{"Version": "2012-10-17", "Statement": []any{
			map[string]any{"Effect": effect, "Principal": "*", "Action": "ecr:BatchGetImage"},
		}},
	}
}
