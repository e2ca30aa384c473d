package progress

import (
	"os"

	"golang.org/x/sys/unix"
)

// largestPacket is the largest page size of Linux on amd64 and arm64. A read that is smaller than a packet
// loses the rest of the packet.
const largestPacket = 64 << 10

// packetSize is the largest size of a packet on this machine.
var packetSize = os.Getpagesize()

// pipeBytes is the size of the pipe. Even a small packet takes a page of it, and the default of 16 pages is
// small for buildx's events.
const pipeBytes = 1 << 20

// NewPipe returns a pipe and its write end, which is for buildx's standard error.
//
// https://man7.org/linux/man-pages/man2/pipe.2.html (O_DIRECT)
func NewPipe() (*Pipe, *os.File, error) {
	var ends [2]int
	packets := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_DIRECT) == nil
	if !packets {
		reader, writer, err := os.Pipe()
		return &Pipe{File: reader}, writer, err
	}
	// If this fails the pipe is only slower.
	_, _ = unix.FcntlInt(uintptr(ends[0]), unix.F_SETPIPE_SZ, pipeBytes)
	return &Pipe{File: os.NewFile(uintptr(ends[0]), "|0"), packets: true}, os.NewFile(uintptr(ends[1]), "|1"), nil
}
