package buildspecs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/layercache/layercache/buildspecs"
)

func TestTheCommandsOfThePrewarmBuildspec(t *testing.T) {
	var spec map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(buildspecs.Prewarm), &spec))
	assert.Equal(t, map[string]any{
		"version": 0.2,
		"env":     map[string]any{"shell": "bash"},
		"phases": map[string]any{
			"install": map[string]any{
				"commands": []any{`chmod +x "$CODEBUILD_SRC_DIR/layercache"`},
			},
			"build": map[string]any{
				"commands": []any{`"$CODEBUILD_SRC_DIR/layercache" prewarm`},
			},
		},
	}, spec)
}
