package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
)

// databaseWith creates a database with one vulnerability in all versions of a module before fixed.
//
// https://go.dev/doc/security/vuln/database
func databaseWith(t *testing.T, module, pkg, symbol, fixed string) string {
	t.Helper()
	const id, modified = "GO-2099-0001", "2026-01-01T00:00:00Z"
	type object = map[string]any
	dir := t.TempDir()
	for path, content := range map[string]any{
		"index/db.json":      object{"modified": modified},
		"index/modules.json": []object{{"path": module, "vulns": []object{{"id": id, "modified": modified, "fixed": fixed}}}},
		"index/vulns.json":   []object{{"id": id, "modified": modified}},
		"ID/" + id + ".json": object{"schema_version": "1.3.1", "id": id, "modified": modified, "published": modified, "summary": "planted", "affected": []object{{
			"package":            object{"name": module, "ecosystem": "Go"},
			"ranges":             []object{{"type": "SEMVER", "events": []object{{"introduced": "0"}, {"fixed": fixed}}}},
			"ecosystem_specific": object{"imports": []object{{"path": pkg, "symbols": []string{symbol}}}},
		}}, "database_specific": object{"url": "https://pkg.go.dev/vuln/" + id}},
	} {
		text, err := json.Marshal(content)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), text, 0o600))
	}
	return "file://" + dir
}

func TestAVulnerabilityOfTheMainModuleIsFound(t *testing.T) {
	t.Chdir("../../..")
	source := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "go.mod"), []byte("module example.com/tool\n\ngo 1.24\n"), 0o600))
	program := "package main\n\nfunc main() { weak() }\n\n//go:noinline\nfunc weak() { println() }\n"
	require.NoError(t, os.WriteFile(filepath.Join(source, "main.go"), []byte(program), 0o600))
	binary := filepath.Join(t.TempDir(), "tool")
	require.NoError(t, toolchain.Compile(t.Context(), toolchain.Compilation{
		Dir: source, Package: ".", LinkFlags: "-s -w", Platform: toolchain.Host(), Output: binary, Label: "the tool",
	}, &bytes.Buffer{}))

	var out bytes.Buffer
	s := scanner{db: databaseWith(t, "example.com/tool", "example.com/tool", "weak", "1.5.0"), out: &out}
	const isFound = "exit status 3" // govulncheck's exit status for a finding
	assert.ErrorContains(t, s.binary(t.Context(), binary, "v1.4.9"), isFound)
	assert.Contains(t, out.String(), "GO-2099-0001")
	assert.NoError(t, s.binary(t.Context(), binary, "v1.5.0"), out.String())
	assert.ErrorContains(t, s.binary(t.Context(), filepath.Join(source, "go.mod"), "v1.4.9"), "go.mod")
}

func TestAnUnreachableDatabaseIsRecognized(t *testing.T) {
	assert.False(t, reachable("https://127.0.0.1:1"))
	assert.True(t, reachable("file:///nowhere"))
}
