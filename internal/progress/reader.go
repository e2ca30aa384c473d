package progress

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
)

// longestLine bounds what one line of the stream may take of memory; a longer one is passed on as text, in pieces.
const longestLine = 16 << 20

// Read hands every event of the stream to event, in order, and every line that is no event to text, with its newline: buildx
// writes its own errors among the events. The text is good until the call returns. Read returns when the stream ends.
func Read(stream io.Reader, event func(Event), text func([]byte)) error {
	reader := bufio.NewReaderSize(stream, 64<<10)
	var events decoder
	for {
		line, err := readLine(reader)
		if len(line) > 0 {
			if parsed, ok := events.event(line); ok {
				event(parsed)
			} else {
				text(line)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the progress stream: %w", err)
		}
	}
}

// readLine returns the next line, which is good until the next call.
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
