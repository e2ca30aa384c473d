package start

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVariablesAreReadUpToTheFirstEqualsSign(t *testing.T) {
	got, err := ParseVariables([]string{"LAYERCACHE_WRITE=false", "_x=", "Q=a=b\nc"})
	require.NoError(t, err)
	assert.Equal(t, []Variable{{"LAYERCACHE_WRITE", "false"}, {"_x", ""}, {"Q", "a=b\nc"}}, got)
}

func TestAVariableThatABuildCannotTakeIsRefused(t *testing.T) {
	for says, texts := range map[string][]string{
		"expected NAME=VALUE":    {"LAYERCACHE_WRITE"},
		"letters, digits and _":  {"A-B=1"},
		"does not begin with":    {"1A=1"},
		"a name is made of":      {"=1"},
		"given twice":            {"A=1", "A=2"},
		"CodeBuild sets the var": {"CODEBUILD_SRC_DIR=/"},
	} {
		_, err := ParseVariables(texts)
		assert.ErrorContains(t, err, says)
	}
}
