package builder

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return compressed.Bytes()
}

func TestDecompress(t *testing.T) {
	content := make([]byte, 300_000)
	_, _ = rand.Read(content)
	compressed := gzipped(t, content)
	cases := []struct {
		name    string
		in, out []byte
		status  int
		message string
	}{
		{name: "a layer", in: compressed, out: content},
		{name: "an empty layer", in: gzipped(t, nil)},
		{name: "a layer with two gzip members", in: append(bytes.Clone(compressed), compressed...), out: append(bytes.Clone(content), content...)},
		{name: "a truncated layer", in: compressed[:len(compressed)-100], status: 1, message: "unexpected EOF"},
		{name: "a layer with a wrong checksum", in: append(bytes.Clone(compressed[:len(compressed)-8]), make([]byte, 8)...), status: 1, message: "invalid checksum"},
		{name: "not gzip", in: []byte("not a layer"), status: 1, message: "invalid header"},
		{name: "empty input", status: 1, message: "EOF"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, c.status, Decompress(bytes.NewReader(c.in), &stdout, &stderr))
			if c.status == 0 {
				assert.True(t, bytes.Equal(c.out, stdout.Bytes()))
			}
			assert.Contains(t, stderr.String(), c.message)
		})
	}
}
