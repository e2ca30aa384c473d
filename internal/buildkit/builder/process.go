package builder

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrKilled is the error of a builder whose process was killed with SIGKILL.
var ErrKilled = errors.New("buildkitd was killed, perhaps because memory ran out")

// process is the process of a native builder.
type process struct {
	pid    int
	exited <-chan struct{}
	// socket is where it accepts builds.
	socket string
	// failure returns why the process ended, once exited is closed.
	failure func() error
	// kill kills it.
	kill func()
}

// explainExit returns ErrKilled for a process that was killed, and other errors as they are.
func explainExit(err error) error {
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return ErrKilled
		}
	}
	return err
}

// Exited is closed when the process of a native builder has ended. It is nil for other builders.
func (b *Builder) Exited() <-chan struct{} {
	if b.process == nil {
		return nil
	}
	return b.process.exited
}

// Daemon tells where the process of a native builder is.
func (b *Builder) Daemon() Daemon { return b.daemon }

// HasExited reports whether the builder's process has ended by itself. It is false for a builder that is not native.
func (b *Builder) HasExited() bool {
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

// AwaitExit reports what HasExited does, but if the builder's socket is closed, it first waits up to deathTimeout for the
// end of the process.
func (b *Builder) AwaitExit() bool {
	if b.process == nil {
		return false
	}
	for begin := time.Now(); time.Since(begin) < deathNotice && !b.HasExited(); time.Sleep(10 * time.Millisecond) {
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
	return b.HasExited()
}

// Failure returns why a builder's process has exited, such as ErrKilled.
func (b *Builder) Failure() error {
	if !b.HasExited() {
		return nil
	}
	return explainExit(b.process.failure())
}

// Kill kills the process of a native builder, also for other builds that share it. Close removes its files.
func (b *Builder) Kill() {
	if b.process != nil {
		b.process.kill()
	}
}

// Traffic returns how many bytes the builder has read and written so far, in files and connections. known is
// false if the builder is not native. Builds that share it add to the same figure.
//
// https://www.kernel.org/doc/html/latest/filesystems/proc.html#proc-pid-io-display-the-io-accounting-fields
func (b *Builder) Traffic() (bytes int64, known bool) {
	if b.process == nil {
		return 0, false
	}
	counters, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", b.process.pid))
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
