package progress

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/valyala/fastjson"
)

// decoder reads events. A build writes tens of thousands of them, so it keeps its memory from one to the next.
type decoder struct{ parser fastjson.Parser }

// event reads one line of the stream, and reports whether it has the form of BuildKit's SolveStatus: no other key at the top,
// vertices with a digest, every value that is read of its type. Entries may have further keys, which newer versions add.
func (d *decoder) event(line []byte) (Event, bool) {
	value, err := d.parser.ParseBytes(line)
	if err != nil {
		return Event{}, false
	}
	object, err := value.Object()
	if err != nil {
		return Event{}, false
	}
	var event Event
	valid := true
	object.Visit(func(key []byte, value *fastjson.Value) {
		ok := false
		switch string(key) {
		case "vertexes":
			event.Vertexes, ok = all(value, vertex)
		case "statuses":
			event.Statuses, ok = all(value, status)
		case "logs":
			event.Logs, ok = all(value, logEntry)
		case "warnings":
			event.Warnings, ok = all(value, warning)
		}
		valid = valid && ok
	})
	return event, valid
}

func all[T any](value *fastjson.Value, read func(*entry) T) ([]T, bool) {
	values, err := value.Array()
	if err != nil {
		return nil, false
	}
	list := make([]T, 0, len(values))
	for _, value := range values {
		object, err := value.Object()
		if err != nil {
			return nil, false
		}
		e := &entry{Object: object}
		list = append(list, read(e))
		if e.err != nil {
			return nil, false
		}
	}
	return list, true
}

func vertex(e *entry) Vertex {
	v := Vertex{
		Digest: e.text("digest"), Name: e.text("name"), Error: e.text("error"), Cached: e.boolean("cached"),
		Started: e.moment("started"), Completed: e.moment("completed"),
	}
	e.digest(v.Digest)
	for _, input := range e.list("inputs") {
		digest, err := input.StringBytes()
		e.fail(err)
		e.digest(string(digest))
		v.Inputs = append(v.Inputs, string(digest))
	}
	return v
}

// The vertex of a status, a log or a warning may be any text: one that no event has named is passed over.

func status(e *entry) Status {
	return Status{
		ID: e.text("id"), Vertex: e.text("vertex"), Name: e.text("name"),
		Total: e.number("total"), Current: e.number("current"),
		Started: e.moment("started"), Completed: e.moment("completed"),
	}
}

func logEntry(e *entry) Log {
	log := Log{Vertex: e.text("vertex"), Data: e.encoded("data")}
	if at := e.moment("timestamp"); at != nil {
		log.Timestamp = *at
	}
	return log
}

func warning(e *entry) Warning {
	return Warning{Vertex: e.text("vertex"), Short: e.encoded("short")}
}

// entry is one object of an event's lists. A key that is absent has its type's zero value; the first value of another type is
// kept as the error.
type entry struct {
	*fastjson.Object
	err error
}

func (e *entry) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *entry) bytes(key string) []byte {
	value := e.Get(key)
	if value == nil {
		return nil
	}
	text, err := value.StringBytes()
	e.fail(err)
	return text
}

func (e *entry) text(key string) string { return string(e.bytes(key)) }

func (e *entry) boolean(key string) bool {
	value := e.Get(key)
	if value == nil {
		return false
	}
	is, err := value.Bool()
	e.fail(err)
	return is
}

func (e *entry) number(key string) int64 {
	value := e.Get(key)
	if value == nil {
		return 0
	}
	number, err := value.Int64()
	e.fail(err)
	return number
}

func (e *entry) list(key string) []*fastjson.Value {
	value := e.Get(key)
	if value == nil {
		return nil
	}
	values, err := value.Array()
	e.fail(err)
	return values
}

// encoded reads what BuildKit writes in base64; null stands for nothing.
func (e *entry) encoded(key string) []byte {
	value := e.Get(key)
	if value == nil || value.Type() == fastjson.TypeNull {
		return nil
	}
	source := e.bytes(key)
	data := make([]byte, base64.StdEncoding.DecodedLen(len(source)))
	n, err := base64.StdEncoding.Decode(data, source)
	e.fail(err)
	return data[:n]
}

func (e *entry) moment(key string) *time.Time {
	source := e.bytes(key)
	if len(source) == 0 {
		return nil
	}
	var at time.Time
	e.fail(at.UnmarshalText(source))
	return &at
}

// digestLength is how long a digest is, in hexadecimal digits.
const digestLength = 2 * sha256.Size

var errNoDigest = errors.New("no digest of a vertex")

// digest checks that the text is one that BuildKit gives to a vertex.
func (e *entry) digest(text string) {
	digits, ok := strings.CutPrefix(text, "sha256:")
	if !ok || len(digits) != digestLength || strings.Trim(digits, "0123456789abcdef") != "" {
		e.fail(errNoDigest)
	}
}
