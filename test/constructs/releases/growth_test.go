package releases

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
	"github.com/layercache/layercache/stacks"
	"github.com/layercache/layercache/test/constructs/examples"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// synthesize returns the templates of a configuration by the name of the stack.
func synthesize(t *testing.T, config map[string]any) map[string][]byte {
	t.Helper()
	project := t.TempDir()
	require.NoError(t, examples.WriteProject(project))
	t.Chdir(project)
	read, problems := stacks.ReadConfig(config)
	require.Empty(t, problems)
	app := awscdk.NewApp(nil)
	read.AddTo(app)
	made := map[string][]byte{}
	for _, stack := range *app.Synth(nil).Stacks() {
		text, err := json.Marshal(stack.Template())
		require.NoError(t, err)
		made[*stack.StackName()] = text
	}
	return made
}

// What is deployed since a release gets builds in further stacks.
func TestBuildsInFurtherStacksLeaveWhatIsDeployed(t *testing.T) {
	all, err := All()
	require.NoError(t, err)
	configs, err := examples.All()
	require.NoError(t, err)
	for _, example := range configs {
		var kept []Template
		for _, template := range all {
			if template.Example == example.Name {
				kept = append(kept, template)
			}
		}
		if len(kept) == 0 {
			continue
		}
		t.Run(example.Name, func(t *testing.T) {
			before := synthesize(t, example.Config)
			for _, name := range []string{"one", "two"} {
				example.Config["builds"] = append(example.Config["builds"].([]any), map[string]any{
					"name": name, "stack": "more", "source": map[string]any{"directory": "service"}, "helperZip": "helper.zip",
				})
			}
			after := synthesize(t, example.Config)

			assert.Greater(t, len(after), len(before))
			for name, template := range before {
				assert.JSONEq(t, string(template), string(after[name]), name)
			}
			for _, template := range kept {
				require.Contains(t, after, template.Stack, "release %s", template.Release)
				lost, err := Lost(template.Text, after[template.Stack])
				require.NoError(t, err)
				assert.Empty(t, lost)
			}
		})
	}
}
