// Package quiet makes BuildKit's side of a session send nothing while the client may be closing it.
//
// A session is an HTTP/2 connection inside a gRPC stream, on which BuildKit sends requests to its client. A client
// that receives a message while it closes the session reads garbage after it, and waits a second
// (docs/evidence/session-close.md). buildx opens and closes a session without a request before every build, so
// part of the builds began a second late.
//
// layercache compiles this file into buildkitd: see toolchain.Buildkitd.
package quiet

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// holdTime limits how long the start of the HTTP/2 connection is held back. The client ends a session
	// whose start it has not received after 10 s.
	holdTime = 5 * time.Second
	// frameHeader is the length of the header of an HTTP/2 frame, and headersFrame the type of the frame that
	// begins a request.
	//
	// https://www.rfc-editor.org/rfc/rfc9113.html#name-frame-format
	frameHeader  = 9
	headersFrame = 1
	// preface is what a client sends before its first frame.
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

// conn is a connection to the client of a session.
type conn struct {
	net.Conn
	// ended is true when the client has closed its side.
	ended   atomic.Bool
	timeout *time.Timer

	mu sync.Mutex
	// held is what was written so far, until open is true.
	held []byte
	open bool
}

// New returns a connection that holds back what is written until it contains a request, for holdTime at most, and
// drops what is written after the client has closed its side.
func New(client net.Conn) net.Conn {
	c := &conn{Conn: client}
	c.timeout = time.AfterFunc(holdTime, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = c.release() // the next Write returns the error
	})
	return c
}

// Read reads what the client has sent.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		c.ended.Store(true)
	}
	return n, err
}

// Write sends or holds back the bytes, or drops them if the client reads no more.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended.Load() {
		return len(b), nil
	}
	if c.open {
		return c.Conn.Write(b)
	}
	c.held = append(c.held, b...)
	if !hasRequest(c.held) {
		return len(b), nil
	}
	if err := c.release(); err != nil {
		return 0, err
	}
	return len(b), nil
}

// release sends what was held back. From then on nothing is held back.
func (c *conn) release() error {
	held := c.held
	c.open, c.held = true, nil
	if len(held) == 0 || c.ended.Load() {
		return nil
	}
	_, err := c.Conn.Write(held)
	return err
}

// Close closes the connection.
func (c *conn) Close() error {
	c.timeout.Stop()
	return c.Conn.Close()
}

// hasRequest reports whether there is the frame of a request in the first bytes of an HTTP/2 client.
func hasRequest(sent []byte) bool {
	for rest := sent[min(len(sent), len(preface)):]; len(rest) >= frameHeader; {
		if rest[3] == headersFrame {
			return true
		}
		length := int(rest[0])<<16 | int(rest[1])<<8 | int(rest[2])
		rest = rest[min(len(rest), frameHeader+length):]
	}
	return false
}
