// Package packed compresses a program with zstd, which is a sixth smaller than the deflate of a zip. The
// bundle that builds download contains buildkitd in this form, and the helper unpacks it into its own folder.
//
// A packed program is a sequence of zstd frames, which any zstd tool can read. The header of each frame has
// its content size, so the frames can be unpacked in parallel.
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

// Suffix is the file name extension of a packed program.
const Suffix = ".zst"

const (
	// window is the maximum distance of a repetition in bytes, and so the memory for unpacking a frame.
	window = 16 << 20
	// parts is the number of frames: one per core of CodeBuild's smallest machine for images.
	parts = 2
)

// Form names the form of packed programs. Another number of frames or another window is another form.
func Form() string { return fmt.Sprintf("%d-%d", parts, window) }

// Pack writes the packed program. Equal programs give equal bytes.
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
		for part := range parts {
			from, to := part*len(content)/parts, (part+1)*len(content)/parts
			if _, err := target.Write(encoder.EncodeAll(content[from:to], nil)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Unpack writes the program from its packed form.
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
		return fmt.Errorf("unpack %s from %s: %w", program, packed, err)
	}
	return nil
}

// unpack decompresses the frame to its offset in the program.
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

// replace writes a file atomically, even if two processes do so concurrently.
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
