package cache

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cachemount/payoff"
	"github.com/layercache/layercache/internal/registry/throwaway"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/source/outline"
)

func sample() *Record {
	return &Record{
		Version: RecordVersion, Written: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), App: "shop", Platform: "linux/amd64",
		Manifest: "sha256:1", Config: "sha256:2", Bytes: 3,
		Inputs: Inputs{Dockerfile: "d", Flags: "f", Arguments: map[string]string{"A": "1"}, Files: source.Digests{"a.txt": "1"}},
		Steps:  []RecordStep{{Stage: "build", Index: 2, Instruction: "RUN make", Seconds: 12}},
	}
}

func host(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(throwaway.Handler(t.TempDir()))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestALoadedRecordEqualsTheSavedOne(t *testing.T) {
	for name, store := range map[string]RecordStore{
		"in a registry": RecordInRegistry(host(t)+"/cache:main--steps", authn.DefaultKeychain),
		"in a folder":   RecordInFolder(t.TempDir()),
	} {
		t.Run(name, func(t *testing.T) {
			before, err := store.Load(t.Context())
			require.NoError(t, err)
			require.Nil(t, before, "nothing is written yet")
			require.NoError(t, store.Save(t.Context(), sample()))
			got, err := store.Load(t.Context())
			require.NoError(t, err)
			assert.Equal(t, sample(), got)
			changed := sample()
			changed.Bytes = 4
			require.NoError(t, store.Save(t.Context(), changed))
			got, err = store.Load(t.Context())
			require.NoError(t, err)
			assert.Equal(t, changed, got)
		})
	}
}

func TestAnImageAtTheRecordsTagIsIgnored(t *testing.T) {
	ref := host(t) + "/cache:main--steps"
	image, err := random.Image(10, 1)
	require.NoError(t, err)
	parsed, err := name.ParseReference(ref)
	require.NoError(t, err)
	require.NoError(t, remote.Write(parsed, image))
	got, err := RecordInRegistry(ref, authn.DefaultKeychain).Load(t.Context())
	require.NoError(t, err)
	assert.Nil(t, got)
}

func TestAnUnreachableRegistryIsAnError(t *testing.T) {
	store := RecordInRegistry("localhost:1/cache:main--steps", authn.DefaultKeychain)
	_, err := store.Load(t.Context())
	assert.ErrorContains(t, err, "localhost:1/cache:main--steps")
	assert.Error(t, store.Save(t.Context(), sample()))
}

func TestARecordOfAnotherVersionIsIgnored(t *testing.T) {
	got, err := decode([]byte(`{"version":2,"steps":"elsewhere"}`))
	require.NoError(t, err)
	assert.Nil(t, got)
	for _, damaged := range []string{`no JSON`, `{"version":1,"steps":"elsewhere"}`} {
		_, err = decode([]byte(damaged))
		assert.ErrorContains(t, err, "damaged")
	}
}

func TestSecondsAreFoundByStageAndText(t *testing.T) {
	r := &Record{Steps: []RecordStep{
		{Stage: "stage-1", Index: 2, Instruction: "RUN a", Seconds: 1},
		{Stage: "build", Index: 2, Instruction: "RUN a", Seconds: 2},
		{Stage: "stage-2", Index: 3, Instruction: "RUN b", Seconds: 3},
		{Platform: "linux/arm64", Stage: "build", Index: 2, Instruction: "RUN c", Seconds: 4},
	}}
	cases := []struct {
		name string
		step progress.Step
		want float64
	}{
		{"stage and text match", progress.Step{Stage: "build", Instruction: "RUN a"}, 2},
		{"a text that occurs twice, in another stage", progress.Step{Stage: "other", Instruction: "RUN a"}, -1},
		{"a text that occurs once, in a stage whose number shifted", progress.Step{Stage: "stage-1", Instruction: "RUN b"}, 3},
		{"another platform", progress.Step{Platform: "linux/amd64", Stage: "build", Instruction: "RUN c"}, -1},
		{"a text that does not occur", progress.Step{Stage: "build", Instruction: "RUN d"}, -1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, known := r.Seconds(c.step)
			assert.Equal(t, c.want >= 0, known)
			if known {
				assert.InDelta(t, c.want, got, 1e-9)
			}
		})
	}
	_, known := (*Record)(nil).Seconds(progress.Step{})
	assert.False(t, known)
}

