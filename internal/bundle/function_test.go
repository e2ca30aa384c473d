package bundle

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheDeployFunctionIsAProgramForItsRuntime(t *testing.T) {
	path, err := DeployFunction(t.Context(), io.Discard)
	require.NoError(t, err)
	archive, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer archive.Close()
	require.Len(t, archive.File, 1)
	assert.Equal(t, "bootstrap", archive.File[0].Name)
	assert.EqualValues(t, 0o755, archive.File[0].Mode().Perm())
	entry, err := archive.File[0].Open()
	require.NoError(t, err)
	content, err := io.ReadAll(entry)
	require.NoError(t, err)
	program, err := elf.NewFile(bytes.NewReader(content))
	require.NoError(t, err)
	assert.Equal(t, elf.EM_AARCH64, program.Machine)
	libraries, err := program.ImportedLibraries()
	require.NoError(t, err)
	assert.Empty(t, libraries, "the runtime has no libraries")

	again, err := DeployFunction(t.Context(), io.Discard)
	require.NoError(t, err)
	assert.Equal(t, path, again, "the name has the digest of the program")
}
