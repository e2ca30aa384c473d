package docker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/buildx"
)

func TestAssetName(t *testing.T) {
	hash, other := strings.Repeat("a1", 32), strings.Repeat("b2", 32)
	manifest := func(images string) string { return `{"dockerImages":{` + images + `}}` }
	api := manifest(`"` + hash + `":{"displayName":"Api/Image","source":{"dockerFile":"Containerfile"}}`)
	cases := []struct {
		name, tag string
		files     map[string]string
		want      string
	}{
		{"an image of a stack", "cdkasset-" + hash, map[string]string{"Shop.assets.json": api}, "Shop/Api/Image"},
		{"the tag is complete", "cdkasset-" + hash + ":latest", map[string]string{"Shop.assets.json": api}, "Shop/Api/Image"},
		{"an image of a stage", "cdkasset-" + hash, map[string]string{"Pipeline.assets.json": manifest(""), "assembly-Prod/ProdShop.assets.json": api}, "ProdShop/Api/Image"},
		{"an image of a stage in a stage, as a pipeline in a stage has", "cdkasset-" + hash,
			map[string]string{"assembly-Delivery/assembly-Delivery-Prod/Shop.assets.json": api}, "Shop/Api/Image"},
		{"an image of two stacks has the name in the first", "cdkasset-" + hash, map[string]string{"A.assets.json": api, "B.assets.json": api}, "A/Api/Image"},
		{"a CDK without display names", "cdkasset-" + hash,
			map[string]string{"Shop.assets.json": manifest(`"` + hash + `":{"source":{"dockerFile":"Containerfile","dockerBuildTarget":"web"}}`)}, "Shop/image/Containerfile/web"},
		{"an image in no manifest", "cdkasset-" + other, map[string]string{"Shop.assets.json": api}, "cdk-asset"},
		{"a manifest that is not JSON", "cdkasset-" + hash, map[string]string{"A.assets.json": "{", "Shop.assets.json": api}, "Shop/Api/Image"},
		{"an image that is no asset", "shop", map[string]string{"Shop.assets.json": api}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assembly := filepath.Join(t.TempDir(), "out[1]")
			for path, content := range c.files {
				path = filepath.Join(assembly, path)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			}
			got, ok := assetName(buildx.ParseArgs([]string{"--tag", c.tag, filepath.Join(assembly, "asset."+hash)}))
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.want != "", ok)
		})
	}
}

func TestBundlingName(t *testing.T) {
	tag := "cdk-" + strings.Repeat("a1", 32)
	working := t.TempDir()
	t.Chdir(working)
	cases := []struct {
		name string
		args []string
		want string
	}{
		{"a folder of the app", []string{"-t", tag, "functions/image"}, "cdk-image/functions/image"},
		{"the same folder, absolute", []string{"-t", tag, filepath.Join(working, "functions/image")}, "cdk-image/functions/image"},
		{"the folder of the app", []string{"-t", tag, "."}, "cdk-image"},
		{"a folder that the CDK for Python unpacked", []string{"-t", tag, "/tmp/jsii-kernel-x1Y2z3/aws-lambda-python-alpha/lib"}, "cdk-image/aws-lambda-python-alpha/lib"},
		{"a Dockerfile and a target", []string{"-t", tag, "-f", "image/Containerfile", "--target", "tools", "image"}, "cdk-image/image/Containerfile/tools"},
		{"the usual Dockerfile", []string{"-t", tag, "-f", "image/Dockerfile", "image"}, "cdk-image/image"},
		{"another image", []string{"-t", "cdk-tools", "image"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, ok := bundlingName(buildx.ParseArgs(c.args))
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.want != "", ok)
		})
	}
}
