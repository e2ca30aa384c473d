package escape

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestArgumentsAreQuotedForAShell(t *testing.T) {
	for argument, want := range map[string]string{
		"layercache/shop": "layercache/shop", "my cache": "'my cache'", "it's": `'it'\''s'`, "$(id)": "'$(id)'", "": "''",
	} {
		assert.Equal(t, want, Shell(argument))
	}
}
