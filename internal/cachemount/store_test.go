package cachemount

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/cache"
)

func TestAnyIDMakesAValidTag(t *testing.T) {
	long := strings.Repeat("ab", 100)
	tag := cache.Tag(cache.Scope{App: long, Platform: long, Branch: long})
	for name, id := range map[string]string{
		"nothing": "", "a path": "/root/.cache/go-build", "a NUL": "a\x00b", "invalid UTF-8": "\xff", "a long text": long, "a tag": ":latest",
	} {
		t.Run(name, func(t *testing.T) { checkTag(t, cache.MountRef("localhost:5000/cache:"+tag, Name(id))) })
	}
}

func checkTag(t *testing.T, ref string) {
	t.Helper()
	_, err := name.NewTag(ref, name.StrictValidation)
	require.NoError(t, err)
	assert.Error(t, cache.Refs{Export: strings.Split(ref, "--mount--")[0]}.CheckApart([]string{ref}), "an image with this name is refused")
}
