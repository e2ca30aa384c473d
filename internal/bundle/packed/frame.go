package packed

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// frame is a zstd frame of a packed program: the offset and size of the frame, and the offset and size of its
// content.
type frame struct{ at, size, contentAt, contentSize int64 }

// framesOf returns the frames without decompressing them. It fails unless there are exactly parts frames,
// because a missing frame would truncate the program.
func framesOf(source io.ReaderAt) ([]frame, error) {
	var frames []frame
	var next frame
	for {
		found, err := frameAt(source, next)
		if errors.Is(err, io.EOF) && len(frames) == parts {
			return frames, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the zstd frame at byte %d: %w", next.at, err)
		}
		frames = append(frames, found)
		next = frame{at: found.at + found.size, contentAt: found.contentAt + found.contentSize}
	}
}

// frameAt determines the size of a frame from the headers of its blocks. It returns io.EOF if there is no
// frame.
//
// https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
func frameAt(source io.ReaderAt, f frame) (frame, error) {
	const (
		blockHeader  = 3
		repeatedByte = 1 // a block type: one byte that is repeated
		checksum     = 4
	)
	start := make([]byte, zstd.HeaderMaxSize)
	n, err := source.ReadAt(start, f.at)
	if n == 0 {
		return f, err
	}
	var header zstd.Header
	if err := header.Decode(start[:n]); err != nil {
		return f, err
	}
	if !header.HasFCS || header.Skippable {
		return f, errors.New("its header has no content size")
	}
	f.contentSize, f.size = int64(header.FrameContentSize), int64(header.HeaderSize)
	for last := false; !last; {
		var block [blockHeader]byte
		if _, err := source.ReadAt(block[:], f.at+f.size); err != nil {
			return f, fmt.Errorf("it is truncated: %w", io.ErrUnexpectedEOF)
		}
		bits := int64(block[0]) | int64(block[1])<<8 | int64(block[2])<<16
		size := bits >> 3
		if bits>>1&3 == repeatedByte {
			size = 1
		}
		last = bits&1 == 1
		f.size += blockHeader + size
	}
	if header.HasCheckSum {
		f.size += checksum
	}
	return f, nil
}
