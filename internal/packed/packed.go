// Package packed keeps a program compressed by zstd, which takes a sixth less than the deflate of a zip and is unpacked as
// fast: the bundle that builds download has buildkitd in this form, and the helper unpacks it beside itself.
package packed

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// Suffix is what a packed program's name ends with.
const Suffix = ".zst"

// window is how far back a repetition may be, and so what unpacking takes of memory.
const window = 8 << 20

// Pack writes the program's packed form. The same program gives the same bytes.
func Pack(program, packed string) error {
	return convert(program, packed, 0o644, func(to io.Writer, from io.Reader) error {
		encoder, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		_, err = io.Copy(encoder, from)
		return errors.Join(err, encoder.Close())
	})
}

// Unpack writes the program that was packed.
func Unpack(packed, program string) error {
	return convert(packed, program, 0o755, func(to io.Writer, from io.Reader) error {
		decoder, err := zstd.NewReader(from, zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true))
		if err != nil {
			return err
		}
		defer decoder.Close()
		_, err = io.Copy(to, decoder)
		return err
	})
}

// convert writes a file from another. It appears whole or not at all, also when two do it at once.
func convert(from, to string, mode os.FileMode, copy func(io.Writer, io.Reader) error) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.CreateTemp(filepath.Dir(to), ".packed-*")
	if err != nil {
		return err
	}
	defer os.Remove(target.Name())
	buffered := bufio.NewWriterSize(target, 1<<20)
	err = errors.Join(copy(buffered, source), buffered.Flush(), target.Chmod(mode), target.Close())
	if err != nil {
		return fmt.Errorf("make %s from %s: %w", to, from, err)
	}
	return os.Rename(target.Name(), to)
}
