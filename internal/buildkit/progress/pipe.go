package progress

import "os"

// Pipe is the reading end of a pipe for the stream. Where the system can, it keeps the writes apart: buildx writes each event,
// and each error, by one write.
type Pipe struct {
	*os.File
	packets bool
}
