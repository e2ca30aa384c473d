package image

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBakeArgs(t *testing.T) {
	for _, c := range []struct {
		name      string
		variables map[string]string
		want      []string
	}{
		{"the files that buildx finds", map[string]string{"LAYERCACHE_BAKE": "true"}, []string{"--push", "--"}},
		{"a file, and nothing is pushed", map[string]string{"LAYERCACHE_BAKE": "ci/docker-bake.hcl", "LAYERCACHE_PUSH": "false"},
			[]string{"--file=ci/docker-bake.hcl", "--set=*.output=type=cacheonly", "--set=*.cache-to=", "--"}},
		{"images of targets get every tag", map[string]string{
			"LAYERCACHE_BAKE": "compose.yaml", "LAYERCACHE_BAKE_IMAGES": `{"web":"example.com/web","api":"example.com/shop/api"}`, "LAYERCACHE_TAGS": "latest,{commit}",
		}, []string{
			"--file=compose.yaml", "--set=*.output=type=cacheonly", "--set=*.cache-to=", "--set=api.output=type=image,push=true", "--set=api.tags=example.com/shop/api:latest", "--set=api.tags=example.com/shop/api:0123abc",
			"--set=web.output=type=image,push=true", "--set=web.tags=example.com/web:latest", "--set=web.tags=example.com/web:0123abc", "--", "api", "web",
		}},
		{"every variable", map[string]string{
			"LAYERCACHE_BAKE": "true", "LAYERCACHE_PLATFORMS": "linux/amd64, linux/arm64", "LAYERCACHE_BUILD_ARGS": `{"B":"--x"}`,
			"LAYERCACHE_SECRETS": `{"npmrc":"NPM"}`, "NPM": "hidden", "LAYERCACHE_PROVENANCE": "mode=max", "LAYERCACHE_SBOM": "true", "LAYERCACHE_ARGS": `["--var=X=1","api"]`,
		}, []string{
			"--push", "--set=*.platform=linux/amd64", "--set=*.platform=linux/arm64", "--set=*.args.B=--x", "--set=*.secrets+=type=env,id=npmrc,env=NPM",
			"--provenance=mode=max", "--sbom=true", "--var=X=1", "api", "--",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			described, err := read(c.variables, Words{Commit: "0123abc"})
			require.NoError(t, err)
			assert.Equal(t, c.want, described.BakeArgs())
		})
	}
}

func TestWrongVariablesOfBake(t *testing.T) {
	for _, c := range []struct{ name, variable, value, message string }{
		{"a target with a pattern", "LAYERCACHE_BAKE_IMAGES", `{"a.b":"example.com/x"}`, "has the target"},
		{"an image with a tag", "LAYERCACHE_BAKE_IMAGES", `{"a":"example.com/x:1"}`, "without a tag"},
		{"an image without a host", "LAYERCACHE_BAKE_IMAGES", `{"a":"x"}`, "HOST/NAME"},
		{"platform tags", "LAYERCACHE_PLATFORM_TAGS", "true", "LAYERCACHE_BAKE is set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(map[string]string{"LAYERCACHE_BAKE": "true", "LAYERCACHE_PLATFORMS": "linux/amd64", c.variable: c.value}, Words{})
			assert.ErrorContains(t, err, c.message)
			assert.ErrorContains(t, err, c.variable)
		})
	}
}
