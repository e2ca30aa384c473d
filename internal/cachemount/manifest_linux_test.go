package cachemount

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/layercache/layercache/internal/cache"
)

// Everyone who may write the cache can choose what a manifest says.
func TestAManifestNamesNoFileOfTheMachine(t *testing.T) {
	const canary = "canary"
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte(canary), 0o600))
	forge := func(t *testing.T, content []byte) []byte {
		manifest := map[string]any{}
		require.NoError(t, json.Unmarshal(content, &manifest))
		for _, pack := range append(manifest["Packs"].([]any), manifest["Index"]) {
			pack.(map[string]any)["File"] = secret
		}
		manifest["Written"] = time.Now().Add(-cache.RenewAfter - time.Hour)
		content, err := json.Marshal(manifest)
		require.NoError(t, err)
		return content
	}
	for _, build := range []struct {
		name string
		step func(string) bool
	}{
		{"a build that adds a file to the mount", writes("b")},
		{"a build that renews the archive", writes()},
	} {
		t.Run(build.name+", mode local", func(t *testing.T) {
			dir := t.TempDir()
			b := newBuilds(t, InFolder(dir))
			_, _ = b.run(random)
			manifest := filepath.Join(dir, manifestPath("id"))
			content, err := os.ReadFile(manifest)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(manifest, forge(t, content), 0o644))

			found, result := b.run(build.step)

			require.Equal(t, []string{"random"}, found)
			require.Empty(t, result.Problem)
			blobs, err := filepath.Glob(filepath.Join(dir, mountsFolder, "blobs", "*"))
			require.NoError(t, err)
			require.NotEmpty(t, blobs)
			for _, blob := range blobs {
				content, err := os.ReadFile(blob)
				require.NoError(t, err)
				require.NotEqual(t, canary, string(content))
			}
		})
		t.Run(build.name+", mode s3", func(t *testing.T) {
			fake, store := newBucket(t)
			b := newBuilds(t, store)
			_, _ = b.run(random)
			for path, content := range fake.objects {
				if strings.HasSuffix(path, ".json") {
					fake.objects[path] = forge(t, content)
				}
			}

			found, result := b.run(build.step)

			require.Equal(t, []string{"random"}, found)
			require.Empty(t, result.Problem)
			for _, path := range fake.blobs() {
				require.NotEqual(t, canary, string(fake.objects[path]))
			}
		})
	}
}

func TestAFolderTakesNoBlobWithoutItsDigest(t *testing.T) {
	store := InFolder(t.TempDir())
	_, _ = newBuilds(t, store).run(writes("a"))
	changed := *stored(t, store)
	changed.Index.File = filepath.Join(t.TempDir(), "changed")
	require.NoError(t, os.WriteFile(changed.Index.File, []byte("changed"), 0o644))
	_, err := store.Save(context.Background(), changed, func(int) {})
	require.ErrorContains(t, err, "the file does not have its digest")
	found, _ := newBuilds(t, store).run(writes())
	require.Equal(t, []string{"a"}, found)
}

// Opening a pipe would block until somebody writes to it, and no limit of time ends that.
func TestAPipeInTheFolderOfACacheDoesNotBlockABuild(t *testing.T) {
	blob := func(t *testing.T, store Store) string {
		name, err := blobPath(stored(t, store).Packs[0].Digest)
		require.NoError(t, err)
		return name
	}
	manifest := func(*testing.T, Store) string { return manifestPath("id") }
	other := func(*testing.T, Store) string { return manifestPath("other") }
	for name, c := range map[string]struct {
		path func(*testing.T, Store) string
		// end is added to the path.
		end  string
		says string
	}{
		"in place of the manifest":     {manifest, "", "not restored: " + manifestPath("id") + " is not a regular file"},
		"in place of a pack":           {blob, "", "is not a regular file"},
		"where a manifest is written":  {manifest, ".new", ""},
		"in place of another manifest": {other, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := newBuilds(t, InFolder(dir))
			_, _ = b.run(writes("a"))
			path := filepath.Join(dir, c.path(t, b.target)) + c.end
			if c.end == "" {
				_ = os.Remove(path)
			}
			require.NoError(t, unix.Mkfifo(path, 0o644))

			done := make(chan Result, 1)
			go func() {
				_, result := b.run(writes("a", "b"))
				done <- result
			}()

			select {
			case result := <-done:
				require.Contains(t, result.Problem, c.says)
				if c.says == "" {
					require.Empty(t, result.Problem)
					require.True(t, result.Saved)
				}
			case <-time.After(10 * time.Second):
				require.Fail(t, "the build waits for the pipe")
			}
		})
	}
}

func TestABlobReplacesAPipe(t *testing.T) {
	dir := t.TempDir()
	store := InFolder(dir)
	_, _ = newBuilds(t, store).run(writes("a"))
	again := *stored(t, store)
	name, err := blobPath(again.Index.Digest)
	require.NoError(t, err)
	path := filepath.Join(dir, name)
	again.Index.File = filepath.Join(t.TempDir(), "index")
	require.NoError(t, os.Rename(path, again.Index.File))
	require.NoError(t, unix.Mkfifo(path+".new", 0o644))
	done := make(chan error, 1)
	go func() {
		_, err := store.Save(context.Background(), again, func(int) {})
		done <- err
	}()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		require.Fail(t, "the save writes into the pipe")
	}
	found, result := newBuilds(t, store).run(writes())
	require.Equal(t, []string{"a"}, found)
	require.Empty(t, result.Problem)
}
