package run

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/variables"
)

const (
	branchCache = "cache.example:5000/team/cache:shop--linux-amd64--next"
	mainCache   = "other.example/cache:shop--linux-amd64--main"
	fetched     = "sha256:6cbc23a4f6eaf2b02df535a4cf3fcd0d87544c12a0e6236dd824a13eeced6b73"
	unknown     = "sha256:56897a9b69d297dca3f86fcd75efce553265744f205927cda37217258922d4c1"
)

// failing is a build that read both caches, fetched a layer for a cached step, to its end or not, and failed.
func failing(complete bool, problem string) *progress.Graph {
	now := time.Now()
	layer := progress.Status{ID: fetched, Vertex: "step", Started: &now}
	if complete {
		layer.Completed = &now
	}
	graph := progress.NewGraph()
	graph.Observe(progress.Event{
		Vertexes: []progress.Vertex{
			{Digest: "next", Name: "importing cache manifest from " + branchCache, Started: &now, Completed: &now, Error: "not found"},
			{Digest: "main", Name: "importing cache manifest from " + mainCache, Started: &now, Completed: &now},
			{Digest: "step", Name: "[build 1/2] RUN make", Cached: true, Started: &now, Completed: &now},
			{Digest: "last", Name: "[build 2/2] COPY src .", Started: &now, Completed: &now, Error: problem},
		},
		Statuses: []progress.Status{layer},
	})
	return graph
}

// The errors are those of buildkitd v0.33.0, the hosts changed.
func TestBlamed(t *testing.T) {
	cases := []struct {
		name     string
		complete bool
		problem  string
		want     string
	}{
		{"a refusal from the cache's repository", true,
			"failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://cache.example:5000/v2/team/cache/blobs/" + unknown + ": 403 Forbidden denied: no", branchCache},
		{"no connection to the other cache's registry", true,
			`failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://other.example/v2/cache/blobs/` + unknown + `": dial tcp 10.0.0.1:443: connect: connection refused`, mainCache},
		{"a layer that was deleted", true,
			"failed to copy: httpReadSeeker: failed open: could not fetch content descriptor " + fetched + " (application/vnd.oci.image.layer.v1.tar+zstd) from remote: not found", mainCache},
		{"a layer that does not have its digest", true,
			`failed commit on ref "layer-` + fetched + `": unexpected commit digest ` + unknown + ", expected " + fetched + ": failed precondition", mainCache},
		{"an interrupted download", false, "short read: expected 197757 bytes but got 98878: unexpected EOF", mainCache},
		{"storage to which the registry redirects", false,
			`failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://bucket.s3.amazonaws.com/0a1b?X-Amz-Signature=x": dial tcp: lookup bucket.s3.amazonaws.com: no such host`, mainCache},
		{"a pushed image that needs a layer of the cache", true,
			"failed to push images.example/shop:1: failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://other.example/v2/cache/blobs/" + fetched + ": 404 Not Found", mainCache},

		{"a layer whose manifest is corrupt", true, "failed to get stream processor for application/vnd.oci.image.lay0r.v1.tar+zstd: no processor for media-type", mainCache},

		{"an interrupted download after every layer has arrived", true, "short read: expected 197757 bytes but got 98878: unexpected EOF", ""},
		{"a base image of the same registry", false,
			"failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://other.example/v2/base/blobs/" + fetched + ": 500 Internal Server Error", ""},
		{"a repository whose name starts with the cache's", false,
			"failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://other.example/v2/cache/base/blobs/" + unknown + ": 500 Internal Server Error", ""},
		{"a push that is refused", false, "failed to push other.example/shop:1: unexpected status from POST request to https://other.example/v2/shop/blobs/uploads/?from=cache&mount=" + fetched + ": 403 Forbidden", ""},
		{"a step that fails", false, `process "/bin/sh -c curl https://other.example/v2/cache/blobs/x" did not complete successfully: exit code: 22`, ""},
		{"a step that prints a layer's digest", false, `process "/bin/sh -c echo ` + fetched + `" did not complete successfully: exit code: 1`, ""},
		{"a missing file", false, `failed to calculate checksum of ref x::y: "/src": not found`, ""},
		{"a full disk", false, "failed to copy: write /var/lib/layercache/builder-1/root/content/ingest/x/data: no space left on device", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			found := blamedCache(failing(c.complete, c.problem), []string{branchCache, mainCache})
			if c.want == "" {
				assert.Nil(t, found)
				return
			}
			assert.Equal(t, &cacheFailure{refs: []string{c.want}, problem: c.problem}, found)
		})
	}
}

