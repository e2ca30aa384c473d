package cachemount

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/cache"
)

// Caches expire some time after the last write, also mounts that every build reads.
func TestAnOldArchiveIsRenewed(t *testing.T) {
	for name, c := range map[string]struct {
		age  time.Duration
		step func(string) bool
		// branch makes the build read the default branch's archive and write its own.
		branch, renewed bool
	}{
		"when a step used the mount and changed nothing": {age: cache.RenewAfter + time.Hour, step: writes(), renewed: true},
		"but not before it is old":                       {age: cache.RenewAfter - time.Hour, step: writes()},
		"but not when the step failed":                   {age: cache.RenewAfter + time.Hour, step: fails(writes())},
		"but not by a build that writes another cache":   {age: cache.RenewAfter + time.Hour, step: writes(), branch: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(registry.New())
			defer server.Close()
			repository := strings.TrimPrefix(server.URL, "http://") + "/cache:app--linux-amd64--"
			store := InRegistry(repository+"main", authn.DefaultKeychain)
			b := newBuilds(t, store)
			_, _ = b.run(writes("a"))
			before := makeOld(t, store, c.age)
			if c.branch {
				b.target = InRegistry(repository+"branch", authn.DefaultKeychain)
			}

			found, result := b.run(c.step)

			require.Equal(t, []string{"a"}, found)
			require.Empty(t, result.Problem)
			require.False(t, result.Saved, "nothing is new")
			after := stored(t, store)
			require.Equal(t, c.renewed, after.Written.After(before.Written))
			require.Equal(t, before.Packs, after.Packs)
			if c.branch {
				require.Nil(t, stored(t, b.target))
			}
			found, _ = b.run(writes())
			require.Equal(t, []string{"a"}, found)
		})
	}
}

// makeOld writes the archive's list again with another age.
func makeOld(t *testing.T, store Store, age time.Duration) Stored {
	t.Helper()
	archive := *stored(t, store)
	archive.Written = time.Now().Add(-age)
	_, err := store.Save(context.Background(), archive, func(int) {})
	require.NoError(t, err)
	return *stored(t, store)
}

func stored(t *testing.T, store Store) *Stored {
	t.Helper()
	found, err := store.Load(context.Background(), "id")
	require.NoError(t, err)
	return found
}

func TestAnArchiveThatAnotherBuildSavedMeanwhileStays(t *testing.T) {
	store := InFolder(t.TempDir())
	b := newBuilds(t, store)
	_, _ = b.run(writes("a"))
	makeOld(t, store, cache.RenewAfter+time.Hour)
	var saved Stored
	_, result := b.run(func(string) bool {
		_, other := newBuilds(t, store).run(writes("b"))
		saved = *stored(t, store)
		return other.Saved
	})
	require.Empty(t, result.Problem)
	require.Equal(t, saved, *stored(t, store))
}
