package run

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/cachemount"
	"github.com/layercache/layercache/internal/cachemount/payoff"
)

func TestMountsThatNoStepUsedAreRenewed(t *testing.T) {
	const old, young = 4 * 24 * time.Hour, 24 * time.Hour
	for _, c := range []struct {
		name string
		// due is when the record says that the mount is due, from now on; age is that of the archive.
		due, age time.Duration
		readOnly bool
		// renewed is whether the archive is renewed, noted whether the record changes.
		renewed, noted bool
	}{
		{"an old archive", -time.Hour, old, false, true, true},
		{"not before it is due", time.Hour, old, false, false, false},
		{"not if another build renewed it since then", -time.Hour, young, false, false, true},
		{"not by a build that writes no cache", -time.Hour, old, true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &build{flags: cache.Flags{Folder: t.TempDir(), To: "type=local"}}
			if c.readOnly {
				b.flags.To = ""
			}
			b.mounts = &keptMounts{build: b, flags: b.flags, ready: make(chan struct{})}
			close(b.mounts.ready)
			store := cachemount.InFolder(b.flags.Folder)
			written := time.Now().Add(-c.age)
			saveArchive(t, store, "go", written)
			record := cache.Record{Mounts: []payoff.MountHistory{{ID: "go", RenewAt: time.Now().Add(c.due)}}}
			before := record.Mounts[0].RenewAt

			noted, warnings := b.renewMounts(t.Context(), &record)

			require.Empty(t, warnings)
			assert.Equal(t, c.noted, noted)
			want, next := written, before
			if c.renewed {
				want = time.Now()
			}
			if c.noted {
				next = want.Add(cache.RenewAfter)
			}
			stored, err := store.Load(t.Context(), "go")
			require.NoError(t, err)
			assert.WithinDuration(t, want, stored.Written, time.Minute)
			assert.Len(t, stored.Packs, 1)
			assert.WithinDuration(t, next, record.Mounts[0].RenewAt, time.Minute)
		})
	}
}

func TestAMountWithoutAnArchiveIsAskedForOnceInThreeDays(t *testing.T) {
	b := &build{flags: cache.Flags{Folder: t.TempDir(), To: "type=local"}}
	b.mounts = &keptMounts{build: b, flags: b.flags, ready: make(chan struct{})}
	close(b.mounts.ready)
	record := cache.Record{Mounts: []payoff.MountHistory{{ID: "go"}}}
	noted, warnings := b.renewMounts(t.Context(), &record)
	require.Empty(t, warnings)
	assert.True(t, noted)
	assert.WithinDuration(t, time.Now().Add(cache.RenewAfter), record.Mounts[0].RenewAt, time.Minute)
	noted, _ = b.renewMounts(t.Context(), &record)
	assert.False(t, noted)
}

func TestAMountThatCannotBeRenewedIsAWarning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	b := &build{flags: cache.Flags{Folder: file, To: "type=local"}}
	b.mounts = &keptMounts{build: b, flags: b.flags, ready: make(chan struct{})}
	close(b.mounts.ready)
	record := cache.Record{Mounts: []payoff.MountHistory{{ID: "go"}, {ID: "npm"}}}
	noted, warnings := b.renewMounts(t.Context(), &record)
	assert.False(t, noted)
	require.Len(t, warnings, 1, "the other mount is left for the next build")
	assert.Contains(t, warnings[0], "cache mount go: not renewed, so it may expire although the cache is used: ")
}

// saveArchive saves an archive of a mount.
func saveArchive(t *testing.T, store cachemount.Store, id string, written time.Time) {
	t.Helper()
	blob := func(content, digest string) cachemount.Blob {
		path := filepath.Join(t.TempDir(), content)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return cachemount.Blob{Digest: "sha256:" + digest, Bytes: int64(len(content)), Content: 1, File: path}
	}
	archive := cachemount.Stored{ID: id, Written: written,
		Index: blob("index", "1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6"),
		Packs: []cachemount.Blob{blob("pack", "4862f447f2c7f272fa2f4aaf89dadb3b1ac09105bd5864f8d1a0c9452bb0a226")},
	}
	_, err := store.Save(context.Background(), archive, func(int) {})
	require.NoError(t, err)
}
