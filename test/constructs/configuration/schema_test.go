// Package configuration tests the JSON schema of cdk.json, and configurations that use every key of it.
package configuration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/cxapi"
	"github.com/aws/jsii-runtime-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
	"github.com/layercache/layercache/stacks"
	"github.com/layercache/layercache/test/kit/checkout"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// schemaFile is the schema as JSON values.
func schemaFile(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(checkout.Path("docs/reference/cdk.schema.json"))
	require.NoError(t, err)
	var schema map[string]any
	require.NoError(t, json.Unmarshal(text, &schema))
	return schema
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("cdk.schema.json", schemaFile(t)))
	schema, err := compiler.Compile("cdk.schema.json")
	require.NoError(t, err)
	return schema
}

// everyKey returns the configurations that together use every key, by the name of their file.
func everyKey(t *testing.T) map[string]any {
	t.Helper()
	files, err := filepath.Glob(checkout.Path("stacks/testdata/keys/*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string]any{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all[filepath.Base(file)] = decoded(t, string(text))
	}
	return all
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(text), &value), text)
	return value
}

// cdkJSON returns the content of cdk.json with the configuration.
func cdkJSON(config any) any {
	return map[string]any{"app": "go run .", "context": map[string]any{stacks.ContextKey: config}}
}

func TestConfigurationsWithEveryKeyFitTheSchema(t *testing.T) {
	schema := compiled(t)
	for name, config := range everyKey(t) {
		assert.NoError(t, schema.Validate(cdkJSON(config)), name)
	}
}

func TestTheExamplesFitTheSchema(t *testing.T) {
	schema := compiled(t)
	files, err := filepath.Glob(checkout.Path("examples/*/cdk.json"))
	require.NoError(t, err)
	for _, file := range append(files, checkout.Path("cdk.json")) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NoError(t, schema.Validate(decoded(t, string(text))), file)
	}
}

