package progress

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// longestLine limits the memory for one line of the stream in bytes. A longer line is text and passed on in
// pieces.
const longestLine = 16 << 20

// Read passes the events of the stream to event, in order, and every other line to text, with its line break.
// The text is valid until the call of text returns. Read returns at the end of the stream.
//
// buildx writes its errors to the same stream, and they quote responses of registries and frontends with all
// line breaks. To keep these from forging an event, a write to a Pipe counts as events only if all of its
// lines are events, and nothing is an event after buildx has reported a failure. In other streams, which do
// not preserve the boundaries of writes, nothing is an event after the first text that follows an event.
func Read(stream io.Reader, event func(Event), text func([]byte)) error {
	s := &sorter{event: event, text: text}
	var err error
	if pipe, ok := stream.(*Pipe); ok && pipe.packets {
		err = s.readWrites(pipe)
	} else {
		err = s.readLines(stream)
	}
	if err != nil {
		return fmt.Errorf("read the progress stream: %w", err)
	}
	return nil
}

// sorter separates events from text.
type sorter struct {
	decoder decoder
	event   func(Event)
	text    func([]byte)
	// failed is true after buildx has reported a failure. Everything after it is text.
	failed bool
}

// failures are the prefixes of the lines in which buildx reports a failure.
//
// https://github.com/docker/buildx/blob/v0.38.2/cmd/buildx/main.go
var failures = [][]byte{[]byte("ERROR: "), []byte("Policy: ")}

// parse returns the events in the lines. ok is false if a line is not an event.
func (s *sorter) parse(lines []byte) (events []Event, ok bool) {
	for line := range bytes.Lines(lines) {
		event, ok := s.decoder.event(line)
		if !ok {
			return nil, false
		}
		event.Line = line
		events = append(events, event)
	}
	return events, true
}

// passText passes a line of text on.
func (s *sorter) passText(line []byte) {
	s.failed = s.failed || slices.ContainsFunc(failures, func(start []byte) bool { return bytes.HasPrefix(line, start) })
	s.text(line)
}

// readWrites reads a pipe that preserves the boundaries of writes.
func (s *sorter) readWrites(pipe *Pipe) error {
	buffer := make([]byte, largestPacket)
	var write []byte
	inside := false
	for {
		n, err := pipe.Read(buffer)
		write = append(write, buffer[:n]...)
		// A write that is larger than a packet arrives in several packets, of which all but the last are
		// full.
		whole := err != nil || n%packetSize != 0 && write[len(write)-1] == '\n'
		if !whole && len(write) < longestLine {
			continue
		}
		if events, ok := s.parse(write); ok && whole && !inside && !s.failed {
			for _, event := range events {
				s.event(event)
			}
		} else {
			for line := range bytes.Lines(write) {
				s.passText(line)
			}
		}
		write, inside = write[:0], !whole
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readLines reads a stream that does not preserve the boundaries of writes.
func (s *sorter) readLines(stream io.Reader) error {
	reader := bufio.NewReaderSize(stream, 64<<10)
	begun, inside := false, false
	for {
		line, err := readLine(reader)
		if len(line) > 0 {
			events, ok := s.parse(line)
			if ok && !s.failed && !inside {
				begun = true
				s.event(events[0])
			} else {
				s.failed = s.failed || begun
				s.passText(line)
			}
			inside = line[len(line)-1] != '\n'
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readLine returns the next line, or the next piece of a line that is too long. The slice is valid until the
// next call.
func readLine(reader *bufio.Reader) ([]byte, error) {
	line, err := reader.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	long := slices.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) && len(long) <= longestLine {
		line, err = reader.ReadSlice('\n')
		long = append(long, line...)
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		err = nil
	}
	return long, err
}
