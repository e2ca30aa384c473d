package toolchain

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnEditMustFitTheVersion(t *testing.T) {
	cases := []struct {
		name    string
		edit    Edit
		main    string
		refused string
	}{
		{"the text is there once", Edit{File: "main.go", Old: `"unset"`, New: `"edited"`}, `package main; var text = "edited"`, ""},
		{"a new file", Edit{File: "new/file.go", New: "package new"}, `package main; var text = "unset"`, ""},
		{"a copy", Edit{File: "new/file.go", From: "main.go"}, `package main; var text = "unset"`, ""},
		{"the text is not there", Edit{File: "main.go", Old: "other", New: "x"}, "", `main.go contains "other" 0 times, expected once`},
		{"the text is there twice", Edit{File: "main.go", Old: "a", New: "x"}, "", `main.go contains "a" 4 times, expected once`},
		{"the file is not there", Edit{File: "other.go", Old: "a", New: "x"}, "", "no such file"},
		{"the file to copy is not there", Edit{File: "new/file.go", From: "other.go"}, "", "no such file"},
		{"the new file is there already", Edit{File: "main.go", New: "package main"}, "", "main.go exists already"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			const source = `package main; var text = "unset"`
			program := Program{Module: "example.com/tiny", Version: "v1.0.0", Edits: []Edit{c.edit}}
			original := module(t, source)
			dir, err := editedCopy(program, original)
			assert.Equal(t, source, string(read(t, filepath.Join(original, "main.go"))), "the module itself stays as it is")
			if c.refused != "" {
				require.ErrorContains(t, err, "edit example.com/tiny@v1.0.0: ")
				assert.ErrorContains(t, err, c.refused)
				assert.Empty(t, namesIn(t, os.TempDir()), "the copy is removed")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.main, string(read(t, filepath.Join(dir, "main.go"))))
			assert.FileExists(t, filepath.Join(dir, c.edit.File))
		})
	}
}

// The module cache is read-only, also for the owner if that is not root.
func TestACopyOfReadOnlyFilesCanBeEdited(t *testing.T) {
	original := module(t, works)
	require.NoError(t, filepath.WalkDir(original, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			err = os.Chmod(path, 0o444)
		}
		return err
	}))
	dir, err := editedCopy(Program{Edits: []Edit{{File: "main.go", Old: `"unset"`, New: `"edited"`}}}, original)
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	output := filepath.Join(t.TempDir(), "tiny")
	require.NoError(t, Compile(context.Background(), Compilation{Dir: dir, Package: ".", Platform: Host(), Output: output, Label: "tiny"}, &bytes.Buffer{}))
	out, err := exec.Command(output).CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, "edited\n", string(out))
}

func TestThePinnedBuildKitCanBeEdited(t *testing.T) {
	source, err := download(t.Context(), Buildkitd())
	require.NoError(t, err)
	dir, err := editedCopy(Buildkitd(), source)
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	assert.Contains(t, string(read(t, filepath.Join(dir, hijack))), "return quiet.New(c), closeCh, md")
}
