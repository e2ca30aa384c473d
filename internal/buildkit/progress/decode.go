package progress

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/valyala/fastjson"
)

// decoder decodes events. It reuses its memory, because a build writes tens of thousands of them.
type decoder struct{ parser fastjson.Parser }

// event decodes one line of the stream, and reports whether it is a SolveStatus of BuildKit: no other keys at
// the top level, vertices with a digest, and values of the right types. Entries may have more keys, because
// newer versions add some.
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
			event.Vertexes, ok = decodeList(value, decodeVertex)
		case "statuses":
			event.Statuses, ok = decodeList(value, decodeStatus)
		case "logs":
			event.Logs, ok = decodeList(value, decodeLog)
		case "warnings":
			event.Warnings, ok = decodeList(value, decodeWarning)
		}
		valid = valid && ok
	})
	return event, valid
}

func decodeList[T any](value *fastjson.Value, decode func(*entry) T) ([]T, bool) {
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
		list = append(list, decode(e))
		if e.err != nil {
			return nil, false
		}
	}
	return list, true
}

func decodeVertex(e *entry) Vertex {
	v := Vertex{
		Digest: e.text("digest"), Name: e.text("name"), Error: e.text("error"), Cached: e.boolean("cached"),
		Started: e.time("started"), Completed: e.time("completed"),
	}
	e.checkDigest(v.Digest)
	for _, input := range e.list("inputs") {
		digest, err := input.StringBytes()
		e.fail(err)
		e.checkDigest(string(digest))
		v.Inputs = append(v.Inputs, string(digest))
	}
	return v
}

// decodeStatus, decodeLog and decodeWarning do not check the vertex: readers ignore entries of unknown
// vertices.
func decodeStatus(e *entry) Status {
	return Status{
		ID: e.text("id"), Vertex: e.text("vertex"), Name: e.text("name"),
		Total: e.number("total"), Current: e.number("current"),
		Started: e.time("started"), Completed: e.time("completed"),
	}
}

func decodeLog(e *entry) Log {
	log := Log{Vertex: e.text("vertex"), Data: e.base64("data")}
	if timestamp := e.time("timestamp"); timestamp != nil {
		log.Timestamp = *timestamp
	}
	return log
}

func decodeWarning(e *entry) Warning {
	return Warning{Vertex: e.text("vertex"), Short: e.base64("short")}
}

// entry is one object of an event's lists. Its methods return the zero value for an absent key. For a value
// of the wrong type they set err, which keeps the first error.
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

// base64 decodes a base64 value. null is empty.
func (e *entry) base64(key string) []byte {
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

func (e *entry) time(key string) *time.Time {
	source := e.bytes(key)
	if len(source) == 0 {
		return nil
	}
	var value time.Time
	e.fail(value.UnmarshalText(source))
	return &value
}

// digestLength is the length of a digest in hexadecimal digits.
const digestLength = 2 * sha256.Size

var errInvalidDigest = errors.New("invalid digest of a vertex")

// checkDigest sets err if the text is not a digest of a vertex.
func (e *entry) checkDigest(text string) {
	digits, ok := strings.CutPrefix(text, "sha256:")
	if !ok || len(digits) != digestLength || strings.Trim(digits, "0123456789abcdef") != "" {
		e.fail(errInvalidDigest)
	}
}
