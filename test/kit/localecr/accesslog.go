package localecr

import (
	"io"
	"net/http"
	"slices"
	"sync"
)

// Entry is one request that the registry answered.
type Entry struct {
	Method string
	// Path is the request's path without the query.
	Path   string
	Status int
	// Sent and Received are the sizes of the answer's and the request's body in bytes.
	Sent     int64
	Received int64
}

// accessLog records the requests to a handler.
type accessLog struct {
	next    http.Handler
	mu      sync.Mutex
	entries []Entry
}

func (l *accessLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := &countedAnswer{ResponseWriter: w, status: http.StatusOK}
	body := &countedBody{ReadCloser: r.Body}
	r.Body = body
	l.next.ServeHTTP(answer, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, Entry{
		Method: r.Method, Path: r.URL.Path, Status: answer.status, Sent: answer.sent, Received: body.read,
	})
}

func (l *accessLog) all() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

type countedAnswer struct {
	http.ResponseWriter
	status int
	sent   int64
}

func (a *countedAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *countedAnswer) Write(data []byte) (int, error) {
	n, err := a.ResponseWriter.Write(data)
	a.sent += int64(n)
	return n, err
}

// ReadFrom lets the kernel send files directly.
func (a *countedAnswer) ReadFrom(from io.Reader) (int64, error) {
	n, err := io.Copy(a.ResponseWriter, from)
	a.sent += n
	return n, err
}

type countedBody struct {
	io.ReadCloser
	read int64
}

func (b *countedBody) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	b.read += int64(n)
	return n, err
}
