package builder

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// process is the process of a builder that is a child of this process.
type process struct {
	*os.Process
	exited <-chan struct{}
	// failure returns why the process ended, once exited is closed.
	failure func() error
}

// Lost reports whether the builder's process has ended by itself. It is false for a builder that is not a
// child of this process.
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

// Failure returns why a builder that is lost ended, such as "signal: killed".
func (b *Builder) Failure() error {
	if !b.Lost() {
		return nil
	}
	return b.process.failure()
}

// Kill kills the builder's process if it is a child of this process. Close removes its files.
func (b *Builder) Kill() {
	if b.process != nil {
		_ = b.process.Kill()
	}
}

// Traffic returns how many bytes the builder has read and written so far, in files and connections. known is
// false if the builder is not a child of this process, or not on Linux.
//
// https://www.kernel.org/doc/html/latest/filesystems/proc.html#proc-pid-io-display-the-io-accounting-fields
func (b *Builder) Traffic() (bytes int64, known bool) {
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
