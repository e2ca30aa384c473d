package packed

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var program = strings.Repeat("#!/bin/sh\necho hello\n", 100_000)

// packed returns the path of the packed program, in a new folder.
func packed(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hello")
	require.NoError(t, os.WriteFile(path, []byte(program), 0o600))
	require.NoError(t, Pack(path, path+Suffix))
	return path + Suffix
}

func content(t *testing.T, path string) string {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(got)
}

func TestUnpackRestoresTheProgram(t *testing.T) {
	from := packed(t)
	assert.Less(t, len(content(t, from)), len(program)/100)
	to := filepath.Join(t.TempDir(), "hello")
	require.NoError(t, Unpack(from, to))
	assert.Equal(t, program, content(t, to))
	info, err := os.Stat(to)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o755), info.Mode())
}

func TestEqualProgramsGiveEqualBytes(t *testing.T) {
	assert.Equal(t, content(t, packed(t)), content(t, packed(t)))
}

func TestConcurrentUnpacksLeaveOneProgram(t *testing.T) {
	from := packed(t)
	to := filepath.Join(t.TempDir(), "hello")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { assert.NoError(t, Unpack(from, to)) })
	}
	group.Wait()
	assert.Equal(t, program, content(t, to))
	entries, err := os.ReadDir(filepath.Dir(to))
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestATruncatedFileIsNotUnpacked(t *testing.T) {
	for name, size := range map[string]func(frames []frame) int64{
		"in the header":     func([]frame) int64 { return 3 },
		"in a block":        func(frames []frame) int64 { return frames[0].size / 2 },
		"between the parts": func(frames []frame) int64 { return frames[0].size },
		"in the last part":  func(frames []frame) int64 { return frames[1].at + frames[1].size - 1 },
		"all of it":         func([]frame) int64 { return 0 },
	} {
		t.Run(name, func(t *testing.T) {
			from := packed(t)
			source, err := os.Open(from)
			require.NoError(t, err)
			frames, err := framesOf(source)
			require.NoError(t, errors.Join(err, source.Close()))
			require.NoError(t, os.Truncate(from, size(frames)))
			to := filepath.Join(t.TempDir(), "hello")
			require.ErrorContains(t, Unpack(from, to), "unpack "+to+" from "+from)
			assert.NoFileExists(t, to)
		})
	}
	to := filepath.Join(t.TempDir(), "hello")
	require.Error(t, Unpack(filepath.Join(t.TempDir(), "absent"), to))
}
