package progress

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// longestLine bounds what one line of the stream may take of memory; a longer one is passed on as text, in pieces.
const longestLine = 16 << 20

// Read hands every event of the stream to event, in order, and every line that is no event to text, with its newline: buildx
// writes its own errors among the events. It returns when the stream ends.
func Read(stream io.Reader, event func(Event), text func([]byte)) error {
	reader := bufio.NewReaderSize(stream, 64<<10)
	for {
		line, err := readLine(reader)
		if len(line) > 0 {
			if parsed, ok := parse(line); ok {
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

func readLine(reader *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		piece, err := reader.ReadSlice('\n')
		line = append(line, piece...)
		if !errors.Is(err, bufio.ErrBufferFull) || len(line) > longestLine {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = nil
			}
			return line, err
		}
	}
}

func parse(line []byte) (Event, bool) {
	if !bytes.HasPrefix(line, []byte("{")) {
		return Event{}, false
	}
	var parsed Event
	// A build's own bytes can be in names and logs: neither makes an event less of one.
	lenient := json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := json.Unmarshal(line, &parsed, lenient); err != nil {
		return Event{}, false
	}
	return parsed, true
}
