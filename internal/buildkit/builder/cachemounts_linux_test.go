package builder

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/layercache/layercache/internal/cachemount"
)

func TestTheIDOfAMount(t *testing.T) {
	const record = "abcdefghijklmnopqrstuvwxy"
	for _, c := range []struct{ name, key, id string }{
		{"a mount", "/go", "go"},
		{"a mount without an id, whose target is its id", "//root/.cache", "/root/.cache"},
		{"a mount in a namespace", "space/go", "namespace:space/go"},
		{"a mount without one, whose id looks like that", "/space/go", "space/go"},
		{"a mount without one, whose id begins with the word", "/namespace:space/go", "namespace:/namespace:space/go"},
		{"a mount with a base", "/go:" + record, "go"},
		{"an id that ends like one with a base", "/go:yxwvutsrqponmlkjihgfedcba", "go:yxwvutsrqponmlkjihgfedcba"},
		{"an id that ends with a colon", "/go:", "go:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.id, mountID(c.key, func(id string) bool { return id == record }))
		})
	}
}

func TestThePlaceInASnapshot(t *testing.T) {
	for _, c := range []struct {
		name, path, folder, number, below string
	}{
		{"of overlayfs", "/s/root/runc-overlayfs/snapshots/snapshots/7/fs", "/s/root/runc-overlayfs/snapshots/snapshots/7/fs", "7", ""},
		{"a part of it", "/s/root/runc-overlayfs/snapshots/snapshots/7/fs/a/b", "/s/root/runc-overlayfs/snapshots/snapshots/7/fs", "7", "a/b"},
		{"of the native snapshotter", "/s/root/runc-native/snapshots/snapshots/12", "/s/root/runc-native/snapshots/snapshots/12", "12", ""},
		{"a part of it, called like the folder of overlayfs", "/s/root/runc-native/snapshots/snapshots/12/fs", "/s/root/runc-native/snapshots/snapshots/12", "12", "fs"},
		{"work files of overlayfs", "/s/root/runc-overlayfs/snapshots/snapshots/7/work", "", "", ""},
		{"no snapshot", "/s/root/runc-overlayfs/executor/resolv.conf", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder, number, below, ok := inSnapshot(c.path)
			assert.Equal(t, []any{c.folder, c.number, c.below, c.number != ""}, []any{folder, number, below, ok})
		})
	}
}

func TestADamagedDatabaseIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metadata.db")
	database, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, database.Update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucket([]byte("b"))
		if err != nil {
			return err
		}
		for i := range 2000 {
			if err := bucket.Put([]byte{byte(i >> 8), byte(i)}, make([]byte, 100)); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, database.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := 2 * os.Getpagesize(); i < len(content); i++ {
		content[i] = 0xff
	}
	require.NoError(t, os.WriteFile(path, content, 0o600))
	temp := t.TempDir()
	err = viewCopy(path, temp, func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("b")).ForEach(func([]byte, []byte) error { return nil })
	})
	require.Error(t, err)
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// noKeeper is a keeper of a builder whose steps have no cache mounts that can be told.
type noKeeper struct{ unknown chan error }

func (noKeeper) BeforeStep(context.Context, []cachemount.Mount)               {}
func (noKeeper) AfterStep([]cachemount.Mount, time.Time, time.Duration, bool) {}
func (k noKeeper) MountsUnknown(err error)                                    { k.unknown <- err }

// A step whose runtime gets no answer must not start: its mounts may be half-restored.
func TestTheServerOfMountsAlwaysAnswers(t *testing.T) {
	state := &state{dir: t.TempDir(), snapshotter: "overlayfs"}
	keeper := noKeeper{make(chan error, 1)}
	server, err := serveMounts(state, keeper, os.Getpid())
	require.NoError(t, err)
	defer server.close()
	snapshot := bundleMount{Type: "bind", Source: state.path("root") + "/runc-overlayfs/snapshots/snapshots/7/fs"}
	text, err := json.Marshal(stepMessage{Mounts: []bundleMount{snapshot}})
	require.NoError(t, err)
	for _, c := range []struct{ name, sent, unknown string }{
		{"no mounts", "{}", ""},
		{"no JSON", "x\n", "invalid character"},
		{"databases that do not exist", string(text), "metadata_v2.db: no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			connection, err := net.Dial("unix", state.path(mountsSocket))
			require.NoError(t, err)
			defer connection.Close()
			_, err = connection.Write([]byte(c.sent))
			require.NoError(t, err)
			var ready readyMessage
			require.NoError(t, json.NewDecoder(connection).Decode(&ready))
			assert.False(t, ready.Await)
			if c.unknown != "" {
				assert.ErrorContains(t, <-keeper.unknown, c.unknown)
			}
			assert.Empty(t, keeper.unknown)
		})
	}
}
