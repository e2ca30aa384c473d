//go:build linux

package faults

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// fault is a way to misbehave: with one request, or with every connection from that request on.
type fault struct {
	name       string
	answer     func(f *front, w http.ResponseWriter, r *http.Request)
	connection func(f *front)
	// words are the cause reported for such a connection. Of several concurrent requests, the first may
	// instead report an interrupted connection.
	words string
}

// refused stops the server: its connections break and nothing listens any more.
func refused(f *front) {
	_ = f.listener.Close()
	f.cut()
}

// unknown makes the server's name unresolvable.
func unknown(f *front) {
	f.names.forget(f.name)
	f.cut()
}

// untrusted makes the server use an untrusted certificate.
func untrusted(f *front) { f.show(f.bad) }

// premature makes the server use a certificate that becomes valid in an hour, as if the clocks differed.
func premature(f *front) { f.show(f.early) }

func (f *front) show(certificate tls.Certificate) {
	f.mutex.Lock()
	f.certificate = certificate
	f.mutex.Unlock()
	f.cut()
}

// silence never answers.
func silence(f *front, w http.ResponseWriter, r *http.Request) {
	go func() { _, _ = io.Copy(io.Discard, r.Body) }()
	select {
	case <-f.ended:
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler)
}

// reset breaks the connection half-way through the request's body, or else through the answer.
func reset(f *front, w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > 0 {
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
	}
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer connection.Close()
	if r.Method == http.MethodGet {
		content := f.content(r)
		_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\n"+headers(content)+"\r\n")
		_, _ = connection.Write(content.body.Bytes()[:content.body.Len()/2])
	}
	_ = connection.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0)
}

// perSecond is the rate of a slow server in bytes.
const perSecond = 1024

// slow sends, or receives, one kilobyte per second.
func slow(f *front, w http.ResponseWriter, r *http.Request) {
	pace := time.NewTicker(time.Second / 8)
	defer pace.Stop()
	wait := func() {
		select {
		case <-pace.C:
		case <-f.ended:
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	part := make([]byte, perSecond/8)
	var body bytes.Buffer
	for {
		if _, err := io.CopyN(&body, r.Body, int64(len(part))); err != nil {
			break
		}
		wait()
	}
	r.Body = io.NopCloser(&body)
	for range 8 {
		wait()
	}
	content := f.content(r)
	for name, values := range content.header {
		w.Header()[name] = values
	}
	w.WriteHeader(content.status)
	for content.body.Len() > 0 {
		_, _ = w.Write(content.body.Next(len(part)))
		w.(http.Flusher).Flush()
		wait()
	}
}

// status answers with an error of a registry.
func status(code int, word, message string) func(*front, http.ResponseWriter, *http.Request) {
	return func(_ *front, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if code == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "30")
		}
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": word, "message": message}}})
	}
}

// truncated forwards only the first half of the request's body, or else of the answer, as if it were
// complete.
func truncated(f *front, w http.ResponseWriter, r *http.Request) {
	f.alter(w, r, func(content []byte) []byte { return content[:len(content)/2] })
}

// corrupt changes one byte: the first of a JSON document, so it is always invalid, else the one in the
// middle.
func corrupt(f *front, w http.ResponseWriter, r *http.Request) {
	f.alter(w, r, func(content []byte) []byte {
		if bytes.HasPrefix(content, []byte("{")) {
			content[0] ^= 0x55
		} else if len(content) > 0 {
			content[len(content)/2] ^= 0x55
		}
		return content
	})
}

func (f *front) alter(w http.ResponseWriter, r *http.Request, change func([]byte) []byte) {
	if sent, _ := io.ReadAll(r.Body); r.Method == http.MethodPut || r.Method == http.MethodPatch {
		changed := change(sent)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(changed)), int64(len(changed))
		f.next.ServeHTTP(w, r)
		return
	}
	content := f.content(r)
	body := change(content.body.Bytes())
	for name, values := range content.header {
		w.Header()[name] = values
	}
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(content.status)
	_, _ = w.Write(body)
}

// kept holds the real server's answer.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header               { return k.header }
func (k *kept) WriteHeader(status int)            { k.status = status }
func (k *kept) Write(content []byte) (int, error) { return k.body.Write(content) }
func (f *front) content(r *http.Request) *kept {
	content := &kept{header: http.Header{}, status: http.StatusOK}
	f.next.ServeHTTP(content, r)
	return content
}

func headers(content *kept) string {
	var text bytes.Buffer
	content.header.Set("Content-Length", strconv.Itoa(content.body.Len()))
	_ = content.header.Write(&text)
	return text.String()
}
