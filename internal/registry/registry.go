// Package registry runs a throw-away registry on loopback: a real one, with its blobs on disk and nothing left behind.
package registry

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Server is a running registry.
type Server struct {
	host   string
	dir    string
	server *http.Server
}

// Start serves an empty registry on a free port of loopback. Containers on this machine's network reach it as well.
func Start() (*Server, error) {
	dir, err := os.MkdirTemp("", "layercache-registry-")
	if err != nil {
		return nil, fmt.Errorf("start a registry: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a registry: %w", err), os.RemoveAll(dir))
	}
	server := &http.Server{Handler: Handler(dir), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	port := listener.Addr().(*net.TCPAddr).Port
	return &Server{host: fmt.Sprintf("localhost:%d", port), dir: dir, server: server}, nil
}

// Handler is the registry as a handler of requests, with its blobs in dir and its manifests in memory.
func Handler(dir string) http.Handler {
	silent := log.New(io.Discard, "", 0)
	whole := registry.New(registry.Logger(silent), registry.WithBlobHandler(Blobs(dir)), registry.WithReferrersSupport(true))
	return &spool{dir: dir, next: &ranges{blobs: Blobs(dir), next: whole}}
}

// Host is the registry's HOST:PORT, as it stands at the start of an image's name.
func (s *Server) Host() string { return s.host }

// Close stops the registry and removes what it held.
func (s *Server) Close() error { return errors.Join(s.server.Close(), os.RemoveAll(s.dir)) }
