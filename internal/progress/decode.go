package progress

import (
	"encoding/base64"
	"time"

	"github.com/valyala/fastjson"
)

// decoder reads events. A build writes tens of thousands of them, so it keeps its memory from one to the next.
type decoder struct{ parser fastjson.Parser }

// event reads one line of the stream. What has another type than expected is passed over.
func (d *decoder) event(line []byte) (Event, bool) {
	value, err := d.parser.ParseBytes(line)
	if err != nil || value.Type() != fastjson.TypeObject {
		return Event{}, false
	}
	return Event{
		Vertexes: all(value, "vertexes", vertex), Statuses: all(value, "statuses", status),
		Logs: all(value, "logs", logEntry), Warnings: all(value, "warnings", warning),
	}, true
}

func all[T any](value *fastjson.Value, key string, read func(*fastjson.Value) T) []T {
	entries := value.GetArray(key)
	if len(entries) == 0 {
		return nil
	}
	list := make([]T, 0, len(entries))
	for _, entry := range entries {
		list = append(list, read(entry))
	}
	return list
}

func vertex(value *fastjson.Value) Vertex {
	v := Vertex{
		Digest: text(value, "digest"), Name: text(value, "name"), Error: text(value, "error"), Cached: value.GetBool("cached"),
		Started: moment(value, "started"), Completed: moment(value, "completed"),
	}
	for _, input := range value.GetArray("inputs") {
		v.Inputs = append(v.Inputs, string(input.GetStringBytes()))
	}
	return v
}

func status(value *fastjson.Value) Status {
	return Status{
		ID: text(value, "id"), Vertex: text(value, "vertex"), Name: text(value, "name"),
		Total: value.GetInt64("total"), Current: value.GetInt64("current"),
		Started: moment(value, "started"), Completed: moment(value, "completed"),
	}
}

func logEntry(value *fastjson.Value) Log {
	entry := Log{Vertex: text(value, "vertex"), Data: encoded(value, "data")}
	if at := moment(value, "timestamp"); at != nil {
		entry.Timestamp = *at
	}
	return entry
}

func warning(value *fastjson.Value) Warning {
	return Warning{Vertex: text(value, "vertex"), Short: encoded(value, "short")}
}

func text(value *fastjson.Value, key string) string { return string(value.GetStringBytes(key)) }

// encoded is what BuildKit writes in base64.
func encoded(value *fastjson.Value, key string) []byte {
	source := value.GetStringBytes(key)
	data := make([]byte, base64.StdEncoding.DecodedLen(len(source)))
	n, _ := base64.StdEncoding.Decode(data, source)
	return data[:n]
}

func moment(value *fastjson.Value, key string) *time.Time {
	source := value.GetStringBytes(key)
	if len(source) == 0 {
		return nil
	}
	var at time.Time
	if at.UnmarshalText(source) != nil {
		return nil
	}
	return &at
}
