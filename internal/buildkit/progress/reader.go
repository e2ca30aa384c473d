package progress

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// longestLine bounds the memory of one line of the stream; a longer one is text, passed on in pieces.
const longestLine = 16 << 20

// Read passes every event of the stream to event, in order, and every other line to text, with its newline. The text is valid
// until the call returns. Read returns when the stream ends.
//
// buildx writes its errors to the same stream, and they quote what registries and frontends answer, line breaks included. A
// write to a Pipe is therefore an event only as a whole, and once buildx has reported a failure no line is an event. In other
// streams, where writes cannot be told apart, no line is an event after the first text that follows an event.
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

// sorter tells events from text.
type sorter struct {
	decoder decoder
	event   func(Event)
	text    func([]byte)
	// failed reports whether buildx has reported a failure: what follows is text.
	failed bool
}

// failures are how the lines begin in which buildx reports that a build failed.
//
// https://github.com/docker/buildx/blob/v0.38.2/cmd/buildx/main.go
var failures = [][]byte{[]byte("ERROR: "), []byte("Policy: ")}

// parse returns the events of whole lines, or false where a line is none.
func (s *sorter) parse(lines []byte) (events []Event, ok bool) {
	for line := range bytes.Lines(lines) {
		event, ok := s.decoder.event(line)
		if !ok {
			return nil, false
		}
		events = append(events, event)
	}
	return events, true
}

func (s *sorter) pass(line []byte) {
	s.failed = s.failed || slices.ContainsFunc(failures, func(start []byte) bool { return bytes.HasPrefix(line, start) })
	s.text(line)
}

// readWrites reads a pipe that keeps writes apart.
func (s *sorter) readWrites(pipe *Pipe) error {
	buffer := make([]byte, largestPacket)
	var write []byte
	inside := false
	for {
		n, err := pipe.Read(buffer)
		write = append(write, buffer[:n]...)
		// A write that is larger than a packet comes in several, all but the last of them full.
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
				s.pass(line)
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

// readLines reads a stream in which one line is as good as another.
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
				s.pass(line)
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

// readLine returns the next line, or the next piece of a line that is too long. It is valid until the next call.
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
