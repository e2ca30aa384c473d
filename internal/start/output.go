package start

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Output is where a followed build is shown.
type Output struct {
	// Log receives the build's log, Notes the lines of layercache.
	Log, Notes io.Writer
	// Colours is true when the colours of the log are kept.
	Colours bool
	// Live is true when Notes is a terminal, where a line can be redrawn.
	Live bool
}

const (
	// liveSilence is how long nothing may be written before the current phase is shown on a terminal.
	liveSilence = 2 * time.Second
	// plainSilence is the same without a terminal, where each line stays.
	plainSilence = 30 * time.Second
	// maxRedrawnWidth is the maximum width of a redrawn line: a line that wraps cannot be erased.
	maxRedrawnWidth = 79
	// eraseLine erases the current line of a terminal.
	eraseLine = "\r\x1b[K"
)

// screen writes to an Output, and records when it last did.
type screen struct {
	Output
	clock clock
	// last is the time of the last line that stays.
	last time.Time
	// isDrawn is true when a line is shown that will be redrawn.
	isDrawn bool
}

// note writes a line of layercache.
func (s *screen) note(format string, args ...any) {
	s.erase()
	fmt.Fprintf(s.Notes, "layercache: "+format+"\n", args...)
	s.last = s.clock.now()
}

// event writes a log event, with the label before each line.
func (s *screen) event(label, message string) {
	s.erase()
	for line := range strings.SplitSeq(strings.TrimSuffix(clean(message, s.Colours), "\n"), "\n") {
		fmt.Fprintf(s.Log, "%s%s\n", label, line)
	}
	s.last = s.clock.now()
}

// showActivity shows what the build is doing if nothing has been written for a while.
func (s *screen) showActivity(activity string) {
	silence := plainSilence
	if s.Live {
		silence = liveSilence
	}
	if activity == "" || !s.isDrawn && s.clock.now().Sub(s.last) < silence {
		return
	}
	if !s.Live {
		s.note("%s", activity)
		return
	}
	fmt.Fprintf(s.Notes, "%s%.*s", eraseLine, maxRedrawnWidth, "layercache: "+activity)
	s.isDrawn = true
}

func (s *screen) erase() {
	if s.isDrawn {
		fmt.Fprint(s.Notes, eraseLine)
		s.isDrawn = false
	}
}
