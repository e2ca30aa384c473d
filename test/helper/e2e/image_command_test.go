package e2e

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestImageCommand(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("build/My Dockerfile", "FROM "+base+" AS first\nARG GREETING\nRUN --mount=type=secret,id=npmrc echo \"$GREETING $(cat /run/secrets/npmrc)\" > /greeting\nFROM first\nRUN exit 1\n")
	for variable, value := range map[string]string{
		"LAYERCACHE_IMAGE": w.registry.Addr() + "/shop", "LAYERCACHE_TAGS": "latest, {branch}-{build}",
		"LAYERCACHE_DOCKERFILE": "build/My Dockerfile", "LAYERCACHE_CONTEXT": ".", "LAYERCACHE_TARGET": "first",
		"LAYERCACHE_BUILD_ARGS": `{"GREETING":"good day; $(id) --push=false"}`,
		"LAYERCACHE_SECRETS":    `{"npmrc":"NPM_TOKEN"}`, "NPM_TOKEN": "s3cret-canary",
		"LAYERCACHE_PROVENANCE": "false", "LAYERCACHE_ARGS": `["--label=team=a b"]`,
		"LAYERCACHE_BRANCH": "feature/x", "CODEBUILD_BUILD_NUMBER": "7",
	} {
		w.env[variable] = value
	}
	got := w.succeeds(w.run("image"))
	assert.Equal(t, "cold", got.Verdict)
	assert.NotContains(t, got.log, "s3cret-canary")
	assert.ElementsMatch(t, []string{"latest", "feature-x-217d2bf51f16e9dc49a2-7"}, w.tags("shop"))
	image := w.pulled(w.registry.Addr() + "/shop:latest")
	assert.Equal(t, "good day; $(id) --push=false s3cret-canary\n", fileOf(t, image, "greeting"))
	config, err := image.ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, "a b", config.Config.Labels["team"])
}

func TestImageCommandWithInvalidVariables(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	for variable, value := range map[string]string{
		"LAYERCACHE_TAGS": "{build}", "LAYERCACHE_BUILD_ARGS": "GREETING=hello", "LAYERCACHE_SECRETS": `{"npmrc":"NOT_SET"}`,
	} {
		w.env[variable] = value
	}
	got := w.run("image")
	assert.Equal(t, 1, got.exitCode)
	for _, named := range []string{"LAYERCACHE_IMAGE", "LAYERCACHE_TAGS", "LAYERCACHE_BUILD_ARGS", "LAYERCACHE_SECRETS"} {
		assert.Contains(t, got.log, named, "all invalid variables must be named together")
	}
}

func TestABuildThatDoesNotPush(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.env["LAYERCACHE_IMAGE"], w.env["LAYERCACHE_PUSH"] = w.registry.Addr()+"/shop", "false"
	got := w.succeeds(w.run("image"))
	assert.Empty(t, w.tags("shop"))
	assert.Equal(t, "yes", got.Exported, "the cache must be written anyway")
}

func TestIndexJoinsThePlatformsImages(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	w.env["LAYERCACHE_IMAGE"], w.env["LAYERCACHE_PLATFORM_TAGS"] = w.registry.Addr()+"/shop", "true"
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		w.env["LAYERCACHE_PLATFORMS"] = platform
		w.succeeds(w.run("image"))
	}
	w.env["LAYERCACHE_PLATFORMS"], w.env["LAYERCACHE_PLATFORM_TAGS"] = "linux/amd64,linux/arm64", "false"
	joined := w.run("index")
	require.Zero(t, joined.exitCode, joined.log)
	assert.ElementsMatch(t, []string{"latest-linux-amd64", "latest-linux-arm64", "latest"}, w.tags("shop"))
	assert.Len(t, w.tags("cache"), 4, "a cache and a record for each platform")

	ref, err := name.ParseReference(w.registry.Addr() + "/shop:latest")
	require.NoError(t, err)
	index, err := remote.Index(ref)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	var platforms []string
	for _, entry := range manifest.Manifests {
		if entry.Platform.OS != "unknown" {
			platforms = append(platforms, entry.Platform.String())
		}
	}
	assert.Equal(t, []string{"linux/amd64", "linux/arm64"}, platforms)
}

func TestPrewarm(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	image := w.registry.Addr() + "/ecr-public/docker/library/busybox:1.37"
	got := w.run("prewarm", image)
	assert.Zero(t, got.exitCode, got.log)
	assert.Contains(t, got.log, image+": ready, 1 layers")
	missing := w.run("prewarm", w.registry.Addr()+"/shop:none", image)
	assert.Equal(t, 1, missing.exitCode)
	assert.Contains(t, missing.log, "/shop:none: ")
	assert.Contains(t, missing.log, image+": ready", "a missing image must not stop the others")
}
