package version

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
)

func TestTheVersionIsOneLineThatNamesItsParts(t *testing.T) {
	got := String()
	assert.Regexp(t, `\Alayercache \S+ \(BuildKit v\S+, \S+\)\z`, got)
	assert.Contains(t, got, toolchain.Buildkitd().Version)
	assert.Contains(t, got, runtime.GOOS+"/"+runtime.GOARCH)
}
