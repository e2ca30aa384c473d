package dockerconfig

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever the user's config.json contains, Write creates valid JSON or returns an error.
func FuzzWrite(f *testing.F) {
	f.Add([]byte(`{"auths":{"h":{"auth":"YTpi"}},"credHelpers":{"h":"x"},"credsStore":"desktop","cliPluginsExtraDirs":["/p"]}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"auths":[],"credHelpers":1}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		user, dir := t.TempDir(), t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(user, "config.json"), content, 0o600))
		if Write(dir, user, []string{"h", "other"}) != nil {
			return
		}
		written, err := os.ReadFile(filepath.Join(dir, "config.json"))
		require.NoError(t, err)
		require.True(t, json.Valid(written))
	})
}
