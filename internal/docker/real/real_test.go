package real

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	write := func(path string) string {
		full := filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte("#!/bin/sh\n"), 0o755))
		return full
	}
	link := func(target, path string) string {
		full := filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.Symlink(target, full))
		return full
	}
	own, err := os.Executable()
	require.NoError(t, err)
	this := link(own, "this/docker")
	version := link(write("version/layercache"), "linked/docker")
	copied, machine := write("copied/docker"), write("machine/docker")
	for _, c := range []struct {
		name         string
		passed       string
		path         []string
		found, other string
	}{
		{"the docker of the machine", "", []string{machine}, machine, machine},
		{"this program is skipped", "", []string{this, machine}, machine, machine},
		{"another version of layercache is skipped", "", []string{this, version, machine}, machine, version},
		{"a copy of layercache is not recognized", "", []string{this, copied, machine}, copied, copied},
		{"a copy of layercache that the call came through is skipped", copied, []string{copied, this, machine}, machine, copied},
		{"no docker but layercache", copied, []string{copied, this, version}, "", copied},
	} {
		t.Run(c.name, func(t *testing.T) {
			var dirs []string
			for _, program := range c.path {
				dirs = append(dirs, filepath.Dir(program))
			}
			t.Setenv("PATH", strings.Join(dirs, string(os.PathListSeparator)))
			t.Setenv(passedVariable, c.passed)
			found, err := Find()
			assert.Equal(t, c.found, found)
			assert.Equal(t, c.found == "", err != nil)
			assert.Contains(t, filepath.SplitList(os.Getenv(passedVariable)), own, "the programs that this one starts skip it")
			other, err := FindOther()
			require.NoError(t, err)
			assert.Equal(t, c.other, other)
		})
	}
}
