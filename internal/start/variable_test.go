package start

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVariablesAreSplitAtTheFirstEqualsSign(t *testing.T) {
	got, err := ParseVariables([]string{"LAYERCACHE_WRITE=false", "_x=", "Q=a=b\nc"})
	require.NoError(t, err)
	assert.Equal(t, []Variable{{"LAYERCACHE_WRITE", "false"}, {"_x", ""}, {"Q", "a=b\nc"}}, got)
}

func TestAVariableThatABuildCannotAcceptIsRefused(t *testing.T) {
	for message, texts := range map[string][]string{
		"expected NAME=VALUE":    {"LAYERCACHE_WRITE"},
		"letters, digits and _":  {"A-B=1"},
		"does not begin with":    {"1A=1"},
		"expected a name of":     {"=1"},
		"given twice":            {"A=1", "A=2"},
		"CodeBuild reserves var": {"CODEBUILD_SRC_DIR=/"},
	} {
		_, err := ParseVariables(texts)
		assert.ErrorContains(t, err, message)
	}
}
