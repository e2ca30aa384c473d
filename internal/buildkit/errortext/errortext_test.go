package errortext

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIsThrottled(t *testing.T) {
	cases := []struct {
		name, problem string
		want          bool
	}{
		{"429 of a registry", "unexpected status from GET request to https://r.example/v2/c/blobs/sha256:429: 429 Too Many Requests", true},
		{"429 with the registry's error", "unexpected status from HEAD request to https://r.example/v2/c/manifests/m: 429 Too Many Requests\ntoomanyrequests: Rate exceeded", true},
		{"the registry's error alone", "error writing layer blob: toomanyrequests: Rate exceeded", true},
		{"503", "failed to push r.example/a:1: unexpected status from PUT request to https://r.example/v2/a/blobs/uploads/1: 503 Service Unavailable", true},
		{"503 of storage", "failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://b.s3.amazonaws.com/0a: 503 Slow Down", true},
		{"502", "unexpected status from GET request to https://r.example/v2/c/blobs/x: 502 Bad Gateway", true},
		{"504", "unexpected status from GET request to https://r.example/v2/c/blobs/x: 504 Gateway Timeout", true},
		{"a throttled token", "failed to authorize: failed to fetch oauth token: unexpected status from POST request to https://auth.example/token: 429 Too Many Requests", true},
		{"500", "unexpected status from GET request to https://r.example/v2/c/blobs/x: 500 Internal Server Error", false},
		{"403", "unexpected status from GET request to https://r.example/v2/c/blobs/x: 403 Forbidden", false},
		{"a port", `failed to do request: Get "https://r.example:503/v2/": dial tcp 10.0.0.1:503: connect: connection refused`, false},
		{"a number of bytes", "short read: expected 503 bytes but got 429: unexpected EOF", false},
		{"no error", "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, IsThrottled(c.problem)) })
	}
}

func TestWhatAnErrorNames(t *testing.T) {
	image, why := Push("failed to push r.example/a:1: unexpected status: 403 Forbidden")
	assert.Equal(t, []string{"r.example/a:1", "unexpected status: 403 Forbidden"}, []string{image, why})
	image, why = Pull("failed to solve: failed to resolve source metadata for r.example/b:2: r.example/b:2: not found")
	assert.Equal(t, []string{"r.example/b:2", "r.example/b:2: not found"}, []string{image, why})
	assert.Equal(t, `"/a b"`, MissingFile(`failed to calculate checksum of ref x::y: "/a b": not found`))
	assert.Equal(t, "137", ExitCode("process \"/bin/sh -c make\" did not complete successfully: exit code: 137"))
	folder, why := UnreadLocked("WARNING: local cache import at /a cache skipped due to err: could not lock /a cache/index.json.lock")
	assert.Equal(t, []string{"/a cache", "could not lock /a cache/index.json.lock"}, []string{folder, why})
	assert.Equal(t, "no such step", Short("ERROR: failed to build: failed to solve: no\n such step"))
	urls := URLs(`Get "https://r.example/v2/c/manifests/a": redirected to https://b.s3.amazonaws.com/0a: EOF`)
	if assert.Len(t, urls, 2) {
		assert.Equal(t, "r.example/v2/c/manifests/a", urls[0].Host+urls[0].Path)
	}

	assert.Equal(t, "r.example", LookedUpHost("dial tcp: lookup r.example on [::1]:53: no such host"))
	assert.Equal(t, "r.example", LookedUpHost("dial tcp: lookup r.example: no such host"))

	const other = "something else"
	for _, found := range []string{MissingFile(other), ExitCode(other), BlobDigest(other), LookedUpHost(other)} {
		assert.Empty(t, found)
	}
	image, why = Push(other)
	assert.Empty(t, image+why)
}
