package registry

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Mounting is the same registry at another address, where a layer that another repository has need not be
// uploaded, as in ECR if the account turns this on (but not for images that were pulled through).
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
type Mounting struct {
	server  *http.Server
	address string
}

// Mount serves the registry with mounts on a free port of loopback. The caller must close it.
func (r *Registry) Mount() (*Mounting, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	next := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: r.Addr()})
	next.ErrorLog = log.New(io.Discard, "", 0)
	m := &Mounting{address: listener.Addr().String(), server: &http.Server{
		Handler: mounts{blobs: r.blobs, next: next}, ErrorLog: next.ErrorLog, ReadHeaderTimeout: 10 * time.Second,
	}}
	go func() { _ = m.server.Serve(listener) }()
	return m, nil
}

// Addr is its HOST:PORT.
func (m *Mounting) Addr() string { return m.address }

// Close stops it.
func (m *Mounting) Close() error { return m.server.Close() }

// mounts handles requests that mount a blob, and forwards all other requests.
type mounts struct {
	blobs string
	next  http.Handler
}

var uploads = regexp.MustCompile(`^/v2/(.+)/blobs/uploads/$`)

// ServeHTTP answers a request that mounts a blob by linking the blob's file.
//
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#mounting-a-blob-from-another-repository
func (m mounts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	match := uploads.FindStringSubmatch(r.URL.Path)
	digest, from := r.URL.Query().Get("mount"), r.URL.Query().Get("from")
	if match == nil || r.Method != http.MethodPost || digest == "" || from == "" || m.mount(match[1], from, digest) != nil {
		m.next.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Location", "/v2/"+match[1]+"/blobs/"+digest)
	w.Header().Set("Docker-Content-Digest", digest)
	w.WriteHeader(http.StatusCreated)
}

func (m mounts) mount(repository, from, digest string) error {
	file := strings.ReplaceAll(digest, ":", "-")
	if filepath.Base(file) != file {
		return errors.New("bench: a digest must not contain a path")
	}
	target := directory(m.blobs, repository)
	if err := os.MkdirAll(target, 0o700); err != nil {
		return err
	}
	err := os.Link(filepath.Join(directory(m.blobs, from), file), filepath.Join(target, file))
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}
