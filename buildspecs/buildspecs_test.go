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

func TestTheImageBuildspecIsTheseCommands(t *testing.T) {
	var spec map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(buildspecs.Image), &spec))
	assert.Equal(t, map[string]any{
		"version": 0.2,
		"env": map[string]any{
			"shell": "bash",
			"exported-variables": []any{
				"LAYERCACHE_VERDICT", "LAYERCACHE_HIT_RATIO", "LAYERCACHE_EXPORTED", "LAYERCACHE_SECONDS", "LAYERCACHE_IMAGE_DIGEST",
			},
		},
		"phases": map[string]any{
			"install": map[string]any{
				"on-failure": "ABORT",
				"commands": []any{
					`chmod +x "$CODEBUILD_SRC_DIR_layercache"/*`,
					`export PATH="$CODEBUILD_SRC_DIR_layercache:$PATH"`,
					`layercache setup`,
				},
			},
			"build": map[string]any{
				"on-failure": "ABORT",
				"commands": []any{
					`layercache build --push --file "$LAYERCACHE_DOCKERFILE" --tag "$LAYERCACHE_IMAGE:$LAYERCACHE_TAG" "$LAYERCACHE_CONTEXT"`,
				},
				"finally": []any{
					`if [ -f "$LAYERCACHE_REPORT_DIR/exports.env" ]; then set -a; . "$LAYERCACHE_REPORT_DIR/exports.env"; set +a; fi`,
				},
			},
		},
	}, spec)
}

func TestEveryVariableOfTheBuildspecIsQuoted(t *testing.T) {
	quoted := regexp.MustCompile(`"[^"]*"`)
	for _, line := range strings.Split(buildspecs.Image, "\n") {
		assert.NotContains(t, quoted.ReplaceAllString(line, ""), "$", line)
	}
}

func TestTheBuildspecCanBeReadAtAGlance(t *testing.T) {
	assert.Less(t, strings.Count(buildspecs.Image, "\n"), 40)
}
