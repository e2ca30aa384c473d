package agent

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// log is the build's log. Commands and the agent write to the same pipe, which keeps their lines in order and
// lets background processes write after their command has ended.
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
			// The writer failed: discard the rest, so that the commands do not block.
			_, _ = io.Copy(io.Discard, read)
		}
	}()
	return l, nil
}

// line writes a line in the form of CodeBuild's agent.
func (l *log) line(format string, args ...any) {
	fmt.Fprintf(l.pipe, "[Container] %s %s\n", time.Now().UTC().Format("2006/01/02 15:04:05.000000"), fmt.Sprintf(format, args...))
}

// Close waits until all output has been copied. It waits at most two seconds, because a process that left the
// build's process group could keep the pipe open.
func (l *log) Close() {
	l.once.Do(func() {
		_ = l.pipe.Close()
		select {
		case <-l.copied:
		case <-time.After(2 * time.Second):
		}
	})
}
