package progress

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// padded returns the event with spaces appended, so that it has the size.
func padded(event string, size int) string {
	return strings.TrimSuffix(event, "\n") + strings.Repeat(" ", size-len(event)) + "\n"
}

func TestWritesToAPipeAreEventsOrText(t *testing.T) {
	page := os.Getpagesize()
	long := strings.Repeat("x", 300<<10)
	endless := strings.Repeat("x", longestLine-1) + "\n"
	cases := []struct {
		name   string
		writes []string
		events []string
		text   string
	}{
		{"nothing", nil, nil, ""},
		{"events come in order", []string{event("a"), event("b")}, []string{"a", "b"}, ""},
		{"text between events", []string{event("a"), "2026/01/02 idle channel\n", event("b")}, []string{"a", "b"}, "2026/01/02 idle channel\n"},
		{"an error quotes an event", []string{event("a"), "ERROR: no\n" + event("b") + "more\n"}, []string{"a"}, "ERROR: no\n" + event("b") + "more\n"},
		{"after an error every write is text", []string{event("a"), "ERROR: no\n", event("b")}, []string{"a"}, "ERROR: no\n" + event("b")},
		{"after the refusal of a policy every write is text", []string{event("a"), "Policy: no\n", event("b")}, []string{"a"}, "Policy: no\n" + event("b")},
		{"a file name begins with an event", []string{event("a"), event("b") + "Dockerfile:3\n----\n", " 3 | RUN x\n"}, []string{"a"}, event("b") + "Dockerfile:3\n----\n 3 | RUN x\n"},
		{"an event of many packets", []string{event(long), event("b")}, []string{long, "b"}, ""},
		{"an event that fills a packet", []string{padded(event("a"), page), event("b")}, []string{"a", "b"}, ""},
		{"text whose second packet is an event", []string{strings.Repeat("x", page-1) + "\n" + event("b")}, nil, strings.Repeat("x", page-1) + "\n" + event("b")},
		{"text that fills a packet, followed by an event in the next write", []string{strings.Repeat("x", page-1) + "\n", event("b")}, nil, strings.Repeat("x", page-1) + "\n" + event("b")},
		{"an event in the rest of a write that is too long", []string{endless + event("b")}, nil, endless + event("b")},
		{"the last line has no line break", []string{event("a"), "panic"}, []string{"a"}, "panic"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			pipe, writer, err := NewPipe()
			require.NoError(t, err)
			defer pipe.Close()
			require.True(t, pipe.packets, "Linux preserves the boundaries of writes")
			go func() {
				defer writer.Close()
				for _, write := range c.writes {
					_, _ = io.WriteString(writer, write)
				}
			}()
			names, text := received(t, pipe)
			assert.Equal(t, c.events, names)
			assert.True(t, c.text == text, "%.1000q", text)
		})
	}
}
