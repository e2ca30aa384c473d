package consumer

import (
	"io/fs"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/checkout"
)

var composeBlock = regexp.MustCompile("(?s)## Compose it in a stack of your own\n.*?```go\n(.*?)```")

// program returns the README's program, which must equal examples/compose/main.go.
func program(t *testing.T) string {
	t.Helper()
	readme, err := fs.ReadFile(checkout.FS(), "README.md")
	require.NoError(t, err)
	block := composeBlock.FindSubmatch(readme)
	require.NotNil(t, block, "the README has no Go code under \"Compose it in a stack of your own\"")
	example, err := fs.ReadFile(checkout.FS(), "examples/compose/main.go")
	require.NoError(t, err)
	assert.Equal(t, string(example), string(block[1]), "the README and examples/compose/main.go must have the same program")
	return string(block[1])
}
