package imagebuild_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
)

// Logical ids in the construct "Build", without their hashes.
const (
	releaseRole = "BuildRole"
	pullRole    = "BuildPullRequestRole"
)

// resource returns the only resource of the type whose logical id is the prefix and a hash.
func resource(t *testing.T, stack awscdk.Stack, kind, prefix string) map[string]any {
	t.Helper()
	var found []map[string]any
	for id, r := range synthtest.Resources(stack, kind) {
		if len(id) == len(prefix)+8 && strings.HasPrefix(id, prefix) {
			found = append(found, r)
		}
	}
	require.Len(t, found, 1, "resources of type %s with the id %s", kind, prefix)
	return found[0]
}

func project(t *testing.T, stack awscdk.Stack, prefix string) map[string]any {
	t.Helper()
	return resource(t, stack, "AWS::CodeBuild::Project", prefix)["Properties"].(map[string]any)
}

// policyOf returns the permissions of a role, one line per statement.
func policyOf(t *testing.T, stack awscdk.Stack, role string) []string {
	t.Helper()
	var lines []string
	policies := synthtest.Resources(stack, "AWS::IAM::Policy")
	for _, id := range slices.Sorted(maps.Keys(policies)) {
		properties := policies[id]["Properties"].(map[string]any)
		for _, r := range properties["Roles"].([]any) {
			name := strings.Trim(synthtest.Text(r), "${}")
			if len(name) == len(role)+8 && strings.HasPrefix(name, role) {
				lines = append(lines, synthtest.Statements(properties["PolicyDocument"])...)
			}
		}
	}
	return lines
}

// keys returns the S3 keys of the primary and the secondary source.
func keys(t *testing.T, stack awscdk.Stack) (source, helper string) {
	t.Helper()
	p := project(t, stack, "BuildProject")
	source = synthtest.Text(p["Source"].(map[string]any)["Location"])
	return source, helperKeys(p)[0]
}

func helperKeys(project map[string]any) []string {
	var found []string
	for _, s := range project["SecondarySources"].([]any) {
		found = append(found, synthtest.Text(s.(map[string]any)["Location"]))
	}
	return found
}

func variables(t *testing.T, stack awscdk.Stack) map[string]string {
	t.Helper()
	return variablesOf(project(t, stack, "BuildProject"))
}

// variablesOf returns the variables of a project. A value that is not plain text has its type as a prefix.
func variablesOf(project map[string]any) map[string]string {
	found := map[string]string{}
	for _, v := range project["Environment"].(map[string]any)["EnvironmentVariables"].([]any) {
		variable := v.(map[string]any)
		value := synthtest.Text(variable["Value"])
		if variable["Type"] != "PLAINTEXT" {
			value = variable["Type"].(string) + " " + value
		}
		found[variable["Name"].(string)] = value
	}
	return found
}

// helperStatements returns the statements that let a role read its sources in the bucket of assets.
func helperStatements(objects ...string) []string {
	var lines []string
	for i, object := range objects {
		lines = append(lines, "Allow s3:GetObject s3:GetObjectVersion on arn:${AWS::Partition}:s3:::"+object)
		if i == 0 {
			lines = append(lines, "Allow s3:GetBucketAcl s3:GetBucketLocation on arn:${AWS::Partition}:s3:::"+assetBucket)
		}
	}
	return lines
}
