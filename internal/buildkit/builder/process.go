package builder

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// process is the process of a builder that is a child of this process.
type process struct {
	*os.Process
	exited <-chan struct{}
	// socket is where it accepts builds.
	socket string
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

const (
	// deathNotice limits how long a dying builder may still accept connections after buildx has lost its own.
	deathNotice = 200 * time.Millisecond
	// deathTimeout limits how long its process may take to end after that: the kernel ends its steps first.
	deathTimeout = 10 * time.Second
)

// HasDied reports whether the builder's process has ended by itself. If its socket is closed, HasDied waits for
// the end of the process.
func (b *Builder) HasDied() bool {
	if b.process == nil {
		return false
	}
	for begin := time.Now(); time.Since(begin) < deathNotice && !b.Lost(); time.Sleep(10 * time.Millisecond) {
		connection, err := net.Dial("unix", b.process.socket)
		if err == nil {
			_ = connection.Close()
			continue
		}
		select {
		case <-b.process.exited:
		case <-time.After(deathTimeout):
		}
	}
	return b.Lost()
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
