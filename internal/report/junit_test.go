package report

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJUnitHasAStepForEachTestCase(t *testing.T) {
	ratio := 0.5
	r := &Report{
		Verdict: "partly-used", VerdictReason: "1 of 2 steps had to run", HitRatio: &ratio, Exported: "yes",
		Steps: []Step{
			{Stage: "build", Instruction: "COPY . .", Cached: true},
			{Stage: "build", Platform: "linux/arm64", Instruction: "RUN echo \"]]>\" <&1 \x1b[31m\nmake", Seconds: 1.5, Error: "exit code: 2"},
			{Instruction: "RUN id"},
		},
	}
	dir := t.TempDir()
	require.NoError(t, r.Write(dir))
	content, err := os.ReadFile(filepath.Join(dir, "junit.xml"))
	require.NoError(t, err)
	var suite junitSuite
	require.NoError(t, xml.Unmarshal(content, &suite), "hostile text leaves it well-formed")
	assert.Equal(t, 4, suite.Tests)
	assert.Equal(t, 1, suite.Failures)
	require.Len(t, suite.Cases, 4)
	assert.Contains(t, suite.Cases[0].Name, "cache partly used")
	assert.Equal(t, "cached", suite.Cases[1].Output)
	assert.Equal(t, "linux/arm64 build", suite.Cases[2].ClassName)
	assert.Equal(t, "exit code: 2", suite.Cases[2].Failure.Message)
	assert.Equal(t, "1.500", suite.Cases[2].Time)
	assert.Equal(t, "Dockerfile", suite.Cases[3].ClassName)
}
