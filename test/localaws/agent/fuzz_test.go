package agent

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/checkout"
)

func FuzzBuildspec(f *testing.F) {
	files, err := fs.Glob(checkout.FS(), "buildspecs/*.yml")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		content, err := fs.ReadFile(checkout.FS(), file)
		require.NoError(f, err)
		f.Add(string(content))
	}
	f.Add("version: 0.2\nphases:\n  build:\n    commands: [a, b]\n")
	f.Add("a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := parse(text)
		if err == nil && len(spec.phases) == 0 {
			t.Fatal("a buildspec without phases was accepted")
		}
	})
}
