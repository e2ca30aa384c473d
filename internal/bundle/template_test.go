package bundle_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// keyOf synthesizes a build with the zip, and returns the zip's object key in the template and the content of
// the file that is uploaded there.
func keyOf(t *testing.T, zip string) (key string, uploaded []byte) {
	t.Helper()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(t.TempDir())})
	stack := awscdk.NewStack(app, jsii.String("Test"), nil)
	imagebuild.NewImageBuild(stack, jsii.String("Build"), &imagebuild.ImageBuildProps{
		Source: imagebuild.Source_GitHub(jsii.String("acme"), jsii.String("shop"), nil), HelperZip: &zip,
		Cache: cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
	})
	assembly := app.Synth(nil)
	var manifest struct {
		Files map[string]struct {
			Source       struct{ Path string }
			Destinations map[string]struct{ ObjectKey string }
		}
	}
	content, err := os.ReadFile(filepath.Join(*assembly.Directory(), "Test.assets.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &manifest))
	for _, file := range manifest.Files {
		if filepath.Ext(file.Source.Path) != ".zip" {
			continue
		}
		for _, destination := range file.Destinations {
			key = destination.ObjectKey
		}
		uploaded, err = os.ReadFile(filepath.Join(*assembly.Directory(), file.Source.Path))
		require.NoError(t, err)
	}
	template, err := os.ReadFile(filepath.Join(*assembly.Directory(), "Test.template.json"))
	require.NoError(t, err)
	assert.Contains(t, string(template), key, "the project's source")
	return key, uploaded
}

func TestTheObjectKeyOfTheZipDependsOnItsContent(t *testing.T) {
	_, first := synthtest.File(t, "helper.zip", "one")
	key, uploaded := keyOf(t, first)
	assert.Regexp(t, `^[0-9a-f]{64}\.zip$`, key)
	assert.Equal(t, "one", string(uploaded), "the zip is uploaded unchanged")

	_, same := synthtest.File(t, "another.zip", "one")
	again, _ := keyOf(t, same)
	assert.Equal(t, key, again, "the same bytes from another folder")
	_, changed := synthtest.File(t, "helper.zip", "two")
	other, _ := keyOf(t, changed)
	assert.NotEqual(t, key, other)
}
