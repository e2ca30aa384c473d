//go:build !linux

package progress

import "os"

// No packets here: Read takes the pipe for a stream of lines.
const largestPacket, packetSize = 1, 1

// NewPipe returns a pipe and its writing end, which is for buildx's standard error.
func NewPipe() (*Pipe, *os.File, error) {
	reader, writer, err := os.Pipe()
	return &Pipe{File: reader}, writer, err
}
