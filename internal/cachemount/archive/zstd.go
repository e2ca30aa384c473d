package archive

import (
	"io"

	"github.com/klauspost/compress/zstd"
)

// window is the window of the compression in bytes. A larger one makes packs a few percent smaller, and costs
// memory for each pack that is read or written.
const window = 1 << 20

func newEncoder(w io.Writer) (*zstd.Encoder, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(window),
		zstd.WithEncoderConcurrency(2), zstd.WithLowerEncoderMem(true))
}

// newDecoder returns a decoder that leaves out the checksum of zstd, because all blobs have a digest.
func newDecoder(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.IgnoreChecksum(true), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
}
