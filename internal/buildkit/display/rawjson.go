package display

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/report/escape"
)

// rawJSON passes the events on as buildx writes them, without the signatures of signed URLs, and text as JSON.
type rawJSON struct {
	out   *JSON
	graph *progress.Graph
}

func (r *rawJSON) Event(event progress.Event) {
	r.graph.Observe(event)
	_, _ = io.WriteString(r.out.Raw(), escape.Redact(string(event.Line)))
}

func (r *rawJSON) Text(line []byte) { writeText(r.out, line) }
func (r *rawJSON) Close()           {}

// JSON is a writer for --progress=rawjson: it writes each line of text as a SolveStatus with a log, so that the
// output has nothing but JSON.
type JSON struct {
	out     io.Writer
	started time.Time
}

// ToJSON returns a JSON that writes to out, or out itself if it is one.
func ToJSON(out io.Writer) *JSON {
	if j, ok := out.(*JSON); ok {
		return j
	}
	return &JSON{out: out, started: time.Now()}
}

// Raw returns the writer for lines that are JSON already.
func (j *JSON) Raw() io.Writer { return j.out }

// textVertex is the name of the vertex whose logs the text becomes. Tools that count steps leave out vertices
// whose names begin with "[internal]".
const textVertex = "[internal] layercache"

// Write writes the text, which ends with a line break, as one log.
func (j *JSON) Write(text []byte) (int, error) {
	now := time.Now()
	digest := sha256.Sum256([]byte(textVertex))
	vertex := progress.Vertex{Digest: "sha256:" + hex.EncodeToString(digest[:]), Name: textVertex, Started: &j.started, Completed: &now}
	line, err := json.Marshal(progress.Event{Vertexes: []progress.Vertex{vertex}, Logs: []progress.Log{{Vertex: vertex.Digest, Stream: 2, Data: text, Timestamp: now}}})
	if err != nil {
		return 0, err
	}
	if _, err := j.out.Write(append(line, '\n')); err != nil {
		return 0, err
	}
	return len(text), nil
}
