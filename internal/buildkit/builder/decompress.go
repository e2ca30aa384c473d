package builder

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
)

// decompressor is the program that buildkitd has decompress gzip layers where it is on PATH. It does so faster than buildkitd
// itself, and beside the unpacking of the files.
const decompressor = "unpigz"

// IsDecompressor says that this program was called under the decompressor's name.
func IsDecompressor(program string) bool { return filepath.Base(program) == decompressor }

// Decompress is `unpigz -d -c`, as buildkitd calls it. The exit status says whether it was gzip, and whole.
func Decompress(stdin io.Reader, stdout, stderr io.Writer) (exitStatus int) {
	if err := decompress(stdin, stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func decompress(from io.Reader, to io.Writer) error {
	// As large as a pipe.
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