func TestMergedStepsKeepTheTimesOfCachedSteps(t *testing.T) {
	previous := &Record{Steps: []RecordStep{{Index: 1, Instruction: "FROM base", Seconds: 5}, {Index: 2, Instruction: "RUN cached", Seconds: 7}, {Index: 3, Instruction: "RUN again", Seconds: 9, FetchSeconds: 4},
		{Index: 1, Stage: "slow", Instruction: "FROM other", Seconds: 60}}}
	got := MergeSteps([]progress.Step{
		{Index: 1, Instruction: "FROM base", Ran: true, Seconds: 0.1},
		{Index: 2, Instruction: "RUN cached", Cached: true, Seconds: 0.2},
		{Index: 3, Instruction: "RUN again", Ran: true, Seconds: 3},
		{Index: 4, Instruction: "RUN cached, of unknown time", Cached: true},
		{Index: 5, Instruction: "RUN that did not end"},
		{Index: 1, Stage: "slow", Instruction: "FROM other", Ran: true, Unpacked: true, Seconds: 6},
	}, previous)
	assert.Equal(t, []RecordStep{
		{Index: 1, Instruction: "FROM base", Seconds: 5},
		{Index: 2, Instruction: "RUN cached", Seconds: 7, FetchSeconds: 0.2},
		{Index: 3, Instruction: "RUN again", Seconds: 3, FetchSeconds: 4},
		{Index: 1, Stage: "slow", Instruction: "FROM other", Seconds: 6},
	}, got)
}

func TestARecordOfAnOlderVersionLoads(t *testing.T) {
	got, err := decode([]byte(`{"version":1,"app":"shop","inputs":{"dockerfile":"d","flags":"f","files":{"a":"1"}},"steps":[{"index":1,"instruction":"RUN a"}]}`))
	require.NoError(t, err)
	assert.Nil(t, got.Inputs.Outline)
	assert.False(t, got.Inputs.Complete(), "its files are not those that the steps take")
	assert.Len(t, got.Steps, 1)
}

// A record that is too large is not read again, so the list of files is left out.
func TestARecordWithTooManyFilesKeepsTheRest(t *testing.T) {
	large := sample()
	large.Inputs.Files = source.Digests{}
	for i := range 1000 {
		large.Inputs.Files[strings.Repeat("x", 10_000)+strconv.Itoa(i)] = "1"
	}
	content, err := encode(large)
	require.NoError(t, err)
	assert.Less(t, len(content), maxSize)
	got, err := decode(content)
	require.NoError(t, err)
	assert.Nil(t, got.Inputs.Files)
	assert.Equal(t, large.Steps, got.Steps)
	assert.NotEmpty(t, large.Inputs.Files, "the caller's record stays as it is")
}

func TestMountsOfARecord(t *testing.T) {
	history := func(id string, builds int) payoff.MountHistory {
		return payoff.MountHistory{ID: id, Builds: make([]payoff.Use, builds)}
	}
	old, err := decode([]byte(`{"version":1,"steps":[]}`))
	require.NoError(t, err)
	require.Empty(t, old.Mounts, "a record of an earlier version of layercache")
	_, found := old.Mount("go")
	require.False(t, found)
	_, found = (*Record)(nil).Mount("go")
	require.False(t, found)

	before := &Record{Version: RecordVersion, Mounts: []payoff.MountHistory{history("go", 1), history("npm", 2)}}
	merged := MergeMounts([]payoff.MountHistory{history("go", 5)}, before)
	require.Equal(t, []payoff.MountHistory{history("go", 5), history("npm", 2)}, merged, "a mount that the build did not use keeps its history")
	require.Empty(t, MergeMounts(nil, nil))

	var many []payoff.MountHistory
	for i := range 2 * maxMounts {
		many = append(many, history(strconv.Itoa(i), 1))
	}
	require.Len(t, MergeMounts([]payoff.MountHistory{history("go", 5)}, &Record{Mounts: many}), maxMounts)
}

func TestAnOutlineOfAnotherFormIsNotCompared(t *testing.T) {
	for form, kept := range map[int]bool{0: false, outline.Form: true} {
		content, err := encode(&Record{Version: RecordVersion, App: "shop", Inputs: Inputs{Outline: &outline.Outline{Form: form}}})
		require.NoError(t, err)
		got, err := decode(content)
		require.NoError(t, err)
		assert.Equal(t, "shop", got.App)
		assert.Equal(t, kept, got.Inputs.Outline != nil)
	}
}

func TestTheRecordInAFolderFollowsNoLinkOutOfIt(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "profile")
	require.NoError(t, os.WriteFile(outside, []byte("untouched"), 0o600))
	dir := t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, RecordFile)))
	store := RecordInFolder(dir)
	_, err := store.Load(context.Background())
	require.Error(t, err)
	require.NoError(t, store.Save(context.Background(), &Record{}))
	content, err := os.ReadFile(outside)
	require.NoError(t, err)
	require.Equal(t, "untouched", string(content))
	_, err = store.Load(context.Background())
	require.NoError(t, err, "a file has taken the place of the link")

	require.NoError(t, os.Remove(filepath.Join(dir, RecordFile)))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, RecordFile), 0o600))
	_, err = store.Load(context.Background())
	require.ErrorContains(t, err, "is not a regular file")
}
