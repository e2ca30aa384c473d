package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/localecr"
)

func TestColdThenUnchangedThenChanged(t *testing.T) {
	t.Parallel()
	w := newMachine(t)

	cold := w.succeeds(w.build())
	assert.Equal(t, "cold", cold.Verdict)
	assert.Equal(t, "yes", cold.Exported)
	assert.ElementsMatch(t, everyStep, cold.ran())
	assert.Equal(t, "native", cold.Builder)
	assert.Equal(t, []string{"shop--linux-amd64--main", "shop--linux-amd64--main--steps"}, w.tags("cache"), "the cache and its record")

	unchanged := w.succeeds(w.build())
	assert.Equal(t, "used", unchanged.Verdict)
	assert.Empty(t, unchanged.ran())
	assert.InDelta(t, 1.0, *unchanged.HitRatio, 1e-9)

	w.write("src/main.txt", "hello, world\n")
	changed := w.succeeds(w.build())
	assert.Equal(t, "partly-used", changed.Verdict)
	assert.ElementsMatch(t, []string{sources, compile, last}, changed.ran())
	assert.Equal(t, "yes", changed.Exported)

	again := w.succeeds(w.build())
	assert.Equal(t, "used", again.Verdict, "the previous build must export its cache")
	assert.Regexp(t, `layercache: cache used: [^\n]*\n$`, again.log, "the verdict must be the last line of the log")
}

func TestTheImageContainsTheChangedSource(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.succeeds(w.build())
	w.write("src/main.txt", "second version\n")
	w.succeeds(w.build())
	image := w.pulled(w.image())
	assert.Equal(t, "second version\n", fileOf(t, image, "program"))
}

func TestMirrorServesTheBaseImage(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.succeeds(w.build())
	assert.True(t, w.mirrorServed(), "the base image on public.ecr.aws must be pulled through the mirror")
}

// A syntax line names an image, in which BuildKit runs the frontend. That of busybox is none, so the build fails.
func TestMirrorServesTheFrontend(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", "# syntax="+base+"\nFROM scratch\nCOPY src /\n")
	assert.NotZero(t, w.build().exitCode)
	assert.True(t, w.mirrorServed(), "the frontend on public.ecr.aws must be pulled through the mirror")
}

// mirrorServed reports whether the mirror of public.ecr.aws has answered with a part of base.
func (w *machine) mirrorServed() bool {
	return slices.ContainsFunc(w.registry.Log(), func(entry localecr.Entry) bool {
		return strings.HasPrefix(entry.Path, "/v2/ecr-public/docker/library/busybox/") && entry.Status == 200
	})
}

func TestACacheThatWasOverwrittenByAnImage(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.succeeds(w.build())
	cache := w.registry.Addr() + "/cache:shop--linux-amd64--main"
	ref, err := name.ParseReference(cache)
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, mutate.MediaType(w.pulled(w.image()), "application/vnd.oci.image.manifest.v1+json")))

	overwritten := w.succeeds(w.build())
	assert.Equal(t, "overwritten", overwritten.Verdict)
	assert.Contains(t, overwritten.log, cache)
	assert.Equal(t, "used", w.succeeds(w.build()).Verdict, "the export must restore the cache")
}

func TestACacheRegistryThatIsDown(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.env["LAYERCACHE_REPOSITORY"] = "localhost:1/cache"
	got := w.succeeds(w.build())
	assert.Equal(t, "import-failed", got.Verdict)
	assert.Equal(t, "failed", got.Exported)
	assert.Contains(t, strings.Join(got.Warnings, "\n"), "connection refused")
	assert.Equal(t, "hello\n", fileOf(t, w.pulled(w.image()), "program"), "the image must be pushed anyway")
}

func TestAMisspeltVariableIsAWarning(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.env["LAYERCACHE_REPOSITRY"], w.env["LAYERCACHE_TEAM_BUDGET"] = "localhost:1/cache", "x"
	got := w.succeeds(w.build())
	const warning = "LAYERCACHE_REPOSITRY is not a variable of layercache: did you mean LAYERCACHE_REPOSITORY?"
	assert.Equal(t, []string{warning}, got.Warnings)
	assert.Equal(t, 1, strings.Count(got.log, warning), "the log has the warning once")
}

func TestACacheRefThatEqualsTheImageRefIsRefused(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.env["LAYERCACHE_APP"] = "shop"
	got := w.run("build", "--push", "--tag", w.registry.Addr()+"/cache:shop--linux-amd64--main", ".")
	assert.Equal(t, 1, got.exitCode)
	assert.Contains(t, got.log, "has the same name as the cache")
	assert.Empty(t, w.tags("cache"), "nothing may be pushed")
}

func TestBranchReadsTheFallbackBranchAndWritesItsOwn(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.succeeds(w.build())
	w.env["LAYERCACHE_BRANCH"] = "feature/$(touch pwned); `id`"
	branch := w.succeeds(w.build())
	assert.Equal(t, "used", branch.Verdict)
	assert.Len(t, w.tags("cache"), 4, "a cache and a record for each of the two branches")
	assert.NoFileExists(t, filepath.Join(w.app, "pwned"))
}

