package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/constructs/releases"
	"github.com/layercache/layercache/test/kit/template"
)

func TestAnUpgradeKeepsRepositoriesAndLogs(t *testing.T) {
	server := start(t)
	all, err := releases.All()
	require.NoError(t, err)
	for i, kept := range all {
		t.Run(kept.Release+"/"+kept.Stack, func(t *testing.T) {
			current, err := os.ReadFile(filepath.Join("..", "..", "constructs", "examples", "snapshots", kept.Example, kept.Stack+".template.json"))
			require.NoError(t, err)
			before, after := in(t, server, fmt.Sprint(111111111111+i)).upgrade(kept.Stack, kept.Text, current)
			assert.NotEmpty(t, before)
			for resource, made := range before {
				assert.Equal(t, made, after[resource], resource)
			}
		})
	}
	t.Run("a renamed resource is replaced", func(t *testing.T) {
		renamed := strings.ReplaceAll(string(all[0].Text), "serviceLogs01D5F30D", "serviceLog01D5F30D")
		before, after := in(t, server, template.MadeUpAccount).upgrade(all[0].Stack, all[0].Text, []byte(renamed))
		assert.Contains(t, before, "serviceLogs01D5F30D")
		assert.NotContains(t, after, "serviceLogs01D5F30D")
		assert.NotEqual(t, before["serviceLogs01D5F30D"], after["serviceLog01D5F30D"])
	})
}

// upgrade deploys a stack and updates it. It returns the stateful resources before and after the update, by
// logical id: the physical id and the creation time.
func (p place) upgrade(stack string, release, current []byte) (before, after map[string]string) {
	p.Helper()
	client := cloudformation.NewFromConfig(p.config)
	capabilities := []types.Capability{types.CapabilityCapabilityNamedIam}
	_, err := client.CreateStack(p.Context(), &cloudformation.CreateStackInput{
		StackName: &stack, TemplateBody: withoutProjects(p.T, release, "deployed"), Capabilities: capabilities,
	})
	require.NoError(p, err)
	before = p.stateful(stack)
	_, err = client.UpdateStack(p.Context(), &cloudformation.UpdateStackInput{
		StackName: &stack, TemplateBody: withoutProjects(p.T, current, "upgraded"), Capabilities: capabilities,
	})
	require.NoError(p, err)
	return before, p.stateful(stack)
}

// stateful returns the stateful resources of a stack.
func (p place) stateful(name string) map[string]string {
	p.Helper()
	made := p.repositories()
	groups, err := cloudwatchlogs.NewFromConfig(p.config).DescribeLogGroups(p.Context(), nil)
	require.NoError(p, err)
	for _, group := range groups.LogGroups {
		made[*group.LogGroupName] = text(p.T, group.CreationTime)
	}
	found := map[string]string{}
	for id, physical := range p.stack(name).PhysicalIDs {
		if at, ok := made[physical]; ok {
			found[id] = physical + " of " + at
		}
	}
	return found
}

// withoutProjects returns the template without CodeBuild projects and the parts that refer to them, because
// moto ignores a project and then fails when its ARN is needed. It also removes the check of the bootstrap
// stack's version, because there is no bootstrap stack.
func withoutProjects(t *testing.T, text []byte, description string) *string {
	t.Helper()
	var read map[string]any
	require.NoError(t, json.Unmarshal(text, &read))
	read["Description"] = description // Without a change, the update would fail.
	delete(read, "Rules")
	delete(read, "Parameters")
	resources := read["Resources"].(map[string]any)
	gone := map[string]bool{}
	for id, resource := range resources {
		if resource.(map[string]any)["Type"] == "AWS::CodeBuild::Project" {
			gone[id] = true
		}
	}
	for _, part := range []map[string]any{resources, read["Outputs"].(map[string]any)} {
		maps.DeleteFunc(part, func(id string, value any) bool { return gone[id] || refersTo(t, value, gone) })
	}
	written, err := json.Marshal(read)
	require.NoError(t, err)
	return aws.String(string(written))
}

// refersTo reports whether a part of a template names one of the resources.
func refersTo(t *testing.T, value any, ids map[string]bool) bool {
	t.Helper()
	written := text(t, value)
	for id := range ids {
		if strings.Contains(written, `"`+id+`"`) {
			return true
		}
	}
	return false
}
