package examples

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/stacks"
)

// deployed is a stack as it is sent to CloudFormation.
type deployed struct {
	name, text string
	resources  map[string]struct {
		Type       string
		Properties map[string]json.RawMessage
	}
}

func synthesized(t *testing.T, config map[string]any) []deployed {
	t.Helper()
	project := t.TempDir()
	require.NoError(t, WriteProject(project))
	t.Chdir(project)
	read, problems := stacks.ReadConfig(config)
	require.Empty(t, problems)
	app := awscdk.NewApp(nil)
	read.AddTo(app)
	var all []deployed
	for _, stack := range *app.Synth(nil).Stacks() {
		text, err := json.Marshal(stack.Template())
		require.NoError(t, err)
		d := deployed{name: *stack.StackName(), text: string(text)}
		var template struct{ Resources json.RawMessage }
		require.NoError(t, json.Unmarshal(text, &template))
		require.NoError(t, json.Unmarshal(template.Resources, &d.resources))
		all = append(all, d)
	}
	return all
}

var account = regexp.MustCompile(`\b\d{12}\b`)

// The CDK writes account IDs only where the configuration names accounts.
func TestTemplatesContainOnlyAccountsOfTheConfiguration(t *testing.T) {
	all, err := All()
	require.NoError(t, err)
	for _, example := range all {
		config, err := json.Marshal(example.Config)
		require.NoError(t, err)
		for _, stack := range synthesized(t, example.Config) {
			for _, literal := range account.FindAllString(stack.text, -1) {
				assert.Contains(t, string(config), literal, "%s of %s", stack.name, example.Name)
			}
		}
	}
}

// secretName matches the name of a variable that looks like a secret.
var secretName = regexp.MustCompile(`(?i)secret|token|password|credential|private_?key`)

// keyMaterial matches access keys, private keys and inline secret values.
var keyMaterial = regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN|SecretString`)

func TestNoTemplateHoldsASecret(t *testing.T) {
	all, err := All()
	require.NoError(t, err)
	for _, example := range all {
		for _, stack := range synthesized(t, example.Config) {
			assert.Empty(t, keyMaterial.FindString(stack.text), stack.name)
			for id, resource := range stack.resources {
				if resource.Type != "AWS::CodeBuild::Project" {
					continue
				}
				var environment struct {
					EnvironmentVariables []struct{ Name, Type string }
				}
				require.NoError(t, json.Unmarshal(resource.Properties["Environment"], &environment))
				for _, variable := range environment.EnvironmentVariables {
					if secretName.MatchString(variable.Name) && variable.Name != "LAYERCACHE_SECRETS" {
						assert.Contains(t, []string{"SECRETS_MANAGER", "PARAMETER_STORE"}, variable.Type, "%s %s", id, variable.Name)
					}
				}
			}
		}
	}
}

// accountWide are the types that have one instance per name in the whole account, whoever deploys it. The
// README and the configuration's documentation mention this, and both can be turned off.
var accountWide = []string{"AWS::ECR::PullThroughCacheRule", "AWS::ECR::RepositoryCreationTemplate", "AWS::ECR::RegistryPolicy"}

// The names of a role's policies are local to the role.
var namedWithin = []string{"AWS::IAM::Policy"}

func TestTwoDeploymentsInOneAccountUseDifferentNames(t *testing.T) {
	names := func(deployment string) map[string]string {
		found := map[string]string{}
		config := map[string]any{"name": deployment, "builds": []any{map[string]any{"name": "service", "source": map[string]any{"directory": "service"}, "helperZip": "helper.zip"}}}
		for _, stack := range synthesized(t, config) {
			found["stack "+stack.name] = stack.name
			for id, resource := range stack.resources {
				if slices.Contains(accountWide, resource.Type) || slices.Contains(namedWithin, resource.Type) {
					continue
				}
				for property, value := range resource.Properties {
					if strings.HasSuffix(property, "Name") || property == "AliasName" {
						found[resource.Type+" "+string(value)] = id
					}
				}
			}
		}
		return found
	}
	first, second := names("first"), names("second")
	require.NotEmpty(t, first)
	for name := range first {
		assert.NotContains(t, second, name)
	}
}
