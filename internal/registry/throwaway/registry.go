// Package registry runs a temporary registry on loopback, with its blobs on disk until it is closed.
package throwaway

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

// Start serves an empty registry on a free loopback port. Containers in this machine's network namespace can
// reach it too.
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

// Handler returns the registry as an HTTP handler, with its blobs in dir and its manifests in memory.
func Handler(dir string) http.Handler {
	silent := log.New(io.Discard, "", 0)
	base := registry.New(registry.Logger(silent), registry.WithBlobHandler(Blobs(dir)), registry.WithReferrersSupport(true))
	return &spool{dir: dir, next: &ranges{blobs: Blobs(dir), next: base}}
}

// Host returns the registry's HOST:PORT, the first part of image names.
func (s *Server) Host() string { return s.host }

// Close stops the registry and removes its blobs.
func (s *Server) Close() error { return errors.Join(s.server.Close(), os.RemoveAll(s.dir)) }
