//go:build !linux

package progress

import "os"

// These are not used: without packets Read reads the pipe as a stream of lines.
const largestPacket, packetSize = 1, 1

// NewPipe returns a pipe and its write end, which is for buildx's standard error.
func NewPipe() (*Pipe, *os.File, error) {
	reader, writer, err := os.Pipe()
	return &Pipe{File: reader}, writer, err
}
