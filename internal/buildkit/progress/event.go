// Package progress reads the stream of `docker buildx build --progress=rawjson` and extracts the steps of the
// build, which of them came from the cache, and where the time went. It uses BuildKit's terms: a vertex is
// one operation, a status is a part of it, and a log is its output.
package progress

import "time"

// Event is one line of the stream, a SolveStatus of BuildKit.
//
// https://pkg.go.dev/github.com/moby/buildkit/client#SolveStatus
type Event struct {
	Vertexes []Vertex  `json:"vertexes,omitempty"`
	Statuses []Status  `json:"statuses,omitempty"`
	Logs     []Log     `json:"logs,omitempty"`
	Warnings []Warning `json:"warnings,omitempty"`
	// Line is the line itself, with its line break. It is valid only while the event is passed on.
	Line []byte `json:"-"`
}

// Vertex is the state of one operation. The stream repeats a vertex with each new state.
type Vertex struct {
	Digest    string     `json:"digest"`
	Inputs    []string   `json:"inputs,omitempty"`
	Name      string     `json:"name,omitempty"`
	Started   *time.Time `json:"started,omitempty"`
	Completed *time.Time `json:"completed,omitempty"`
	Cached    bool       `json:"cached,omitempty"`
	Error     string     `json:"error,omitempty"`
}

// Status is a part of a vertex, such as the download of one layer.
type Status struct {
	ID        string     `json:"id"`
	Vertex    string     `json:"vertex"`
	Name      string     `json:"name,omitempty"`
	Total     int64      `json:"total,omitempty"`
	Current   int64      `json:"current"`
	Started   *time.Time `json:"started,omitempty"`
	Completed *time.Time `json:"completed,omitempty"`
}

// Log is a piece of a vertex's output.
type Log struct {
	Vertex    string    `json:"vertex"`
	Stream    int       `json:"stream,omitempty"`
	Data      []byte    `json:"data"`
	Timestamp time.Time `json:"timestamp"`
}

// Warning is a warning of BuildKit about the Dockerfile.
type Warning struct {
	Vertex string `json:"vertex"`
	Short  []byte `json:"short"`
}
