package agent

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const graphSpec = `version: 0.2
batch:
  fast-fail: true
  build-graph:
    - identifier: last
      depend-on: [first, second]
      env: {variables: {ROLE: last}}
    - identifier: first
      env: {variables: {ROLE: first}}
    - identifier: second
env:
  exported-variables: [ROLE]
phases:
  build:
    commands: ["true"]
`

func TestAGraphIsOrderedByDependencies(t *testing.T) {
	ordered, err := Graph(graphSpec)
	require.NoError(t, err)
	require.Len(t, ordered, 3)
	assert.Equal(t, []string{"first", "second", "last"}, []string{ordered[0].Identifier, ordered[1].Identifier, ordered[2].Identifier})
	assert.Equal(t, []string{"first", "second"}, ordered[2].DependsOn)

	none, err := Graph("version: 0.2\nphases: {build: {commands: [\"true\"]}}\n")
	require.NoError(t, err)
	assert.Empty(t, none)

	_, err = Graph("version: 0.2\nbatch:\n  build-graph:\n    - identifier: a\n      depend-on: [b]\nphases: {build: {commands: [\"true\"]}}\n")
	assert.ErrorContains(t, err, "depends on")
}