func TestTheSchemaRefusesWhatReadConfigRefuses(t *testing.T) {
	schema := compiled(t)
	for name, text := range map[string]string{
		"an unknown key":                  `{"nam":"x","builds":[]}`,
		"no builds":                       `{}`,
		"an unknown key of a build":       `{"builds":[{"name":"api","source":{"directory":"."},"tag":"x"}]}`,
		"a build without a name":          `{"builds":[{"source":{"directory":"."}}]}`,
		"a build without a source":        `{"builds":[{"name":"api"}]}`,
		"a number as text":                `{"builds":[{"name":"api","source":{"directory":"."},"timeoutMinutes":"20"}]}`,
		"an unknown architecture":         `{"builds":[{"name":"api","source":{"directory":"."},"architecture":"mips"}]}`,
		"an unknown mode of the cache":    `{"builds":[{"name":"api","source":{"directory":"."},"cacheMode":"disk"}]}`,
		"an unknown event":                `{"builds":[{"name":"api","source":{"github":"a/b"},"webhook":{"filters":[{"events":["MERGE"]}]}}]}`,
		"a webhook that is text":          `{"builds":[{"name":"api","source":{"github":"a/b"},"webhook":"main"}]}`,
		"an unknown key of a webhook":     `{"builds":[{"name":"api","source":{"github":"a/b"},"webhook":{"branch":"main"}}]}`,
		"an account that is a number":     `{"cache":{"account":111111111111},"builds":[]}`,
		"an account with 11 digits":       `{"cache":{"account":"11111111111"},"builds":[]}`,
		"a name with capital letters":     `{"builds":[{"name":"API","source":{"directory":"."}}]}`,
		"a VPC that is a name":            `{"build":{"network":{"vpcId":"main","subnets":["subnet-1a"]}},"builds":[]}`,
		"an alarm topic that is a name":   `{"build":{"alarmTopics":["team"]},"builds":[]}`,
		"a secret that is a plain string": `{"builds":[{"name":"api","source":{"directory":"."},"secrets":{"npm":"ci/npm"}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			config := decoded(t, text)
			assert.Error(t, schema.Validate(cdkJSON(config)))
			_, problems := stacks.ReadConfig(config)
			assert.NotEmpty(t, problems)
		})
	}
}

func TestEveryKeyOfTheSchemaIsUsedByATest(t *testing.T) {
	schema := schemaFile(t)
	definitions := schema["definitions"].(map[string]any)
	used := map[string]bool{}
	for _, config := range everyKey(t) {
		markKeys(used, definitions, map[string]any{"$ref": "#/definitions/Config"}, config)
	}
	var unused []string
	for name, definition := range definitions {
		for key := range definition.(map[string]any)["properties"].(map[string]any) {
			if !used[name+"."+key] {
				unused = append(unused, name+"."+key)
			}
		}
	}
	slices.Sort(unused)
	assert.Empty(t, unused, "keys that no configuration in stacks/testdata/keys uses")
}

// markKeys marks the keys of a value, and of the values in it, by the name of their object in the schema.
func markKeys(used map[string]bool, definitions, schema map[string]any, value any) {
	for _, option := range asList(schema["anyOf"]) {
		markKeys(used, definitions, option.(map[string]any), value)
	}
	if items, isList := schema["items"].(map[string]any); isList {
		for _, item := range asList(value) {
			markKeys(used, definitions, items, item)
		}
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		return
	}
	if values, isMap := schema["additionalProperties"].(map[string]any); isMap {
		for _, item := range object {
			markKeys(used, definitions, values, item)
		}
	}
	reference, _ := schema["$ref"].(string)
	name := strings.TrimPrefix(reference, "#/definitions/")
	definition, known := definitions[name].(map[string]any)
	if !known {
		return
	}
	for key, item := range object {
		used[name+"."+key] = true
		if property, known := definition["properties"].(map[string]any)[key].(map[string]any); known {
			markKeys(used, definitions, property, item)
		}
	}
}

func asList(value any) []any {
	list, _ := value.([]any)
	return list
}

// An editor shows defaults and values, and the two must be true.
func TestTheSchemaSaysWhatKeysMean(t *testing.T) {
	for name, definition := range schemaFile(t)["definitions"].(map[string]any) {
		for key, property := range definition.(map[string]any)["properties"].(map[string]any) {
			assert.NotEmpty(t, property.(map[string]any)["description"], "%s.%s", name, key)
		}
	}
	build := schemaFile(t)["definitions"].(map[string]any)["BuildConfig"].(map[string]any)["properties"].(map[string]any)
	assert.Equal(t, "amd64", build["architecture"].(map[string]any)["default"])
	assert.Equal(t, []any{"amd64", "arm64"}, build["architecture"].(map[string]any)["enum"])
	assert.Equal(t, 60.0, build["timeoutMinutes"].(map[string]any)["default"])
	assert.Equal(t, []any{"auto"}, build["cacheMounts"].(map[string]any)["default"])
	assert.Equal(t, []any{map[string]any{"type": "boolean"}, map[string]any{"$ref": "#/definitions/WebhookConfig"}}, build["webhook"].(map[string]any)["anyOf"])
}

func TestConfigurationsWithEveryKeySynthesize(t *testing.T) {
	for name := range everyKey(t) {
		t.Run(name, func(t *testing.T) {
			app := appOf(t, name)
			app.Synth(nil)
			for _, construct := range *app.Node().FindAll("") {
				for _, entry := range *construct.Node().Metadata() { // Notes, such as those of GitHub Enterprise, are allowed.
					if slices.Contains([]string{"aws:cdk:error", "aws:cdk:warning"}, *entry.Type) {
						t.Errorf("%s: %v", *construct.Node().Path(), entry.Data)
					}
				}
			}
		})
	}
}

// synthesized returns the stacks of a configuration.
func synthesized(t *testing.T, name string) []cxapi.CloudFormationStackArtifact {
	t.Helper()
	return *appOf(t, name).Synth(nil).Stacks()
}

// appOf returns the app of a configuration.
func appOf(t *testing.T, name string) awscdk.App {
	t.Helper()
	value := everyKey(t)[name]
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("service", 0o700))
	for _, name := range []string{"service/Dockerfile", "helper.zip"} {
		require.NoError(t, os.WriteFile(name, []byte("FROM scratch\n"), 0o600))
	}
	config, problems := stacks.ReadConfig(value)
	require.Empty(t, problems)
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Outdir: jsii.String(t.TempDir())})
	config.AddTo(app)
	return app
}
