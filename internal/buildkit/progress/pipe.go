package progress

import "os"

// Pipe is the read end of a pipe for the stream. On Linux it preserves the boundaries of writes, because
// buildx writes each event and each error with one write.
type Pipe struct {
	*os.File
	// packets is true if the boundaries of writes are preserved.
	packets bool
}
