package packed

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// frame is a part of a packed program: where it is, and where what it holds belongs.
type frame struct{ at, size, contentAt, contentSize int64 }

// framesOf finds the frames without decompressing them: all of them, or the program would be short of one.
func framesOf(source io.ReaderAt) ([]frame, error) {
	var frames []frame
	var next frame
	for {
		found, err := frameAt(source, next)
		if errors.Is(err, io.EOF) && len(frames) == Parts {
			return frames, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the zstd frame at byte %d: %w", next.at, err)
		}
		frames = append(frames, found)
		next = frame{at: found.at + found.size, contentAt: found.contentAt + found.contentSize}
	}
}

// frameAt measures a frame by the headers of its blocks. io.EOF says that there is none.
//
// https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
func frameAt(source io.ReaderAt, f frame) (frame, error) {
	const (
		blockHeader  = 3
		repeatedByte = 1 // a type of block: its one byte stands for many
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
		return f, errors.New("it does not say how much it holds")
	}
	f.contentSize, f.size = int64(header.FrameContentSize), int64(header.HeaderSize)
	for last := false; !last; {
		var block [blockHeader]byte
		if _, err := source.ReadAt(block[:], f.at+f.size); err != nil {
			return f, fmt.Errorf("it is cut off: %w", io.ErrUnexpectedEOF)
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
