//go:build linux

package soak

import (
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// rate: one in this many requests to the cache fails.
const rate = 20

// delay is the delay of a slow answer.
const delay = 2 * time.Second

// kinds are the ways in which a request fails.
var kinds = []string{"503", "429", "reset", "slow"}

// troubles is a proxy in front of a registry that makes requests to the cache fail. The seed decides which:
// for each method and path it selects requests by their number, independent of other requests.
type troubles struct {
	seed     uint64
	next     http.Handler
	mutex    sync.Mutex
	numbers  map[string]int
	requests int
	struck   map[string]int
}

func startTroubles(t *testing.T, seed uint64, registry string) (*troubles, string) {
	t.Helper()
	f := &troubles{seed: seed, numbers: map[string]int{}, struck: map[string]int{}, next: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: registry})
			r.Out.Host = r.In.Host
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}}
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return f, server.Listener.Addr().String()
}

// upload matches the part of a path that differs in every run.
var upload = regexp.MustCompile(`/blobs/uploads/.*`)

// kindOf returns how a request fails, or "" if it does not.
func (f *troubles) kindOf(r *http.Request) string {
	if !strings.HasPrefix(r.URL.Path, "/v2/"+repository+"/") {
		return ""
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	key := r.Method + " " + upload.ReplaceAllString(r.URL.Path, "/blobs/uploads/")
	hash := fnv.New64a()
	fmt.Fprint(hash, f.seed, key, f.numbers[key])
	f.numbers[key]++
	f.requests++
	chosen := mixed(hash.Sum64())
	if chosen%rate != 0 {
		return ""
	}
	kind := kinds[chosen/rate%uint64(len(kinds))]
	f.struck[kind]++
	return kind
}

// mixed spreads the last bytes of the hash over all bits: https://prng.di.unimi.it/splitmix64.c.
func mixed(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (f *troubles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch f.kindOf(r) {
	case "503":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "429":
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case "reset":
		f.reset(w, r)
	case "slow":
		time.Sleep(delay)
		f.next.ServeHTTP(w, r)
	default:
		f.next.ServeHTTP(w, r)
	}
}

// reset breaks the connection half-way through the request's body.
func (f *troubles) reset(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > 0 {
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
	}
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()
}
