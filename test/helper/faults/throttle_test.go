//go:build linux

package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The clients that talk to a registry.
const (
	anyone   = ""
	helper   = "go-containerregistry"
	buildkit = "buildkit/"
)

// pace is how a server throttles.
type pace struct {
	status int
	// word and message are the error's.
	word, message string
	// retryAfter returns Retry-After; nil for no header.
	retryAfter func() string
	// lasts is how long every selected request is refused, from the first one on. It is endless if it is 0.
	lasts time.Duration
}

func inSeconds(text string) func() string { return func() string { return text } }

// onDate returns a date, which has whole seconds, at least a second from now.
func onDate() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) }

var (
	tooMany     = pace{429, "TOOMANYREQUESTS", "Rate exceeded", inSeconds("1"), time.Second}
	unavailable = pace{503, "UNAVAILABLE", "Service unavailable", nil, 800 * time.Millisecond}
)

// fault returns the fault of one cell.
func (p pace) fault() fault {
	var mutex sync.Mutex
	var first time.Time
	return fault{name: "throttled", answer: func(f *front, w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		if first.IsZero() {
			first = time.Now()
		}
		over := p.lasts > 0 && time.Since(first) >= p.lasts
		mutex.Unlock()
		if over {
			f.next.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if p.retryAfter != nil {
			w.Header().Set("Retry-After", p.retryAfter())
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(p.status)
		if p.word == "ThrottlingException" {
			_ = json.NewEncoder(w).Encode(map[string]string{"__type": p.word, "message": p.message})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": p.word, "message": p.message}}})
	}}
}

// asks selects requests by client, method and the end of the path before the digest or tag.
func asks(client, method, kind string, also func(*http.Request) bool) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return strings.Contains(r.UserAgent(), client) && (method == "" || r.Method == method) && strings.Contains(r.URL.Path, kind) && (also == nil || also(r))
	}
}

// throttled is a request of a build that a server throttles.
type throttled struct {
	name string
	// at selects the requests; nil for all of the server.
	at   func(*baseline) func(*http.Request) bool
	pace pace
	// before puts the front between the cell and a server; nil for the server of the cache.
	before func(*signIns, *cell, *front)
	// api is true for the API that signs in, tokens for a registry that wants a token from a server of its own.
	api, tokens bool
	// unseen is true if BuildKit waits by itself and does not log it.
	unseen bool
}

func (s *signIns) throttledRequests() []throttled {
	request := func(client, method, kind string) func(*baseline) func(*http.Request) bool {
		return func(*baseline) func(*http.Request) bool { return asks(client, method, kind, nil) }
	}
	config := func(w *baseline) func(*http.Request) bool {
		return asks(anyone, "", "/blobs/", func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, w.good.config) })
	}
	layer := func(w *baseline) func(*http.Request) bool { return w.at(pulling) }
	image := func(_ *signIns, c *cell, f *front) { c.image = f.host() + "/shop-" + c.name + ":1" }
	base := func(_ *signIns, c *cell, f *front) { c.env["LAYERCACHE_MIRRORS"] = "bases.test=" + f.host() + "/bases" }
	with := func(p pace, retryAfter func() string, lasts time.Duration) pace {
		p.retryAfter, p.lasts = retryAfter, lasts
		return p
	}
	return []throttled{
		{name: "the sign-in, by the API's own error", api: true, pace: pace{400, "ThrottlingException", "Rate exceeded", nil, time.Second}},
		{name: "the sign-in, with 503", api: true, pace: unavailable},
		{name: "the helper's question for the cache", at: request(helper, "", "/manifests/"), pace: tooMany},
		{name: "the helper's question for the cache, until a date", at: request(helper, "", "/manifests/"), pace: with(tooMany, onDate, time.Second)},
		{name: "BuildKit's question for the cache", at: request(buildkit, "", "/manifests/"), pace: tooMany},
		{name: "BuildKit's question for the cache, with 503", at: request(buildkit, "", "/manifests/"), pace: unavailable},
		{name: "everybody's question for the cache", at: request(anyone, "GET", "/manifests/"), pace: tooMany},
		{name: "the cache's config", at: config, pace: tooMany},
		{name: "the cache's config, with 503", at: config, pace: unavailable},
		{name: "a layer of the cache", at: layer, pace: tooMany},
		{name: "a layer of the cache, for two seconds", at: layer, pace: with(tooMany, inSeconds("2"), 2*time.Second)},
		{name: "a layer of the cache, with 503", at: layer, pace: unavailable},
		{name: "the helper's token", at: request(helper, "", "/token"), pace: tooMany, tokens: true},
		{name: "the builder's token", at: func(*baseline) func(*http.Request) bool {
			return func(r *http.Request) bool { return r.URL.Path == "/token" && !strings.Contains(r.UserAgent(), helper) }
		}, pace: tooMany, tokens: true},
		{name: "the builder's token, with 503", at: func(*baseline) func(*http.Request) bool {
			return func(r *http.Request) bool { return r.URL.Path == "/token" && !strings.Contains(r.UserAgent(), helper) }
		}, pace: unavailable, tokens: true, unseen: true},
		{name: "the start of an upload", at: request(buildkit, "POST", "/blobs/uploads/"), pace: tooMany},
		{name: "the upload of a layer", at: request(buildkit, "PUT", "/blobs/uploads/"), pace: tooMany},
		{name: "the upload of a layer, with 503", at: request(buildkit, "PUT", "/blobs/uploads/"), pace: unavailable},
		{name: "the upload of the cache's manifest", at: request(buildkit, "PUT", "/manifests/"), pace: tooMany},
		{name: "the start of the record's upload", at: request(helper, "POST", "/blobs/uploads/"), pace: tooMany},
		{name: "the record's content", at: request(helper, "PATCH", "/blobs/uploads/"), pace: tooMany},
		{name: "the end of the record's upload", at: request(helper, "PUT", "/blobs/uploads/"), pace: tooMany},
		{name: "the upload of the record's manifest", at: request(helper, "PUT", "/manifests/"), pace: tooMany},
		{name: "the start of the image's push", at: request(anyone, "POST", "/blobs/uploads/"), pace: tooMany, before: image},
		{name: "the push of the image's manifest", at: request(anyone, "PUT", "/manifests/"), pace: tooMany, before: image},
		{name: "the base image's manifest", at: request(anyone, "", "/manifests/"), pace: tooMany, before: base},
	}
}

