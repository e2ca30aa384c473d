package builder

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// process is a builder that is a child of this process.
type process struct {
	*os.Process
	exited <-chan struct{}
}

// Lost says that the builder's process has ended by itself. Of a builder that is no child of this process nothing is known.
func (b *Builder) Lost() bool {
	if b.process == nil {
		return false
	}
	select {
	case <-b.process.exited:
		return true
	default:
		return false
	}
}

// Kill ends the builder's process without asking it, where it is a child of this process. What it left is removed by Close.
func (b *Builder) Kill() {
	if b.process != nil {
		_ = b.process.Kill()
	}
}

// Traffic is how many bytes the builder has read and written so far, by files and connections. It is seen on Linux, where the
// builder is a child of this process.
//
// https://www.kernel.org/doc/html/latest/filesystems/proc.html#proc-pid-io-display-the-io-accounting-fields
func (b *Builder) Traffic() (bytes int64, seen bool) {
	if b.process == nil {
		return 0, false
	}
	counters, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", b.process.Pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(counters)) {
		name, value, _ := strings.Cut(line, ":")
		if count, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil && (name == "rchar" || name == "wchar") {
			bytes += count
		}
	}
	return bytes, true
}