// TestABranchFindsItsOwnCacheEveryTime builds several times, because BuildKit's choice between two caches
// varies.
func TestABranchFindsItsOwnCacheEveryTime(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.succeeds(w.build())
	w.env["LAYERCACHE_BRANCH"] = "fix"
	w.write("src/main.txt", "changed\n")
	assert.Equal(t, "partly-used", w.succeeds(w.build()).Verdict)
	for range 6 {
		again := w.succeeds(w.build())
		assert.Equal(t, "used", again.Verdict, again.log)
		assert.Equal(t, "unchanged", again.Exported, again.log)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.env["LAYERCACHE_WRITE"] = "false"
	readOnly := w.succeeds(w.build())
	assert.Equal(t, "off", readOnly.Exported)
	assert.Empty(t, w.tags("cache"), "a build without write access to the cache must write nothing")

	w.env["LAYERCACHE_WRITE"] = "true"
	w.succeeds(w.build())
	w.env["LAYERCACHE_REFRESH"] = "true"
	refreshed := w.succeeds(w.build())
	assert.Equal(t, "cold", refreshed.Verdict)
	assert.ElementsMatch(t, everyStep, refreshed.ran())

	w.env["LAYERCACHE_MODE"] = "off"
	off := w.succeeds(w.build())
	assert.Equal(t, "off", off.Verdict)
	assert.Nil(t, off.HitRatio)

	w.env["LAYERCACHE_MODE"], w.env["LAYERCACHE_WRITE"] = "sideways", "perhaps"
	invalid := w.build()
	assert.Equal(t, 1, invalid.exitCode)
	assert.Contains(t, invalid.log, "LAYERCACHE_MODE")
	assert.Contains(t, invalid.log, "LAYERCACHE_WRITE", "all invalid variables must be named together")
}

func TestArgumentsReachBuildx(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("other.Dockerfile", "FROM "+base+" AS wanted\nARG GREETING\nRUN echo \"$GREETING\" > /greeting\nFROM wanted\nRUN exit 1\n")
	iid := filepath.Join(w.tmp, "iid")
	got := w.succeeds(w.build("-f", "other.Dockerfile", "--target=wanted", "--build-arg", "GREETING=good day; $(id)", "--iidfile", iid, "--label", "a=b"))
	assert.Equal(t, "good day; $(id)\n", fileOf(t, w.pulled(w.image()), "greeting"))
	content, err := os.ReadFile(iid)
	require.NoError(t, err)
	assert.Regexp(t, `^sha256:[0-9a-f]{64}$`, string(content))
	assert.Regexp(t, `LAYERCACHE_IMAGE_DIGEST=sha256:`, exports(t, w))
	assert.Equal(t, "cold", got.Verdict)
}

func TestARequestedMetadataFileHasTheProvenance(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	assert.NotContains(t, w.succeeds(w.build()).log, "metadata file")
	file := filepath.Join(w.tmp, "metadata.json")
	w.succeeds(w.build("--metadata-file", file))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(content), `"buildx.build.provenance": {`)
	assert.Contains(t, string(content), `"containerimage.digest": "sha256:`)
}

func TestQuietPrintsOnlyTheDigest(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	got := w.succeeds(w.build("--quiet"))
	assert.NotContains(t, got.log, "[build 2/5]")
	assert.Regexp(t, `(?m)^sha256:[0-9a-f]{64}$`, got.log)
}

func TestAFailingStep(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", "FROM "+base+"\nRUN echo fine\nRUN echo this one fails; exit 9\n")
	got := w.build()
	assert.Equal(t, 1, got.exitCode, "the exit status of buildx")
	require.NotNil(t, got.Report, got.log)
	assert.Equal(t, 1, got.ExitCode)
	assert.Contains(t, got.log, "this one fails")
	assert.Contains(t, got.log, "exit code: 9")
	assert.Equal(t, "used", w.succeeds(w.fixed()).Verdict[:4], "the steps before the failed one are cached")
}

// fixed builds a Dockerfile without the failing step twice and returns the second outcome.
func (w *machine) fixed() outcome {
	w.write("Dockerfile", "FROM "+base+"\nRUN echo fine\n")
	w.succeeds(w.build())
	return w.build()
}

func TestTwoAtOnceDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	first, second := newMachine(t), newMachine(t)
	second.builders = first.builders
	var both sync.WaitGroup
	results := make([]outcome, 2)
	for i, w := range []*machine{first, second} {
		both.Go(func() { results[i] = w.runAlongside("build", "--push", "--tag", w.image(), ".") })
	}
	both.Wait()
	for _, got := range results {
		assert.Zero(t, got.exitCode, got.log)
	}
	first.nothingLeft()
	second.nothingLeft()
}

func exports(t *testing.T, w *machine) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.env["LAYERCACHE_REPORT_DIR"], "exports.env"))
	require.NoError(t, err)
	return string(content)
}

// BuildKit shows a step as cached if another step of the same build has the same result.
func TestStepsWithTheSameResultAreNoCache(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", "FROM scratch AS deps\nCOPY deps.txt /a/\nFROM scratch\nCOPY --from=deps /a/deps.txt /a/\n")
	cold := w.succeeds(w.build())
	assert.Contains(t, cold.log, "CACHED", "BuildKit must have one of the two results already")
	assert.Equal(t, "cold", cold.Verdict, cold.log)
	assert.Equal(t, "there is no cache yet", cold.VerdictReason)
	assert.Zero(t, *cold.HitRatio)
	assert.Equal(t, "used", w.succeeds(w.build()).Verdict)
}

func TestADockerfileWithoutStepsHasNothingToCache(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", "FROM "+base+"\nENV GREETING=hello\n")
	got := w.succeeds(w.build())
	assert.Equal(t, "off", got.Exported)
	assert.Nil(t, got.HitRatio)
	assert.Empty(t, got.Warnings)
	assert.Empty(t, w.tags("cache"))
}
