// Package nag checks the example stacks, and a stack with each construct, with cdk-nag's AwsSolutions pack.
package nag

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// finding is one message of the pack about a resource.
type finding struct{ resource, rule, text string }

// findings returns the findings of all levels, which the pack adds to the metadata of resources, and errors
// of the constructs.
func findings(app awscdk.App) []finding {
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Reports: jsii.Bool(false)}), nil)
	app.Synth(nil)
	var found []finding
	for _, construct := range *app.Node().FindAll("") {
		for _, entry := range *construct.Node().Metadata() {
			rule, text, _ := strings.Cut(strings.TrimSpace(fmt.Sprint(entry.Data)), ": ")
			fromPack := strings.HasPrefix(rule, "AwsSolutions-") || strings.HasPrefix(rule, "CdkNag")
			if fromPack || *entry.Type == "aws:cdk:error" {
				found = append(found, finding{*construct.Node().Path(), rule, text})
			}
		}
	}
	return found
}

func stacksOf(t *testing.T, app awscdk.App) []awscdk.Stack {
	t.Helper()
	var stacks []awscdk.Stack
	for _, child := range *app.Node().Children() {
		if stack, ok := child.(awscdk.Stack); ok {
			stacks = append(stacks, stack)
		}
	}
	require.NotEmpty(t, stacks)
	return stacks
}

func TestEveryFindingHasExactlyOneReason(t *testing.T) {
	seen := map[int]bool{}
	for name, make := range apps(t) {
		t.Run(name, func(t *testing.T) {
			for _, f := range findings(make(t)) {
				reasons := 0
				for i, a := range accepted {
					if a.finding.MatchString(f.rule) {
						reasons++
						seen[i] = true
					}
				}
				assert.Equal(t, 1, reasons, "reasons for %s at %s: %s", f.rule, f.resource, f.text)
			}
		})
	}
	for i, a := range accepted {
		assert.True(t, seen[i], "no app has the finding %s any more: remove it from accepted", a.finding)
	}
}

func TestNoConstructSuppressesAFinding(t *testing.T) {
	for name, make := range apps(t) {
		t.Run(name, func(t *testing.T) {
			for _, stack := range stacksOf(t, make(t)) {
				for id, r := range resources(t, stack) {
					metadata, _ := r["Metadata"].(map[string]any)
					assert.NotContains(t, metadata, "cdk_nag", id)
				}
			}
		})
	}
}

func TestOnlyListedActionsAreAllowedOnEveryResource(t *testing.T) {
	for name, make := range apps(t) {
		t.Run(name, func(t *testing.T) {
			for _, stack := range stacksOf(t, make(t)) {
				for id, r := range resources(t, stack) {
					if r["Type"] == "AWS::IAM::Policy" {
						checkStatements(t, id, synthtest.Statements(r["Properties"].(map[string]any)["PolicyDocument"]))
					}
				}
			}
		})
	}
}

// checkStatements checks lines of the form "Allow ACTIONS on RESOURCES[ if CONDITION]".
func checkStatements(t *testing.T, policy string, statements []string) {
	t.Helper()
	for _, line := range statements {
		grant, condition, _ := strings.Cut(line, " if ")
		allowed, resource, _ := strings.Cut(strings.TrimPrefix(grant, "Allow "), " on ")
		if resource != "*" {
			continue
		}
		for _, action := range strings.Fields(allowed) {
			want, known := onEveryResource[action]
			assert.True(t, known, "%s: %s", policy, line)
			assert.Equal(t, want, condition, "%s: %s", policy, line)
		}
	}
}

func TestRepositoriesAreOpenToOrganizationsAtMost(t *testing.T) {
	for name, make := range apps(t) {
		t.Run(name, func(t *testing.T) {
			for _, stack := range stacksOf(t, make(t)) {
				for id, r := range resources(t, stack) {
					policy, ok := r["Properties"].(map[string]any)["RepositoryPolicyText"]
					if !ok {
						continue
					}
					for _, line := range synthtest.Statements(policy) {
						if strings.Contains(line, " to AWS=*") {
							assert.Regexp(t, ` if .*aws:PrincipalOrg(ID|Paths)=.*o-`, line, id)
						}
					}
				}
			}
		})
	}
}

func resources(t *testing.T, stack awscdk.Stack) map[string]map[string]any {
	t.Helper()
	all, ok := (*assertions.Template_FromStack(stack, nil).ToJSON())["Resources"].(map[string]any)
	require.True(t, ok)
	found := map[string]map[string]any{}
	for id, r := range all {
		found[id] = r.(map[string]any)
	}
	return found
}
