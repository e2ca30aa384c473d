package doctor

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheChecksComeBeforeTheFixes(t *testing.T) {
	checks := []Check{
		{"runc", OK, "1.1.5", ""},
		{"unpack", Warn, "no\nigzip\x1b", "install it"},
		{"login", Skipped, "not allowed to call ecr:X", ""},
		{"tags", Fail, "immutable", "make them mutable"},
	}
	var text, encoded bytes.Buffer
	require.NoError(t, Write(&text, checks))
	assert.Equal(t, `ok       runc    1.1.5
warn     unpack  no; igzip
skipped  login   not allowed to call ecr:X
fail     tags    immutable
fix: unpack: install it
fix: tags: make them mutable
`, text.String())
	require.NoError(t, WriteJSON(&encoded, checks[2:]))
	assert.JSONEq(t, `{"checks":[
		{"name":"login","state":"skipped","found":"not allowed to call ecr:X"},
		{"name":"tags","state":"fail","found":"immutable","fix":"make them mutable"}]}`, encoded.String())
	assert.True(t, HasFailed(checks))
	assert.False(t, HasFailed(checks[:3]))
}

func TestTheVariablesAreChecked(t *testing.T) {
	cases := []struct {
		name    string
		environ []string
		want    []string
	}{
		{"none", []string{"PATH=/bin"}, []string{"ok: 0 LAYERCACHE_* variables, all valid"}},
		{"all valid", []string{"LAYERCACHE_WRITE=false", "LAYERCACHE_PREWARM=a", "LAYERCACHE_COMMAND=image", "LAYERCACHE_TAGS=v1"},
			[]string{"ok: 4 LAYERCACHE_* variables, all valid"}},
		{"two invalid values", []string{"LAYERCACHE_WRITE=maybe", "LAYERCACHE_MODE=x"}, []string{
			`fail: LAYERCACHE_MODE is "x": expected one of registry, inline, image, local, s3, off`,
			`fail: LAYERCACHE_WRITE is "maybe": expected true or false`,
		}},
		{"an invalid value of an image", []string{"LAYERCACHE_IMAGE=host.example/shop", "LAYERCACHE_PUSH=maybe"},
			[]string{`fail: LAYERCACHE_PUSH is "maybe": expected true or false`}},
		{"a misspelt name", []string{"LAYERCACHE_REPOSITRY=x"},
			[]string{"warn: LAYERCACHE_REPOSITRY is not a variable of layercache: did you mean LAYERCACHE_REPOSITORY?"}},
		{"names that are not settings", []string{"LAYERCACHE_SECRET_S=x", "LAYERCACHE_VERDICT=used", "LAYERCACHE_IMAGE_DIGEST=x", "LAYERCASH_WRITE=x"},
			[]string{"ok: 3 LAYERCACHE_* variables, all valid"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, check := range Settings(c.environ) {
				got = append(got, string(check.State)+": "+check.Found)
			}
			assert.Equal(t, c.want, got)
		})
	}
}
