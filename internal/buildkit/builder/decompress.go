package builder

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
)

// decompressor is the program that buildkitd uses for gzip layers if it is on PATH. It runs while buildkitd unpacks the
// files.
const decompressor = "unpigz"

// IsDecompressor reports whether this program was called under the name of the decompressor.
func IsDecompressor(program string) bool { return filepath.Base(program) == decompressor }

// Decompress does what `unpigz -d -c` does. The exit status is 1 if the input is not complete, valid gzip.
func Decompress(stdin io.Reader, stdout, stderr io.Writer) (exitStatus int) {
	if err := decompress(stdin, stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func decompress(from io.Reader, to io.Writer) error {
	// The size of a pipe in Linux.
	const buffer = 64 << 10
	layer, err := gzip.NewReader(bufio.NewReaderSize(from, buffer))
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(to, buffer)
	if _, err := io.Copy(out, layer); err != nil {
		return err
	}
	return out.Flush()
}
