package examples

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
	"github.com/layercache/layercache/stacks"
	"github.com/layercache/layercache/test/kit/checkout"
)

// update is the environment variable that makes the tests rewrite the snapshots.
const update = "LAYERCACHE_UPDATE_SNAPSHOTS"

func TestMain(m *testing.M) { synthtest.Main(m) }

// assetHash matches asset hashes. They change with every source file, so the snapshots leave them out.
var assetHash = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

func TestTemplatesOfTheExamplesEqualTheirSnapshots(t *testing.T) {
	root, err := filepath.Abs("snapshots")
	require.NoError(t, err)
	for _, name := range simulated {
		t.Run(name, func(t *testing.T) {
			snapshots, made := filepath.Join(root, name), templates(t, name)
			if os.Getenv(update) != "" {
				require.NoError(t, write(snapshots, made))
			}
			var names []string
			for name, template := range made {
				names = append(names, name)
				kept, err := os.ReadFile(filepath.Join(snapshots, name))
				require.NoError(t, err, "run this test with %s=true to write the snapshot", update)
				assert.Equal(t, string(kept), template, "%s: if the change is intended, run this test with %s=true", name, update)
			}
			var kept []string
			files, err := os.ReadDir(snapshots)
			require.NoError(t, err)
			for _, file := range files {
				kept = append(kept, file.Name())
			}
			assert.ElementsMatch(t, kept, names, "stacks with a snapshot")
		})
	}
}

// written matches full names that examples and AWS legitimately contain: connections, and services as
// principals.
var written = regexp.MustCompile(`"(?:arn:aws:codeconnections:[^"]*|[a-z.]+\.amazonaws\.com)"`)

func TestNoTemplateNamesAPartitionADomainOrAnotherStack(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("snapshots", "*", "*.template.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		rest := written.ReplaceAllString(string(text), "")
		for _, literal := range []string{"arn:aws", "amazonaws.com", "Fn::ImportValue", "Fn::GetStackOutput", `"Export"`} {
			assert.NotContains(t, rest, literal, file)
		}
	}
}

// templates returns the templates of an example by file name. The example is synthesized in its own folder.
func templates(t *testing.T, name string) map[string]string {
	t.Helper()
	t.Chdir(checkout.Path("examples/" + name))
	assert.Equal(t, configurationApp, appOf(t))
	config, problems := stacks.ReadConfig(withHelper(t, name))
	require.Empty(t, problems)
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: new(bool), Outdir: jsii.String(t.TempDir())})
	config.AddTo(app)
	made := map[string]string{}
	for _, stack := range *app.Synth(nil).Stacks() {
		assert.Empty(t, *stack.Messages(), "the synthesis of %s reports messages", *stack.StackName())
		text, err := json.Marshal(stack.Template())
		require.NoError(t, err)
		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, assetHash.ReplaceAll(text, []byte("ASSET")), "", "  "))
		made[*stack.StackName()+".template.json"] = indented.String() + "\n"
	}
	return made
}

// write replaces the snapshots of an example.
func write(dir string, templates map[string]string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, template := range templates {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(template), 0o644); err != nil {
			return err
		}
	}
	return nil
}
