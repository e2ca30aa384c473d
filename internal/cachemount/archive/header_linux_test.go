package archive

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestASmallFileHasOneBlockBeforeItsContent(t *testing.T) {
	dir, temp := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(path, make([]byte, 512), 0o644))
	require.NoError(t, os.Chtimes(path, time.Now(), time.Unix(1_700_000_000, 123_456_789)))
	updated, err := Update{Dir: dir, Temp: temp}.Run(t.Context())
	require.NoError(t, err)
	file, err := os.Open(updated.New[0].File)
	require.NoError(t, err)
	defer file.Close()
	decompressed, err := newDecoder(file)
	require.NoError(t, err)
	defer decompressed.Close()
	size, err := io.Copy(io.Discard, decompressed)
	require.NoError(t, err)
	require.EqualValues(t, 512+512+1024, size, "a header, the content and the two blocks at the end of a tar file")
}
