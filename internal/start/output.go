package start

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Output is where a followed build is shown.
type Output struct {
	// Log takes the build's log, Notes our own lines.
	Log, Notes io.Writer
	// Colours keeps the colours of the log.
	Colours bool
	// Live says that Notes is a terminal, where a line may be drawn anew.
	Live bool
}

const (
	// silence is how long the log may be silent before the current phase is told.
	silence = 2 * time.Second
	// repeat is how often it is told where lines stay.
	repeat = 30 * time.Second
	// narrow is how long a line that is drawn anew may be: one that wraps cannot be taken away.
	narrow = 79
	// eraseLine takes away what was drawn on the line.
	eraseLine = "\r\x1b[K"
)

// screen writes to an Output, and knows how long it has been silent.
type screen struct {
	Output
	clock   clock
	last    time.Time
	isDrawn bool
}

func (s *screen) note(format string, args ...any) {
	s.erase()
	fmt.Fprintf(s.Notes, "layercache: "+format+"\n", args...)
	s.last = s.clock.now()
}

// event writes an event of the log, each line after the label.
func (s *screen) event(label, message string) {
	s.erase()
	for line := range strings.SplitSeq(strings.TrimSuffix(clean(message, s.Colours), "\n"), "\n") {
		fmt.Fprintf(s.Log, "%s%s\n", label, line)
	}
	s.last = s.clock.now()
}

// quiet tells what the build is at when nothing has been written for a while.
func (s *screen) quiet(activity string) {
	pause := repeat
	if s.Live {
		pause = silence
	}
	if activity == "" || !s.isDrawn && s.clock.now().Sub(s.last) < pause {
		return
	}
	if !s.Live {
		s.note("%s", activity)
		return
	}
	fmt.Fprintf(s.Notes, "%s%.*s", eraseLine, narrow, "layercache: "+activity)
	s.isDrawn = true
}

func (s *screen) erase() {
	if s.isDrawn {
		fmt.Fprint(s.Notes, eraseLine)
		s.isDrawn = false
	}
}
