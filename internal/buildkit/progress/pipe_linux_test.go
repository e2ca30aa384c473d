package progress

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// padded is the event, made so long with blanks that its write has the size.
func padded(event string, size int) string {
	return strings.TrimSuffix(event, "\n") + strings.Repeat(" ", size-len(event)) + "\n"
}

// What buildx writes is told apart by its writes.
func TestWritesToAPipe(t *testing.T) {
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
		{"text among the events ends nothing", []string{event("a"), "2026/01/02 idle channel\n", event("b")}, []string{"a", "b"}, "2026/01/02 idle channel\n"},
		{"an error quotes an event", []string{event("a"), "ERROR: no\n" + event("b") + "more\n"}, []string{"a"}, "ERROR: no\n" + event("b") + "more\n"},
		{"no write is an event after an error", []string{event("a"), "ERROR: no\n", event("b")}, []string{"a"}, "ERROR: no\n" + event("b")},
		{"nor after a policy's refusal", []string{event("a"), "Policy: no\n", event("b")}, []string{"a"}, "Policy: no\n" + event("b")},
		{"the name of a file begins with an event", []string{event("a"), event("b") + "Dockerfile:3\n----\n", " 3 | RUN x\n"}, []string{"a"}, event("b") + "Dockerfile:3\n----\n 3 | RUN x\n"},
		{"an event of many packets", []string{event(long), event("b")}, []string{long, "b"}, ""},
		{"an event that fills a packet", []string{padded(event("a"), page), event("b")}, []string{"a", "b"}, ""},
		{"text whose second packet is an event", []string{strings.Repeat("x", page-1) + "\n" + event("b")}, nil, strings.Repeat("x", page-1) + "\n" + event("b")},
		{"text that fills a packet, and an event in the next write", []string{strings.Repeat("x", page-1) + "\n", event("b")}, nil, strings.Repeat("x", page-1) + "\n" + event("b")},
		{"an event in the rest of a write that is too long", []string{endless + event("b")}, nil, endless + event("b")},
		{"the last line has no end", []string{event("a"), "panic"}, []string{"a"}, "panic"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			pipe, writer, err := NewPipe()
			require.NoError(t, err)
			defer pipe.Close()
			require.True(t, pipe.packets, "Linux keeps writes apart")
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
