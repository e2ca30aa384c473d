//go:build linux

package ecrhost

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/layercache/layercache/test/kit/localecr"
)

// Own is the principal of a program that has not assumed a role.
const Own = "arn:aws:iam::111122223333:role/build"

// Config configures a Server.
type Config struct {
	// Dir is the folder for blobs, the certificate and the hosts file. The caller removes it.
	Dir string
	// Registries are the registries by host name.
	Registries map[string]Registry
	// TokenLife is the lifetime of a token. The default is 12 hours, as in ECR.
	TokenLife time.Duration
	// Identify returns the principal of an access key that this server has not issued. By default, such keys
	// are unknown.
	Identify func(ctx context.Context, accessKeyID string) (principal string, ok bool)
	// Allow reports whether an ask is allowed, in addition to the registries' Principals. By default, every
	// ask is.
	Allow func(Ask) bool
	// Now returns the time at which manifests are pushed. The default is time.Now.
	Now func() time.Time
}

// Registry is one account's registry in one region.
type Registry struct {
	// Principals are the ARNs of the principals that may use it. The ARN of a role includes its sessions. If
	// it is empty, everyone with a token may use it.
	Principals []string
	// Repositories are the initial repositories by name.
	Repositories map[string]Repository
	// PullThrough maps the prefixes of pull-through cache rules to their upstreams, HOST or HOST/PREFIX.
	PullThrough map[string]string
	// ImportTime is how long the import of an image lasts after its first pull. In this time, its layers can
	// be pulled, but a check of their availability does not find them.
	ImportTime time.Duration
	// RefusesReferrers makes the registry refuse manifests with a subject, as ECR did before it supported the
	// referrers of OCI 1.1, and may still do in some regions.
	RefusesReferrers bool
}

// Server is a running simulation of ECR and STS.
type Server struct {
	config    Config
	authority *authority
	address   string
	server    *http.Server
	api       *httptest.Server
	backends  map[string]*localecr.Server

	mutex  sync.Mutex
	tokens map[string]token
	// repositories are the repositories of each host by name.
	repositories map[string]map[string]*repository
	assumed      map[string]string
	requests     []Request
	calls        []Call
}

// Start starts the registries and the APIs.
func Start(config Config) (*Server, error) {
	if config.TokenLife == 0 {
		config.TokenLife = 12 * time.Hour
	}
	if config.Identify == nil {
		config.Identify = func(context.Context, string) (string, bool) { return "", false }
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	w := &Server{
		config: config, backends: map[string]*localecr.Server{}, repositories: map[string]map[string]*repository{},
		tokens: map[string]token{}, assumed: map[string]string{},
	}
	if err := w.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("ecrhost: %w", err), w.Close())
	}
	return w, nil
}

func (w *Server) start() error {
	var hosts []string
	proxies := map[string]http.Handler{}
	for host, registry := range w.config.Registries {
		upstreams := maps.Clone(registry.PullThrough)
		if upstreams == nil {
			upstreams = map[string]string{}
		}
		backend, err := localecr.Start(localecr.Config{Dir: filepath.Join(w.config.Dir, "registries", host), Upstreams: upstreams})
		if err != nil {
			return err
		}
		w.backends[host] = backend
		w.repositories[host] = map[string]*repository{}
		for name, settings := range registry.Repositories {
			if err := w.CreateRepository(host, name, settings); err != nil {
				return err
			}
		}
		proxies[host] = &rules{server: w, host: host, upstreams: upstreams, next: proxyTo(backend.Addr())}
		hosts = append(hosts, host)
	}
	var err error
	if w.authority, err = newAuthority(hosts); err != nil {
		return err
	}
	listener, err := listen()
	if err != nil {
		return err
	}
	w.address = listener.Addr().String()
	w.server = &http.Server{
		Handler: w.guarded(proxies), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{w.authority.certificate}},
	}
	go func() { _ = w.server.ServeTLS(listener, "", "") }()
	w.api = httptest.NewServer(http.HandlerFunc(w.answer))
	return w.writeFiles(hosts)
}

// proxyTo returns a handler that forwards requests to the registry at the address.
func proxyTo(address string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: address})
			r.Out.Host = r.In.Host
		},
		ModifyResponse: asECR,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
}

// listen listens on port 443, the only port of ECR's hosts, on an unused loopback address.
func listen() (net.Listener, error) {
	var err error
	for range 10 {
		part := make([]byte, 3)
		_, _ = rand.Read(part)
		var listener net.Listener
		listener, err = net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:443", part[0]%127+128, part[1], part[2]%254+1))
		if err == nil {
			return listener, nil
		}
	}
	return nil, err
}

func (w *Server) certificatePath() string { return filepath.Join(w.config.Dir, "ca.pem") }
func (w *Server) hostsPath() string       { return filepath.Join(w.config.Dir, "hosts") }

func (w *Server) writeFiles(hosts []string) error {
	address, _, err := net.SplitHostPort(w.address)
	if err != nil {
		return err
	}
	content := "127.0.0.1 localhost\n"
	for _, host := range hosts {
		content += address + " " + host + "\n"
	}
	return errors.Join(
		os.WriteFile(w.certificatePath(), w.authority.root, 0o600),
		os.WriteFile(w.hostsPath(), []byte(content), 0o600),
	)
}

// Close stops the registries and the APIs.
func (w *Server) Close() error {
	var err error
	if w.server != nil {
		err = w.server.Close()
	}
	if w.api != nil {
		w.api.Close()
	}
	for _, backend := range w.backends {
		err = errors.Join(err, backend.Close())
	}
	return err
}
