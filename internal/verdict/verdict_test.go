package verdict

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/policy"
)

const (
	ref    = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/cache:app--linux-amd64--main"
	notECR = "localhost:5000/cache:app--linux-amd64--main"
)

func steps(cached, ran int) []progress.Step {
	all := []progress.Step{{Index: 1, Instruction: "FROM base", Ran: true}}
	for range cached {
		all = append(all, progress.Step{Instruction: "RUN a", Cached: true})
	}
	for range ran {
		all = append(all, progress.Step{Instruction: "RUN b", Ran: true})
	}
	return all
}

func TestVerdicts(t *testing.T) {
	missing := []progress.Import{{Ref: ref, Error: "failed to configure registry cache importer: " + ref + ": not found"}}
	refused := []progress.Import{{Ref: ref, Error: "dial tcp 127.0.0.1:1: connect: connection refused"}}
	cases := []struct {
		name     string
		evidence Evidence
		verdict  string
		ratio    any
		reason   string
		warnings int
	}{
		{"without a configured cache the verdict is off, without a ratio", Evidence{Steps: steps(0, 3)}, Off, nil, "no cache is configured", 0},
		{"all steps cached is used", Evidence{On: true, Refs: []string{ref}, Steps: steps(3, 0)}, Used, 1.0, "every step", 0},
		{"some steps cached is partly used", Evidence{On: true, Refs: []string{ref}, Steps: steps(1, 3)}, PartlyUsed, 0.25, "3 of 4 steps had to run", 0},
		{"no cache yet is cold, without a warning", Evidence{On: true, Refs: []string{ref}, Steps: steps(0, 3), Imports: missing,
			States: map[string]cache.State{ref: {Kind: cache.KindAbsent}}}, Cold, 0.0, "no cache yet", 0},
		{"a cache without a matching step is cold", Evidence{On: true, Refs: []string{ref}, Steps: steps(0, 3),
			States: map[string]cache.State{ref: {Kind: cache.KindCache}}}, Cold, 0.0, "the cache has no result of it", 0},
		{"an image at the cache's tag is overwritten", Evidence{On: true, Refs: []string{ref}, Steps: steps(0, 3),
			States: map[string]cache.State{ref: {Kind: cache.KindImage}}}, Overwritten, 0.0, "holds an image", 0},
		{"a repository that does not exist in ECR is missing", Evidence{On: true, Refs: []string{ref}, Steps: steps(0, 3), Imports: missing,
			States: map[string]cache.State{ref: {Kind: cache.KindNoRepository}}}, Missing, 0.0, "does not exist", 0},
		{"a repository that does not exist in another registry is cold", Evidence{On: true, Refs: []string{notECR}, Steps: steps(0, 3),
			States: map[string]cache.State{notECR: {Kind: cache.KindNoRepository}}}, Cold, 0.0, "no cache yet", 0},
		{"an import that fails is import-failed, with the cause", Evidence{On: true, Refs: []string{ref}, Steps: steps(0, 3), Imports: refused},
			ImportFailed, 0.0, "connection refused", 1},
		{"one cache that fails does not hide that the other was used", Evidence{On: true, Refs: []string{ref, notECR}, Steps: steps(2, 0), Imports: refused},
			Used, 1.0, "every step", 1},
		{"a cache that fails half-way is partly used, with the cause", Evidence{On: true, FreshBuilder: true, Refs: []string{ref}, Steps: steps(1, 2), Imports: refused},
			PartlyUsed, 1.0 / 3, "2 of 3 steps had to run; a cache could not be read: connection refused", 1},
		{"no cache by choice is off, without a ratio and whatever the registry holds", Evidence{On: true, Declined: "it costs more than it saves", Refs: []string{ref}, Steps: steps(0, 3), Imports: refused},
			Off, nil, "no cache was used, by choice (LAYERCACHE_POLICY=act): it costs more than it saves", 0},
		{"without a cache because earlier builds chose to use none", Evidence{On: true, Refs: []string{ref}, Steps: steps(0, 3), States: map[string]cache.State{ref: {Kind: cache.KindAbsent}},
			Records: map[string]*cache.Record{ref: {Policy: &policy.History{}}}}, Cold, 0.0, "earlier builds chose to use none", 0},
		{"refresh is cold", Evidence{On: true, Refresh: true, Refs: []string{ref}, Steps: steps(0, 2)}, Cold, 0.0, "LAYERCACHE_REFRESH", 0},
		{"a Dockerfile without steps has no ratio", Evidence{On: true, Refs: []string{ref}, Steps: steps(0, 0)}, Cold, nil, "no step to cache", 0},
		{"a build that fails before any step is cold, without a ratio", Evidence{On: true, Failed: true, Refs: []string{ref}}, Cold, nil, "before its first step was done", 0},
		{"steps that did not end are not counted", Evidence{On: true, Refs: []string{ref}, Steps: append(steps(1, 0), progress.Step{Instruction: "RUN later"})}, Used, 1.0, "every step", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Decide(c.evidence)
			assert.Equal(t, c.verdict, got.Name)
			assert.Contains(t, got.Reason, c.reason)
			assert.Len(t, got.Warnings, c.warnings)
			if c.ratio == nil {
				assert.Nil(t, got.HitRatio)
				return
			}
			if assert.NotNil(t, got.HitRatio) {
				assert.InDelta(t, c.ratio, *got.HitRatio, 1e-9)
			}
		})
	}
}

func TestEachKindOfErrorHasASentence(t *testing.T) {
	for kind := errortext.Unknown + 1; kind <= errortext.NoCredentials; kind++ {
		assert.NotEmpty(t, sentences[kind].description, kind)
		assert.NotEmpty(t, sentences[kind].help, kind)
	}
}

func TestCauses(t *testing.T) {
	cases := []struct{ problem, cause string }{
		{"dial tcp 10.0.0.1:443: connect: connection refused", "connection refused"},
		{"dial tcp: lookup nowhere.example on 10.0.0.2:53: no such host", "DNS"},
		{"tls: failed to verify certificate: x509: certificate signed by unknown authority", "TLS"},
		{"unexpected status from HEAD request to https://h/v2/c/manifests/t: 401 Unauthorized", "401"},
		{"unexpected status from GET request: 403 Forbidden", "403"},
		{"pull access denied, repository does not exist", "403"},
		{"unexpected status: 429 Too Many Requests", "429"},
		{"unexpected status: 503 Service Unavailable", "5xx"},
		{"error writing layer blob: unavailable: Service unavailable", "5xx"},
		{"sign in to ECR in eu-west-1: api error ThrottlingException: Rate exceeded", "429"},
		{"read tcp: connection reset by peer", "interrupted"},
		{"context deadline exceeded", "in time"},
		{"failed to decode cache: invalid character 'x'", "corrupt"},
		{"short read: expected 197757 bytes but got 98878: unexpected EOF", "interrupted"},
		{`failed to do request: Post "https://h/v2/c/blobs/uploads/": EOF`, "interrupted"},
		{`failed commit on ref "layer-sha256:1": unexpected commit digest sha256:2, expected sha256:1`, "corrupt"},
		{"unexpected end of JSON input", "corrupt"},
		{errortext.NoAnswer, "LAYERCACHE_CACHE_TIMEOUT"},
		{"blob sha256:1 is too large (1051040 > 1048576)", "LAYERCACHE_LAYERS=final"},
		{"error writing layer blob: context canceled", "cancelled"},
		{"something\n   else", "something else"},
	}
	for _, c := range cases {
		t.Run(c.problem, func(t *testing.T) { assert.Contains(t, Cause(c.problem), c.cause) })
	}
}
