package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../.."

func TestTheCopyIsThatOfBuildKitInGoMod(t *testing.T) {
	assert.NoError(t, run(root, true))
}

func TestNoFileImportsTheOriginalOrStackTraces(t *testing.T) {
	files, err := copies()
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for name, content := range files {
		assert.NotContains(t, string(content), module+"/util/stack", name)
		for _, pack := range packages {
			assert.NotContains(t, string(content), `"`+module+"/"+source+"/"+pack+`"`, name)
		}
	}
}

func TestTheCheckFindsEveryDifference(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, run(folder, false))
	require.NoError(t, run(folder, true))
	errorsGo := filepath.Join(folder, target, "parser", "errors.go")
	for name, change := range map[string]func() error{
		"a changed file": func() error { return os.WriteFile(errorsGo, []byte("package parser\n"), 0o600) },
		"a missing file": func() error { return os.Remove(errorsGo) },
		"a file too many": func() error {
			return os.WriteFile(filepath.Join(folder, target, "parser", "more.go"), []byte("package parser\n"), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, change())
			require.ErrorContains(t, run(folder, true), "run make docs")
			require.NoError(t, run(folder, false))
			require.NoError(t, run(folder, true))
		})
	}
}
