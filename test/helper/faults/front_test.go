//go:build linux

package faults

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// front is the server that the helper talks to. It forwards requests to the real server, and misbehaves from
// the first request on that its strike selects.
type front struct {
	name        string
	port        int
	names       *names
	next        http.Handler
	strikes     strike
	listener    net.Listener
	server      *http.Server
	connections sync.Map
	mutex       sync.Mutex
	certificate tls.Certificate
	// bad is an untrusted certificate, early one that is not valid yet.
	bad, early tls.Certificate
	struck     int
	ended      chan struct{}
}

// strike is a fault and the requests that it affects.
type strike struct {
	fault fault
	// at selects the requests; the first of these, as many as after, are forwarded.
	at    func(*http.Request) bool
	after int
}

// host returns HOST:PORT, as in the name of a repository.
func (f *front) host() string { return fmt.Sprintf("%s:%d", f.name, f.port) }

// newFront starts a front for the cell, before the server backend.
func (c *cell) newFront(backend http.Handler, strikes strike) *front {
	c.t.Helper()
	f := &front{
		name: c.name + domain, names: c.w.names, strikes: strikes, next: backend, ended: make(chan struct{}),
		certificate: c.w.authority.issue(c.t, -time.Hour), bad: newAuthority(c.t).issue(c.t, -time.Hour), early: c.w.authority.issue(c.t, time.Hour),
	}
	f.start(c.t)
	return f
}

// start serves until the test ends.
func (f *front) start(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f.listener, f.port = listener, listener.Addr().(*net.TCPAddr).Port
	f.server = &http.Server{
		Handler: f, ErrorLog: log.New(io.Discard, "", 0),
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		TLSConfig: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			f.mutex.Lock()
			defer f.mutex.Unlock()
			return &f.certificate, nil
		}},
		ConnState: func(connection net.Conn, state http.ConnState) {
			if state == http.StateNew {
				f.connections.Store(connection, true)
			} else if state == http.StateClosed || state == http.StateHijacked {
				f.connections.Delete(connection)
			}
		},
	}
	go func() { _ = f.server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() {
		close(f.ended)
		_ = f.server.Close()
	})
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	hit := f.strikes.at(r)
	f.mutex.Lock()
	if hit {
		f.struck++
		hit = f.struck > f.strikes.after
	}
	f.mutex.Unlock()
	if hit {
		if f.strikes.fault.connection != nil {
			f.strikes.fault.connection(f)
			panic(http.ErrAbortHandler)
		}
		f.strikes.fault.answer(f, w, r)
		return
	}
	f.next.ServeHTTP(w, r)
}

// begin applies a connection fault before the first request, for servers that receive only one request.
func (f *front) begin() {
	if f.strikes.fault.connection != nil {
		f.strikes.fault.connection(f)
		f.mutex.Lock()
		f.struck++
		f.mutex.Unlock()
	}
}

// hits returns how many requests the fault affected.
func (f *front) hits() int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return max(0, f.struck-f.strikes.after)
}

// cut closes every connection except those in which the fault still answers.
func (f *front) cut() {
	f.connections.Range(func(connection, _ any) bool {
		_ = connection.(net.Conn).Close()
		return true
	})
}

// proxyTo forwards requests to the registry at an address, keeping the front's host name.
func proxyTo(address string) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: address})
			r.Out.Host = r.In.Host
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
}
