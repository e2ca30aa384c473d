// Package packed keeps a program compressed by zstd, which takes a sixth less than the deflate of a zip: the bundle that builds
// download has buildkitd in this form, and the helper unpacks it beside itself.
//
// A packed program is a sequence of zstd frames, as any zstd tool reads it. Each says how much it holds, so that they are
// unpacked side by side.
package packed

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// Suffix is what a packed program's name ends with.
const Suffix = ".zst"

const (
	// window is how far back a repetition may be, and so what unpacking a frame takes of memory.
	window = 8 << 20
	// Parts is how many frames there are: one for each core of the smallest machine that CodeBuild has for images.
	Parts = 2
)

// Pack writes the program's packed form. The same program gives the same bytes.
func Pack(program, packed string) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	defer encoder.Close()
	return replace(packed, 0o644, func(target *os.File) error {
		for part := range Parts {
			from, to := part*len(content)/Parts, (part+1)*len(content)/Parts
			if _, err := target.Write(encoder.EncodeAll(content[from:to], nil)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Unpack writes the program that was packed.
func Unpack(packed, program string) error {
	source, err := os.Open(packed)
	if err != nil {
		return err
	}
	defer source.Close()
	err = replace(program, 0o755, func(target *os.File) error {
		frames, err := framesOf(source)
		if err != nil {
			return err
		}
		var group errgroup.Group
		for _, frame := range frames {
			group.Go(func() error { return frame.unpack(source, target) })
		}
		return group.Wait()
	})
	if err != nil {
		return fmt.Errorf("make %s from %s: %w", program, packed, err)
	}
	return nil
}

// unpack decompresses the frame to its place in the program.
func (f frame) unpack(source io.ReaderAt, target io.WriterAt) error {
	decoder, err := zstd.NewReader(io.NewSectionReader(source, f.at, f.size),
		zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer decoder.Close()
	buffered := bufio.NewWriterSize(io.NewOffsetWriter(target, f.contentAt), 1<<20)
	_, err = io.Copy(buffered, decoder)
	return errors.Join(err, buffered.Flush())
}

// replace writes a file. It appears whole or not at all, also when two do it at once.
func replace(path string, mode os.FileMode, write func(*os.File) error) error {
	target, err := os.CreateTemp(filepath.Dir(path), ".packed-*")
	if err != nil {
		return err
	}
	defer os.Remove(target.Name())
	if err := errors.Join(write(target), target.Chmod(mode), target.Close()); err != nil {
		return err
	}
	return os.Rename(target.Name(), path)
}
