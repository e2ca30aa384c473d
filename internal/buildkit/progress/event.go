// Package progress reads the stream that `docker buildx build --progress=rawjson` writes and keeps what it says of the
// build: which steps there were, which came from the cache, and where the time went. Its words are BuildKit's own: a vertex
// is one operation, a status a part of it, a log what it printed.
package progress

import "time"

// Event is one line of the stream, BuildKit's SolveStatus.
//
// https://pkg.go.dev/github.com/moby/buildkit/client#SolveStatus
type Event struct {
	Vertexes []Vertex  `json:"vertexes,omitempty"`
	Statuses []Status  `json:"statuses,omitempty"`
	Logs     []Log     `json:"logs,omitempty"`
	Warnings []Warning `json:"warnings,omitempty"`
}

// Vertex is the state of one operation. The same vertex comes again and again; the last state counts.
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

// Log is a piece of what a vertex printed.
type Log struct {
	Vertex    string    `json:"vertex"`
	Data      []byte    `json:"data"`
	Timestamp time.Time `json:"timestamp"`
}

// Warning is a remark of BuildKit's on the Dockerfile.
type Warning struct {
	Vertex string `json:"vertex"`
	Short  []byte `json:"short"`
}
