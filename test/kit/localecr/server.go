// Package localecr is a registry on loopback that replaces a private Amazon ECR registry in demos and tests.
// A push creates its repository, repositories with a pull-through prefix are fetched from their upstream on
// the first pull by tag, and an access log records all requests. It requires no sign-in.
package localecr

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/layercache/layercache/internal/baseimage"
	"github.com/layercache/layercache/internal/registry/throwaway"
)

// Config configures a Server. Only Dir is required.
type Config struct {
	// Dir is the folder for blobs. The caller removes it. Manifests are kept in memory.
	Dir string
	// Upstreams maps prefixes to upstream registries, HOST or HOST/PREFIX. A prefix may be Root. The default
	// is DefaultUpstreams.
	Upstreams map[string]string
	// Provide fetches an image of an upstream registry and returns its origin. The default is
	// baseimage.Provide.
	Provide func(ctx context.Context, ref name.Reference) (v1.Image, string, error)
	// Imported is called for every image that was pulled through.
	Imported func(Import)
}

// Import is a successful or failed pull of an image through the cache.
type Import struct {
	// Reference is the name of the image at its upstream.
	Reference string
	// Origin describes where the image came from.
	Origin  string
	Seconds float64
	Err     error
}

// DefaultUpstreams returns the upstreams by the prefixes that ECR's console suggests.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
func DefaultUpstreams() map[string]string {
	return map[string]string{
		"ecr-public": "public.ecr.aws",
		"k8s":        "registry.k8s.io",
		"quay":       "quay.io",
		"docker-hub": "registry-1.docker.io",
	}
}

// Server is a running registry.
type Server struct {
	server  *http.Server
	address string
	log     *accessLog
	stop    context.CancelFunc
}

// Start starts a registry on a free port of 127.0.0.1.
func Start(config Config) (*Server, error) {
	if config.Dir == "" {
		return nil, fmt.Errorf("localecr: Config.Dir is empty: blobs need a directory")
	}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("localecr: %w", err)
	}
	if config.Upstreams == nil {
		config.Upstreams = DefaultUpstreams()
	}
	if config.Provide == nil {
		config.Provide = baseimage.Provide
	}
	if config.Imported == nil {
		config.Imported = func(Import) {}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("localecr: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	recorded := &accessLog{next: &pullThrough{ctx: ctx, config: config, blobs: throwaway.Blobs(config.Dir), next: throwaway.Handler(config.Dir)}}
	s := &Server{
		server:  &http.Server{Handler: recorded, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second},
		address: listener.Addr().String(),
		log:     recorded,
		stop:    stop,
	}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

// Addr returns the registry's HOST:PORT.
func (s *Server) Addr() string { return s.address }

// Log returns all requests answered so far, in the order of the answers.
func (s *Server) Log() []Entry { return s.log.all() }

// Close stops the registry and all running pulls.
func (s *Server) Close() error {
	s.stop()
	return s.server.Close()
}
