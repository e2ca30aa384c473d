package buildspecs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/layercache/layercache/buildspecs"
)

var exported = []any{"LAYERCACHE_VERDICT", "LAYERCACHE_HIT_RATIO", "LAYERCACHE_EXPORTED", "LAYERCACHE_SAVED_SECONDS", "LAYERCACHE_WORTH", "LAYERCACHE_SECONDS", "LAYERCACHE_IMAGE_DIGEST"}

// removeExports removes a file of the source that has the name of the file that export reads.
const removeLink = `if [ -L "$LAYERCACHE_REPORT_DIR" ]; then rm "$LAYERCACHE_REPORT_DIR"; fi`

const removeExports = `rm -rf "$LAYERCACHE_REPORT_DIR/exports.env"`

// renewTimes gives files of an S3 source the time of the build.
const renewTimes = `find . -xdev -type f ! -newermt 1981-01-01 -exec touch {} + || true`

const export = `if [ -f "$LAYERCACHE_REPORT_DIR/exports.env" ]; then set -a; . "$LAYERCACHE_REPORT_DIR/exports.env"; set +a; fi`

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var spec map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &spec))
	return spec
}

func TestOnlyFilesOf1980GetTheTimeOfTheBuild(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	zipped, old := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	times := map[string]time.Time{
		filepath.Join(dir, "zipped; rm -rf $HOME"): zipped, filepath.Join(dir, "old"): old, outside: zipped,
	}
	for path, when := range times {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Chtimes(path, when, when))
	}
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link")))
	command := exec.Command("bash", "-c", renewTimes)
	command.Dir = dir
	require.NoError(t, command.Run())
	for path, before := range times {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, filepath.Base(path) != "zipped; rm -rf $HOME", info.ModTime().Equal(before), path)
	}
}

func TestTheCommandsOfTheImageBuildspec(t *testing.T) {
	assert.Equal(t, map[string]any{
		"version": 0.2,
		"env":     map[string]any{"shell": "bash", "exported-variables": exported},
		"phases": map[string]any{
			"install": map[string]any{
				"commands": []any{
					removeLink,
					removeExports,
					renewTimes,
					`chmod +x "$CODEBUILD_SRC_DIR_layercache"/*`,
					`export PATH="$CODEBUILD_SRC_DIR_layercache:$PATH"`,
				},
			},
			"build": map[string]any{"commands": []any{`layercache image`}, "finally": []any{export}},
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
			"commands": []any{
				removeLink,
				removeExports,
				renewTimes,
				`if [ "$(uname -m)" = aarch64 ]; then HELPER="$CODEBUILD_SRC_DIR_layercache_arm64"; else HELPER="$CODEBUILD_SRC_DIR_layercache_amd64"; fi`,
				`chmod +x "$HELPER"/*`,
				`export PATH="$HELPER:$PATH"`,
			},
		},
		"build": map[string]any{"commands": []any{`layercache "$LAYERCACHE_COMMAND"`}, "finally": []any{export}},
	}, spec["phases"])
}

func TestReportsCanBeAppendedToBothBuildspecs(t *testing.T) {
	const group = "arn:aws:codebuild:eu-west-1:111122223333:report-group/Reports-1"
	for _, text := range []string{buildspecs.Image, buildspecs.ImageBatch} {
		with := parse(t, text+buildspecs.Reports(group))
		assert.Equal(t, map[string]any{group: map[string]any{
			"base-directory": "layercache-junit", "files": []any{"junit.xml"}, "file-format": "JUNITXML",
		}}, with["reports"])
		assert.Contains(t, with["phases"], "post_build")
		delete(with, "reports")
		delete(with["phases"].(map[string]any), "post_build")
		assert.Equal(t, parse(t, text), with)
	}
}

func TestTheBuildImagesOfABatchCanBeReplaced(t *testing.T) {
	const amd64, arm64 = "aws/codebuild/amazonlinux-x86_64-standard:5.0", "aws/codebuild/amazonlinux-aarch64-standard:3.0"
	var images []string
	for _, build := range parse(t, buildspecs.ImageBatchOn(amd64, arm64))["batch"].(map[string]any)["build-graph"].([]any) {
		images = append(images, build.(map[string]any)["env"].(map[string]any)["image"].(string))
	}
	assert.Equal(t, []string{amd64, arm64, amd64}, images)
	assert.Equal(t, buildspecs.ImageBatch, buildspecs.ImageBatchOn(buildspecs.AMD64Image, buildspecs.ARM64Image))
}

// Reserved capacity and Lambda machines do not support on-failure:
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
func TestNoPhaseDependsOnOnFailure(t *testing.T) {
	for _, text := range []string{buildspecs.Image, buildspecs.ImageBatch, buildspecs.Prewarm, buildspecs.Reports("group")} {
		assert.NotContains(t, text, "on-failure")
	}
}

func TestEveryVariableOfTheBuildspecsIsQuoted(t *testing.T) {
	quoted := regexp.MustCompile(`"[^"]*"`)
	for _, line := range strings.Split(buildspecs.Image+buildspecs.ImageBatch+buildspecs.Reports("group"), "\n") {
		assert.NotContains(t, quoted.ReplaceAllString(line, ""), "$", line)
	}
}

func TestTheImageBuildspecIsShort(t *testing.T) {
	assert.Less(t, strings.Count(buildspecs.Image, "\n"), 40)
}
