package builder

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/variables"
)

func TestTheConfigurationHasMirrorsAndPlainHTTPRegistries(t *testing.T) {
	cases := []struct {
		name      string
		mirrors   []variables.Mirror
		plainHTTP []string
		want      map[string]any
	}{
		{"no setting", nil, nil, nil},
		{"a mirror", []variables.Mirror{{Upstream: "docker.io", Location: "h.example/hub"}}, nil,
			map[string]any{"docker.io": map[string]any{"mirrors": []any{"h.example/hub"}}}},
		{"two mirrors of one upstream, in order", []variables.Mirror{{Upstream: "docker.io", Location: "b.example"}, {Upstream: "docker.io", Location: "a.example"}}, nil,
			map[string]any{"docker.io": map[string]any{"mirrors": []any{"b.example", "a.example"}}}},
		{"a registry without TLS", nil, []string{"localhost:5000"}, map[string]any{"localhost:5000": map[string]any{"http": true}}},
		{"a registry without TLS and with a mirror", []variables.Mirror{{Upstream: "localhost:5000", Location: "a.example"}}, []string{"localhost:5000"},
			map[string]any{"localhost:5000": map[string]any{"http": true, "mirrors": []any{"a.example"}}}},
		{"text with TOML syntax", []variables.Mirror{{Upstream: "x\"]\n[grpc]", Location: "\"\\\n'"}}, nil,
			map[string]any{"x\"]\n[grpc]": map[string]any{"mirrors": []any{"\"\\\n'"}}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "buildkitd.toml")
			require.NoError(t, writeConfiguration(path, Options{Mirrors: c.mirrors, PlainHTTP: c.plainHTTP}, nil))
			want := map[string]any{"insecure-entitlements": []any{"network.host"}, "worker": map[string]any{"oci": map[string]any{"gc": false}}}
			if c.want != nil {
				want["registry"] = c.want
			}
			assert.Equal(t, want, parsed(t, path))
		})
	}
}

func TestTheConfigurationLimitsParallelSteps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "buildkitd.toml")
	require.NoError(t, writeConfiguration(path, Options{Parallelism: 3}, nil))
	assert.Equal(t, map[string]any{"oci": map[string]any{"gc": false, "max-parallelism": int64(3)}}, parsed(t, path)["worker"])
}

func TestTheConfigurationCanDisableTheBuildHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "buildkitd.toml")
	require.NoError(t, writeConfiguration(path, Options{NoHistory: true}, nil))
	assert.Equal(t, map[string]any{"maxEntries": int64(0)}, parsed(t, path)["history"])
}

func TestASharedBuilderRemovesWhatIsNotUsedButNoCacheMounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "buildkitd.toml")
	require.NoError(t, writeConfiguration(path, Options{SharedByBuilds: true}, nil))
	assert.Equal(t, map[string]any{"oci": map[string]any{"gc": true, "gcpolicy": []any{map[string]any{
		"filters": []any{"type==regular", "type==source.local", "type==source.git.checkout"}, "minFreeSpace": "2GB", "maxUsedSpace": "1PB",
	}}}}, parsed(t, path)["worker"])
}

func TestTheConfigurationHasNameServersOfSteps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "buildkitd.toml")
	require.NoError(t, writeConfiguration(path, Options{}, []string{"127.0.0.11", "10.0.0.2"}))
	assert.Equal(t, map[string]any{"nameservers": []any{"127.0.0.11", "10.0.0.2"}}, parsed(t, path)["dns"])
}

func parsed(t *testing.T, path string) map[string]any {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	got := map[string]any{}
	require.NoError(t, toml.Unmarshal(content, &got))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	return got
}
