package readahead

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// source is a reader that counts how often it is closed.
type source struct {
	io.Reader
	closed int
}

func (s *source) Close() error {
	s.closed++
	return nil
}

func content(size int) []byte {
	made := make([]byte, size)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(made)
	return made
}

func TestTheCallerReadsWhatTheSourceHas(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, size := range []int{0, 1, partSize - 1, partSize, partSize + 1, parts * partSize, 3*parts*partSize + 17} {
		want := content(size)
		for name, c := range map[string]struct {
			reader io.Reader
			err    error
		}{
			"whole":                   {bytes.NewReader(want), nil},
			"halves":                  {iotest.HalfReader(bytes.NewReader(want)), nil},
			"the end with the data":   {iotest.DataErrReader(bytes.NewReader(want)), nil},
			"an error after the data": {io.MultiReader(bytes.NewReader(want), iotest.ErrReader(broken)), broken},
		} {
			read := &source{Reader: c.reader}
			r := New(read)
			got, err := io.ReadAll(r)
			assert.Equal(t, c.err, err, "%s of %d bytes", name, size)
			assert.True(t, bytes.Equal(want, got), "%s of %d bytes", name, size)
			_, err = r.Read(make([]byte, 1))
			assert.Error(t, err, "after the end there is nothing more")
			require.NoError(t, r.Close())
			require.NoError(t, r.Close(), "closed twice")
			assert.Equal(t, 1, read.closed)
		}
	}
}

func TestATruncatedLayerIsAnError(t *testing.T) {
	var layer bytes.Buffer
	packed := gzip.NewWriter(&layer)
	_, err := packed.Write(content(2 * partSize))
	require.NoError(t, err)
	require.NoError(t, packed.Close())
	unpacked, err := gzip.NewReader(bytes.NewReader(layer.Bytes()[:layer.Len()/2]))
	require.NoError(t, err)
	r := New(unpacked)
	defer r.Close()
	_, err = io.ReadAll(r)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestCloseEndsTheReadingOfALongSource(t *testing.T) {
	read := &source{Reader: endless{}}
	r := New(read)
	_, err := io.ReadFull(r, make([]byte, 3*partSize))
	require.NoError(t, err)
	require.NoError(t, r.Close())
	assert.Equal(t, 1, read.closed)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