func TestACacheThatWasNotImportedIsNotBlamed(t *testing.T) {
	graph := failing(false, "short read: unexpected EOF")
	assert.Nil(t, blamedCache(graph, []string{branchCache}), "its import failed")
	assert.Nil(t, blamedCache(graph, nil))
}

func TestAFailedCacheIsRemovedFromTheFlags(t *testing.T) {
	plan := cache.Flags{From: []string{"type=registry,ref=" + mainCache}, To: "type=registry,ref=" + mainCache}
	read := []progress.Import{{Ref: branchCache, Error: "not found", Ended: true}, {Ref: mainCache, Ended: true}}

	refused, failed := plan, &outcome{imports: read}
	cacheFailure{refs: []string{mainCache}, problem: "403 Forbidden"}.applyTo(failed, &refused)
	assert.Empty(t, refused.From, "what could not be read is not read again")
	assert.Equal(t, plan.To, refused.To, "a cache that answers is written")
	assert.Equal(t, []string{"not found", "403 Forbidden"}, []string{failed.imports[0].Error, failed.imports[1].Error})
	assert.Empty(t, failed.export)

	silent, waited := plan, &outcome{}
	cacheFailure{awaited: progress.AwaitsExport, problem: "no answer"}.applyTo(waited, &silent)
	assert.Empty(t, silent.From)
	assert.Empty(t, silent.To, "a cache that does not answer is not written")
	assert.Equal(t, progress.Export{Attempted: true, Error: "no answer"}, waited.export)
}

func TestTheOutcomeOfARepeatedCallIncludesTheEarlierOne(t *testing.T) {
	first := outcome{
		imports: []progress.Import{{Ref: mainCache, Error: "no answer"}}, timing: progress.Timing{Build: 2, Import: 1},
		export: progress.Export{Attempted: true, Error: "no answer"},
		steps: []progress.Step{
			{Index: 1, Instruction: "COPY deps .", Cached: true},
			{Index: 2, Instruction: "RUN make", Ran: true, Seconds: 2},
			{Index: 3, Instruction: "RUN test", Ran: true, Error: "context canceled"},
		},
	}
	second := &outcome{timing: progress.Timing{Build: 3, Push: 1}, steps: []progress.Step{
		{Index: 1, Instruction: "COPY deps .", Cached: true},
		{Index: 2, Instruction: "RUN make", Cached: true},
		{Index: 3, Instruction: "RUN test", Ran: true, Seconds: 3},
	}}
	second.add(first)
	assert.Equal(t, []progress.Step{
		{Index: 1, Instruction: "COPY deps .", Cached: true},
		{Index: 2, Instruction: "RUN make", Ran: true, Seconds: 2},
		{Index: 3, Instruction: "RUN test", Ran: true, Seconds: 3},
	}, second.steps, "a step that the first call ran is not a hit of the second")
	assert.Equal(t, progress.Timing{Import: 1, Build: 5, Push: 1}, second.timing)
	assert.Equal(t, first.imports, second.imports)
	assert.Equal(t, first.export, second.export)
}

func TestCachesThatDoNotExistAreNotRead(t *testing.T) {
	in := func(ref string) string { return "type=registry,ref=" + ref }
	flags := cache.Flags{
		InRegistry: true, From: []string{in(branchCache), in(mainCache)}, To: in(branchCache),
		Refs: cache.Refs{Imports: []string{branchCache, mainCache}, Export: branchCache},
	}
	cases := []struct {
		name         string
		branch, main cache.Kind
		want         []string
	}{
		{"the first build of all", cache.KindAbsent, cache.KindAbsent, nil},
		{"the first build of a repository that its push creates", cache.KindNoRepository, cache.KindNoRepository, nil},
		{"the first build of a branch", cache.KindAbsent, cache.KindCache, []string{in(mainCache)}},
		{"a later one, which reads nothing but its own cache", cache.KindCache, cache.KindCache, []string{in(branchCache)}},
		{"a cache of which nothing is known", cache.KindAbsent, cache.KindUnknown, []string{in(mainCache)}},
		{"an image in its place, which BuildKit reports", cache.KindImage, cache.KindAbsent, []string{in(branchCache)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			query := &cacheQuery{flags: flags, statesKnown: make(chan struct{})}
			query.known.states = map[string]cache.State{branchCache: {Kind: c.branch}, mainCache: {Kind: c.main}}
			close(query.statesKnown)
			b := &build{flags: flags, query: query, budget: newWaitBudget(variables.Settings{})}
			plan, _ := b.dropUnreachableCaches(throttle.NewContext(t.Context(), &throttle.Waits{}))
			assert.Equal(t, c.want, plan.From)
			assert.Equal(t, flags.To, plan.To, "it is written all the same")
		})
	}
}
