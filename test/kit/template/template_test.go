package template_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/template"
)

func TestProjectOfRecordedApp(t *testing.T) {
	app, err := template.Load("testdata/app")
	require.NoError(t, err)
	projects, err := app.Projects()
	require.NoError(t, err)
	require.Len(t, projects, 1)
	project := projects[0]

	assert.Equal(t, "Build", project.Stack)
	assert.Regexp(t, `^Build-ImageProject-[0-9A-F]{12}$`, project.Name)
	assert.Equal(t, "aws/codebuild/amazonlinux-x86_64-standard:5.0", project.Image)
	assert.True(t, project.Privileged)
	assert.Equal(t, "version: 0.2\n", project.BuildSpec)

	assert.Equal(t, "111122223333.dkr.ecr.eu-central-1.amazonaws.com/layercache/cache", project.Value("LAYERCACHE_REPOSITORY"))
	assert.Equal(t, "public.ecr.aws=111122223333.dkr.ecr.eu-central-1.amazonaws.com/ecr-public", project.Value("LAYERCACHE_MIRRORS"))
	assert.Empty(t, project.Value("LAYERCACHE_BRANCH"), "a variable that the project does not have is empty")

	service, err := filepath.Abs("testdata/app/asset.service")
	require.NoError(t, err)
	assert.Equal(t, template.Source{
		Type: "S3", Location: "cdk-hnb659fds-assets-111122223333-eu-central-1/service.zip", Path: service,
	}, project.Source)
	helper, err := filepath.Abs("testdata/app/asset.helper.zip")
	require.NoError(t, err)
	require.Len(t, project.SecondarySources, 1)
	assert.Equal(t, "layercache", project.SecondarySources[0].Identifier)
	assert.Equal(t, helper, project.SecondarySources[0].Path)
}

func TestProjectWithRegistry(t *testing.T) {
	app, err := template.Load("testdata/app")
	require.NoError(t, err)
	projects, err := app.Projects()
	require.NoError(t, err)

	local := projects[0].WithRegistry("127.0.0.1:5000")
	assert.Equal(t, "127.0.0.1:5000/layercache/cache", local.Value("LAYERCACHE_REPOSITORY"))
	assert.Equal(t, "public.ecr.aws=127.0.0.1:5000/ecr-public", local.Value("LAYERCACHE_MIRRORS"))
	assert.Equal(t, "registry", local.Value("LAYERCACHE_MODE"), "a value without a registry is unchanged")
	assert.Contains(t, projects[0].Value("LAYERCACHE_REPOSITORY"), "dkr.ecr", "the project itself is unchanged")
}

func TestADeployedResourceHasItsRealName(t *testing.T) {
	app, err := template.Load(writeApp(t, "aws://444455556666/eu-west-1", `{"Resources": {
		"Role": {"Type": "AWS::IAM::Role", "Properties": {"Path": "/team/build/"}},
		"Logs": {"Type": "AWS::Logs::LogGroup"},
		"Project": {"Type": "AWS::CodeBuild::Project", "Properties": {
			"ServiceRole": {"Fn::GetAtt": ["Role", "Arn"]},
			"LogsConfig": {"CloudWatchLogs": {"GroupName": {"Ref": "Logs"}}},
			"Environment": {"Type": "ARM_CONTAINER"}, "Source": {"Type": "NO_SOURCE"}}}}}`))
	require.NoError(t, err)
	assert.ErrorContains(t, app.Deployed("Other", nil), `no stack "Other"`)
	require.NoError(t, app.Deployed("Stack", map[string]string{"Role": "Stack-Role-ABC", "Logs": "Stack-Logs-DEF", "Project": "arn:aws:codebuild:x"}))
	projects, err := app.Projects()
	require.NoError(t, err)
	assert.Equal(t, "arn:aws:iam::444455556666:role/team/build/Stack-Role-ABC", projects[0].ServiceRole)
	assert.Equal(t, "Stack-Logs-DEF", projects[0].LogGroup)
	assert.Equal(t, "ARM_CONTAINER", projects[0].EnvironmentType)
	assert.Regexp(t, "^Stack-Project-[0-9A-F]{12}$", projects[0].Name, "an ARN is not used as a name")
}

func TestLoadRefuses(t *testing.T) {
	t.Run("a directory that is not a cloud assembly", func(t *testing.T) {
		_, err := template.Load(t.TempDir())
		assert.ErrorContains(t, err, "run `npx cdk synth` first")
	})
	t.Run("an assembly without a stack", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"artifacts": {}}`), 0o600))
		_, err := template.Load(dir)
		assert.ErrorContains(t, err, "has no stack")
	})
	t.Run("an environment that does not have the CDK's form", func(t *testing.T) {
		dir := writeApp(t, "elsewhere", `{}`)
		_, err := template.Load(dir)
		assert.ErrorContains(t, err, `"elsewhere" in manifest.json is not of the form`)
	})
}

// writeApp writes an assembly of one stack, named Stack.
func writeApp(t *testing.T, environment, text string) string {
	t.Helper()
	dir := t.TempDir()
	manifest, err := json.Marshal(map[string]any{"artifacts": map[string]any{"Stack": map[string]any{
		"type":        "aws:cloudformation:stack",
		"environment": environment,
		"properties":  map[string]any{"templateFile": "Stack.template.json"},
	}}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), manifest, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Stack.template.json"), []byte(text), 0o600))
	return dir
}

func TestResourcesOfATypeAreEvaluatedThroughout(t *testing.T) {
	app, err := template.Load(writeApp(t, "aws://444455556666/cn-north-1", `{"Resources": {
		"Logs": {"Type": "AWS::Logs::LogGroup"},
		"Images": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "shop", "RepositoryPolicyText": {"Statement": [
			{"Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}, "Action": ["ecr:BatchGetImage"]}]}}}}}`))
	require.NoError(t, err)
	found, err := app.Resources("AWS::ECR::Repository")
	require.NoError(t, err)
	assert.Equal(t, []template.Resource{{
		Stack: "Stack", LogicalID: "Images", Name: "shop", Account: "444455556666", Region: "cn-north-1",
		Properties: map[string]any{"RepositoryName": "shop", "RepositoryPolicyText": map[string]any{"Statement": []any{
			map[string]any{"Principal": map[string]any{"AWS": "arn:aws-cn:iam::444455556666:root"}, "Action": []any{"ecr:BatchGetImage"}},
		}}},
	}}, found)
}
