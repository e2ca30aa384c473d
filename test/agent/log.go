package agent

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// log is the build's log. Commands write to a pipe, so that a process which outlives its command can go on writing and
// the agent's own lines stand in order between the commands' output.
type log struct {
	pipe   *os.File
	copied chan struct{}
	once   sync.Once
}

func newLog(w io.Writer) (*log, error) {
	if w == nil {
		w = io.Discard
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	l := &log{pipe: write, copied: make(chan struct{})}
	go func() {
		defer close(l.copied)
		defer read.Close()
		if _, err := io.Copy(w, read); err != nil {
			// The log's reader is gone: let the commands write on.
			_, _ = io.Copy(io.Discard, read)
		}
	}()
	return l, nil
}

// line writes a line as CodeBuild's agent does.
func (l *log) line(format string, args ...any) {
	fmt.Fprintf(l.pipe, "[Container] %s %s\n", time.Now().UTC().Format("2006/01/02 15:04:05.000000"), fmt.Sprintf(format, args...))
}

// Close waits until everything written has been copied, at most two seconds: a process that left the build's process group
// could keep the pipe open.
func (l *log) Close() {
	l.once.Do(func() {
		_ = l.pipe.Close()
		select {
		case <-l.copied:
		case <-time.After(2 * time.Second):
		}
	})
}
