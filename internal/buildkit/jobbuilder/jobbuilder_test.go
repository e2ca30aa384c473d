package jobbuilder

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheNameOfAJob(t *testing.T) {
	name := func(setting, codeBuild string) string {
		return Name(setting, func(string) (string, bool) { return codeBuild, codeBuild != "" })
	}
	assert.Empty(t, name("", ""), "builds elsewhere than in CodeBuild share nothing unless they are asked to")
	assert.Empty(t, name(Off, "shop:1"))
	assert.NotEmpty(t, name("", "shop:1"))
	assert.NotEqual(t, name("", "shop:1"), name("", "shop:2"))
	assert.NotEqual(t, name("a", ""), name("b", ""))
	assert.NotEqual(t, name("a", "shop:1"), name("a", "shop:2"), "the same project may build pull requests and releases")
}
