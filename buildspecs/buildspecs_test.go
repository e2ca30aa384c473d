package buildspecs_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/layercache/layercache/buildspecs"
)

var exported = []any{"LAYERCACHE_VERDICT", "LAYERCACHE_HIT_RATIO", "LAYERCACHE_EXPORTED", "LAYERCACHE_SAVED_SECONDS", "LAYERCACHE_WORTH", "LAYERCACHE_SECONDS", "LAYERCACHE_IMAGE_DIGEST"}

// removeExports removes a file of the source that has the name of the file that export reads.
const removeLink = `if [ -L "$LAYERCACHE_REPORT_DIR" ]; then rm "$LAYERCACHE_REPORT_DIR"; fi`

const removeExports = `rm -rf "$LAYERCACHE_REPORT_DIR/exports.env"`

const export = `if [ -f "$LAYERCACHE_REPORT_DIR/exports.env" ]; then set -a; . "$LAYERCACHE_REPORT_DIR/exports.env"; set +a; fi`

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var spec map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &spec))
	return spec
}

func TestTheCommandsOfTheImageBuildspec(t *testing.T) {
	assert.Equal(t, map[string]any{
		"version": 0.2,
		"env":     map[string]any{"shell": "bash", "exported-variables": exported},
		"phases": map[string]any{
			"install": map[string]any{
				"on-failure": "ABORT",
				"commands": []any{
					removeLink,
					removeExports,
					`chmod +x "$CODEBUILD_SRC_DIR_layercache"/*`,
					`export PATH="$CODEBUILD_SRC_DIR_layercache:$PATH"`,
				},
			},
			"build": map[string]any{"on-failure": "ABORT", "commands": []any{`layercache image`}, "finally": []any{export}},
		},
	}, parse(t, buildspecs.Image))
}

func TestTheBatchBuildsEachPlatformAndThenTheIndex(t *testing.T) {
	spec := parse(t, buildspecs.ImageBatch)
	platform := func(identifier, kind, image, name string) map[string]any {
		return map[string]any{"identifier": identifier, "env": map[string]any{
			"type": kind, "image": image, "privileged-mode": true,
			"variables": map[string]any{"LAYERCACHE_COMMAND": "image", "LAYERCACHE_PLATFORMS": name, "LAYERCACHE_PLATFORM_TAGS": "true"},
		}}
	}
	assert.Equal(t, map[string]any{"fast-fail": true, "build-graph": []any{
		platform("linux_amd64", "LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:6.0", "linux/amd64"),
		platform("linux_arm64", "ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:4.0", "linux/arm64"),
		map[string]any{"identifier": "index", "depend-on": []any{"linux_amd64", "linux_arm64"}, "env": map[string]any{
			"type": "LINUX_CONTAINER", "image": "aws/codebuild/amazonlinux-x86_64-standard:6.0", "compute-type": "BUILD_GENERAL1_SMALL",
			"variables": map[string]any{"LAYERCACHE_COMMAND": "index", "LAYERCACHE_PLATFORMS": "linux/amd64,linux/arm64"},
		}},
	}}, spec["batch"])
	assert.Equal(t, map[string]any{"shell": "bash", "exported-variables": exported}, spec["env"])
	assert.Equal(t, map[string]any{
		"install": map[string]any{
			"on-failure": "ABORT",
			"commands": []any{
				removeLink,
				removeExports,
				`if [ "$(uname -m)" = aarch64 ]; then HELPER="$CODEBUILD_SRC_DIR_layercache_arm64"; else HELPER="$CODEBUILD_SRC_DIR_layercache_amd64"; fi`,
				`chmod +x "$HELPER"/*`,
				`export PATH="$HELPER:$PATH"`,
			},
		},
		"build": map[string]any{"on-failure": "ABORT", "commands": []any{`layercache "$LAYERCACHE_COMMAND"`}, "finally": []any{export}},
	}, spec["phases"])
}

func TestReportsCanBeAppendedToBothBuildspecs(t *testing.T) {
	for _, text := range []string{buildspecs.Image, buildspecs.ImageBatch} {
		with := parse(t, text+buildspecs.Reports)
		assert.Equal(t, map[string]any{"layercache": map[string]any{
			"base-directory": "layercache-report", "files": []any{"junit.xml"}, "file-format": "JUNITXML",
		}}, with["reports"])
		delete(with, "reports")
		assert.Equal(t, parse(t, text), with)
	}
}

func TestEveryVariableOfTheBuildspecsIsQuoted(t *testing.T) {
	quoted := regexp.MustCompile(`"[^"]*"`)
	for _, line := range strings.Split(buildspecs.Image+buildspecs.ImageBatch+buildspecs.Reports, "\n") {
		assert.NotContains(t, quoted.ReplaceAllString(line, ""), "$", line)
	}
}

func TestTheImageBuildspecIsShort(t *testing.T) {
	assert.Less(t, strings.Count(buildspecs.Image, "\n"), 40)
}
