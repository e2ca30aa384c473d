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

// front is what the helper takes for a server: it passes requests on to the real one, and misbehaves from the first request
// on at which its fault strikes.
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
	// bad is a certificate that nobody trusts, early one that is not valid yet.
	bad, early tls.Certificate
	struck     int
	ended      chan struct{}
}

// strike is a fault and where it strikes.
type strike struct {
	fault fault
	// at chooses the requests; the first of them, as many as after says, pass.
	at    func(*http.Request) bool
	after int
}

// host is HOST:PORT, as it stands in the name of a repository.
func (f *front) host() string { return fmt.Sprintf("%s:%d", f.name, f.port) }

// newFront is a server of the cell's own, in front of another.
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

// begin strikes before the first request, where there is but one.
func (f *front) begin() {
	if f.strikes.fault.connection != nil {
		f.strikes.fault.connection(f)
		f.mutex.Lock()
		f.struck++
		f.mutex.Unlock()
	}
}

// hits is how many requests the fault struck.
func (f *front) hits() int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return max(0, f.struck-f.strikes.after)
}

// cut closes every connection but those that wait for an answer of the fault's.
func (f *front) cut() {
	f.connections.Range(func(connection, _ any) bool {
		_ = connection.(net.Conn).Close()
		return true
	})
}

// proxyTo passes requests on to the registry at an address, under the front's own name.
func proxyTo(address string) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: address})
			r.Out.Host = r.In.Host
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
}