// throttledCell returns a cell with the good cache, of which a server throttles some requests.
func (s *signIns) throttledCell(t *testing.T, c throttled) (*cell, *front) {
	t.Helper()
	cell := s.cell(t, fmt.Sprintf("cell%d", s.number.Add(1)))
	s.plant(t, cell.name)
	backend := http.Handler(proxyTo(s.registry.Addr()))
	at := func(*http.Request) bool { return true }
	if c.api {
		backend = s.api()
	} else if c.at != nil {
		at = c.at(s.baseline)
	}
	if c.tokens {
		backend = wantsToken(backend)
	}
	front := cell.newFront(backend, strike{fault: c.pace.fault(), at: at})
	switch {
	case c.api:
		s.moveToECR(cell, front)
	case c.before != nil:
		c.before(s, cell, front)
	default:
		cell.repository = front.host() + "/" + cell.name
	}
	return cell, front
}

// wantsToken lets only requests with a token pass, which /token gives to everyone.
func wantsToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			_ = json.NewEncoder(w).Encode(map[string]any{"token": "secret", "expires_in": 300})
		case r.Header.Get("Authorization") == "Bearer secret":
			r.Header.Del("Authorization")
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://`+r.Host+`/token",service="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

func TestABuildWaitsForARegistryThatThrottles(t *testing.T) {
	s := newSignIns(t, newBaseline(t))
	for _, c := range s.throttledRequests() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cell, front := s.throttledCell(t, c)
			o := cell.build()
			o.succeeds(t)
			require.Positive(t, front.hits(), "no request was throttled:\n%s", o.log)
			assert.Equal(t, "partly-used", o.Verdict, o.log)
			assert.Equal(t, "yes", o.Exported, o.log)
			assert.Empty(t, o.Warnings, o.log)
			assert.Equal(t, s.program, s.imageOf(t, cell.name))
			if !c.unseen {
				assert.GreaterOrEqual(t, o.ThrottledSeconds, 0.7, "the report says how long the build waited:\n%s", o.log)
				assert.Contains(t, o.log, "layercache: registry throttled: waited ")
			}
			cell.nothingLeft()
			t.Logf("%.1f s longer than without throttling", o.seconds-s.seconds)
		})
	}
}

func TestEndlessThrottlingEndsInABuildWithoutTheCache(t *testing.T) {
	const timeout = 4 * time.Second
	s := newSignIns(t, newBaseline(t))
	cases := []struct {
		name string
		throttled
		// waits is true if the build waits at all.
		waits bool
	}{
		{"every request of the cache's registry", throttled{pace: pace{429, "TOOMANYREQUESTS", "Rate exceeded", inSeconds("1"), 0}}, true},
		{"every request of the cache's registry, with 503", throttled{pace: pace{503, "UNAVAILABLE", "Service unavailable", nil, 0}}, true},
		{"every request of BuildKit", throttled{at: func(*baseline) func(*http.Request) bool { return asks(buildkit, "", "", nil) }, pace: pace{429, "TOOMANYREQUESTS", "Rate exceeded", inSeconds("1"), 0}}, true},
		{"every request for a layer", throttled{at: func(w *baseline) func(*http.Request) bool { return w.at(pulling) }, pace: pace{429, "TOOMANYREQUESTS", "Rate exceeded", inSeconds("1"), 0}}, true},
		{"every upload", throttled{at: func(w *baseline) func(*http.Request) bool { return w.at(writing) }, pace: pace{429, "TOOMANYREQUESTS", "Rate exceeded", inSeconds("1"), 0}}, true},
		{"the sign-in", throttled{api: true, pace: pace{400, "ThrottlingException", "Rate exceeded", nil, 0}}, true},
		{"every request for a layer, for longer than the build may wait", throttled{at: func(w *baseline) func(*http.Request) bool { return w.at(pulling) }, pace: pace{429, "TOOMANYREQUESTS", "Rate exceeded", inSeconds("30"), 0}}, false},
		{"for longer than the build may wait", throttled{pace: pace{429, "TOOMANYREQUESTS", "Rate exceeded", inSeconds("30"), 0}}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cell, front := s.throttledCell(t, c.throttled)
			cell.env["LAYERCACHE_CACHE_TIMEOUT"] = timeout.String()
			o := cell.build()
			o.succeeds(t)
			require.Positive(t, front.hits())
			assert.True(t, slices.ContainsFunc(o.Warnings, func(warning string) bool {
				return strings.Contains(warning, "throttl") || strings.Contains(warning, "Throttl") || strings.Contains(warning, "5xx")
			}),
				"a warning names throttling:\n%s", o.log)
			assert.Equal(t, c.waits, o.ThrottledSeconds > 0, o.log)
			assert.Less(t, o.ThrottledSeconds, timeout.Seconds()+1, "the waits end in time, with a reserve for a busy machine:\n%s", o.log)
			assert.Equal(t, s.program, s.imageOf(t, cell.name))
			cell.nothingLeft()
		})
	}
}
