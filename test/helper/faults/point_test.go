//go:build linux

package faults

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// The points where a fault can occur.
const (
	signIn  = "sign-in to the cache's registry"
	reading = "import"
	pulling = "pull of a cached layer"
	pushing = "push of the image"
	writing = "cache export"
	figures = "metrics"
)

var points = []string{signIn, reading, pulling, pushing, writing, figures}

// statuses are a registry's errors, with ECR's messages where known.
var statuses = []fault{
	{name: "400", answer: status(400, "UNSUPPORTED", "Invalid parameter")},
	{name: "401", answer: status(401, "UNAUTHORIZED", "authentication required")},
	{name: "403", answer: status(403, "DENIED", "User is not authorized to perform this action")},
	{name: "404", answer: status(404, "NAME_UNKNOWN", "The repository does not exist in the registry")},
	{name: "409, an immutable tag", answer: status(409, "TAG_INVALID", "The image tag already exists and cannot be overwritten because the tag is immutable")},
	{name: "413", answer: status(413, "SIZE_INVALID", "The layer part is too large")},
	{name: "429 with Retry-After", answer: status(429, "TOOMANYREQUESTS", "Rate exceeded")},
	{name: "500", answer: status(500, "UNKNOWN", "Internal failure")},
	{name: "503", answer: status(503, "UNAVAILABLE", "Service unavailable")},
}

// faults are tried at every point.
var faults = slices.Concat([]fault{
	{name: "connection refused", connection: refused, words: "connection refused: nothing listens at the registry's address"},
	{name: "connection reset half-way", answer: reset}, {name: "silence", answer: silence}, {name: "1 KB/s", answer: slow},
	{name: "name does not resolve", connection: unknown, words: "the registry's host name could not be resolved (DNS)"},
	{name: "untrusted certificate", connection: untrusted, words: "the registry's certificate was not accepted (TLS)"},
	{name: "certificate not valid yet", connection: premature, words: "the registry's certificate was not accepted (TLS)"},
}, statuses, []fault{{name: "truncated", answer: truncated}, {name: "corrupt", answer: corrupt}})

// halfWay are faults that spare the first request.
var halfWay = []fault{{name: "401 after the first request (expired token)", answer: status(401, "UNAUTHORIZED", "Your authorization token has expired")}}

// stalls reports whether the build would wait for long without LAYERCACHE_CACHE_TIMEOUT, because BuildKit has
// no timeout or retries for long.
func stalls(f fault) bool {
	return slices.Contains([]string{"silence", "1 KB/s", "500", "503", "connection reset half-way"}, f.name)
}

// cacheTimeout returns LAYERCACHE_CACHE_TIMEOUT for a cell: short where the build has to wait for it. The
// sign-in has its own timeouts, and BuildKit repeats an interrupted download of a layer for 7 s, after which the
// build repairs the cache.
func cacheTimeout(point string, f fault) time.Duration {
	if point == pulling && f.name == "connection reset half-way" {
		return 20 * time.Second
	}
	if stalls(f) && (point != signIn || f.name == "silence") {
		return 2 * time.Second
	}
	return 20 * time.Second
}

// at returns the requests that belong to a point.
func (w *baseline) at(point string) func(*http.Request) bool {
	switch point {
	case reading:
		return func(r *http.Request) bool {
			reads := r.Method == http.MethodGet || r.Method == http.MethodHead
			return reads && (strings.Contains(r.URL.Path, "/manifests/") || strings.HasSuffix(r.URL.Path, w.good.config))
		}
	case pulling:
		return func(r *http.Request) bool {
			_, digest, found := strings.Cut(r.URL.Path, "/blobs/")
			return found && r.Method == http.MethodGet && slices.Contains(w.good.layers, digest)
		}
	case pushing, writing:
		return func(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }
	}
	return func(*http.Request) bool { return true }
}
