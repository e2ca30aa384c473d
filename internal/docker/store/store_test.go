package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T) *Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "job")
	s, err := Open(dir)
	require.NoError(t, err)
	return s
}

// keep pushes an image into the store, as BuildKit does.
func keep(t *testing.T, s *Store, image v1.Image, names ...string) Image {
	t.Helper()
	intake, err := s.Take(t.Context())
	require.NoError(t, err)
	defer func() { assert.NoError(t, intake.Close()) }()
	push(t, intake, image, intakeTag)
	kept, err := intake.Keep(t.Context(), digestOf(t, image), names)
	require.NoError(t, err)
	return kept
}

func digestOf(t *testing.T, of interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	digest, err := of.Digest()
	require.NoError(t, err)
	return digest.String()
}

func TestAnotherUserCannotReplaceTheImage(t *testing.T) {
	s, built := open(t), randomImage(t)
	intake, err := s.Take(t.Context())
	require.NoError(t, err)
	defer intake.Close()
	push(t, intake, built, intakeTag)
	push(t, intake, randomImage(t), intakeTag)
	kept, err := intake.Keep(t.Context(), digestOf(t, built), nil)
	require.NoError(t, err)
	assert.Equal(t, digestOf(t, built), kept.Root.Digest.String())
}

// push pushes an image as BuildKit does: each blob that is not there in one request, then the manifest.
func push(t *testing.T, intake *Intake, image v1.Image, reference string) {
	t.Helper()
	layers, err := image.Layers()
	require.NoError(t, err)
	config, err := partial.ConfigLayer(image)
	require.NoError(t, err)
	base := "http://" + intake.host + "/v2/" + intake.repository
	for _, layer := range append(layers, config) {
		digest, err := layer.Digest()
		require.NoError(t, err)
		if send(t, http.MethodHead, base+"/blobs/"+digest.String(), "", nil) == http.StatusOK {
			continue
		}
		content, err := layer.Compressed()
		require.NoError(t, err)
		require.Equal(t, http.StatusAccepted, send(t, http.MethodPost, base+"/blobs/uploads/", "", nil))
		require.Equal(t, http.StatusCreated, send(t, http.MethodPut, base+"/blobs/uploads/new?digest="+digest.String(), "", content))
	}
	putManifest(t, intake, image, reference)
}

func putManifest(t *testing.T, intake *Intake, manifest remote.Taggable, reference string) {
	t.Helper()
	content, err := manifest.RawManifest()
	require.NoError(t, err)
	kind, err := manifest.(interface {
		MediaType() (types.MediaType, error)
	}).MediaType()
	require.NoError(t, err)
	address := "http://" + intake.host + "/v2/" + intake.repository + "/manifests/" + reference
	require.Equal(t, http.StatusCreated, send(t, http.MethodPut, address, string(kind), bytes.NewReader(content)))
}

// send sends a request, and returns the status of the answer.
func send(t *testing.T, method, address, kind string, body io.Reader) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, body)
	require.NoError(t, err)
	request.Header.Set("Content-Type", kind)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

func randomImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := random.Image(1<<16, 2)
	require.NoError(t, err)
	return image
}

// upstream serves an empty registry, and returns its address.
func upstream(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestWhatWasKeptIsWhatWasPushed(t *testing.T) {
	s, image := open(t), randomImage(t)
	kept := keep(t, s, image, "docker.io/library/shop:1")
	id, err := image.ConfigName()
	require.NoError(t, err)
	digest, err := image.Digest()
	require.NoError(t, err)
	assert.Equal(t, id, kept.ID)
	assert.Equal(t, digest, kept.Root.Digest)
	target, err := name.NewTag(upstream(t) + "/shop:1")
	require.NoError(t, err)
	content, err := s.Content(kept, authn.DefaultKeychain).Taggable()
	require.NoError(t, err)
	require.NoError(t, remote.Push(target, content))
	pushed, err := remote.Get(target)
	require.NoError(t, err)
	assert.Equal(t, digest, pushed.Digest)
}

func TestAnIndexIsKept(t *testing.T) {
	s := open(t)
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: randomImage(t), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: randomImage(t), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}})
	intake, err := s.Take(t.Context())
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	for _, part := range manifest.Manifests {
		image, err := index.Image(part.Digest)
		require.NoError(t, err)
		push(t, intake, image, part.Digest.String())
	}
	putManifest(t, intake, index, intakeTag)
	kept, err := intake.Keep(t.Context(), digestOf(t, index), nil)
	require.NoError(t, err)
	require.NoError(t, intake.Close())
	digest, err := index.Digest()
	require.NoError(t, err)
	assert.Equal(t, digest, kept.ID, "the ID of an index is its digest")
	parts, err := s.Content(kept, authn.DefaultKeychain).Parts()
	require.NoError(t, err)
	assert.Len(t, parts, 2)
	_, err = s.Content(kept, authn.DefaultKeychain).Runnable()
	assert.NoError(t, err)
}

func TestALayerThatTheCacheHasIsNotCopied(t *testing.T) {
	s, image, host := open(t), randomImage(t), upstream(t)
	cache, err := name.NewTag(host + "/cache:main")
	require.NoError(t, err)
	require.NoError(t, remote.Write(cache, image))

	intake, err := s.Take(t.Context())
	require.NoError(t, err)
	defer intake.Close()
	require.NoError(t, intake.LookIn([]string{host + "/cache"}, authn.DefaultKeychain))
	push(t, intake, image, intakeTag)
	kept, err := intake.Keep(t.Context(), digestOf(t, image), []string{"docker.io/library/shop:1"})
	require.NoError(t, err)
	assert.Len(t, kept.Elsewhere, 3, "two layers and the config")
	assert.Equal(t, []string{host + "/cache"}, kept.Sources())
	files, err := os.ReadDir(filepath.Join(s.dir, kept.Folder))
	require.NoError(t, err)
	assert.Len(t, files, 1, "the manifest")

	content, err := s.Content(kept, authn.DefaultKeychain).Runnable()
	require.NoError(t, err)
	layers, err := content.Layers()
	require.NoError(t, err)
	for _, layer := range layers {
		assert.IsType(t, &remote.MountableLayer{}, layer, "the registry may take it from the cache")
		reader, err := layer.Compressed()
		require.NoError(t, err)
		read, _, err := v1.SHA256(reader)
		require.NoError(t, err)
		digest, err := layer.Digest()
		require.NoError(t, err)
		assert.Equal(t, digest, read)
	}
}

func TestABuildCanUseAKeptImageAsBase(t *testing.T) {
	s, image := open(t), randomImage(t)
	kept := keep(t, s, image, "docker.io/library/base:1")
	intake, err := s.Take(t.Context())
	require.NoError(t, err)
	defer intake.Close()
	offered, err := intake.Offer(kept, authn.DefaultKeychain)
	require.NoError(t, err)
	ref, err := name.ParseReference(offered)
	require.NoError(t, err)
	pulled, err := remote.Image(ref)
	require.NoError(t, err)
	layers, err := pulled.Layers()
	require.NoError(t, err)
	for _, layer := range layers {
		reader, err := layer.Compressed()
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, reader)
		require.NoError(t, err)
	}
}

func TestTheIntakeRefuses(t *testing.T) {
	intake, err := open(t).Take(t.Context())
	require.NoError(t, err)
	defer intake.Close()
	address := "http://" + intake.host
	digest, _, err := v1.SHA256(bytes.NewReader([]byte("right")))
	require.NoError(t, err)
	for _, c := range []struct {
		name, method, path string
		want               int
	}{
		{"another repository", http.MethodPut, "/v2/guess/manifests/image", http.StatusNotFound},
		{"an upload to another repository", http.MethodPost, "/v2/guess/blobs/uploads/", http.StatusNotFound},
		{"a list of repositories", http.MethodGet, "/v2/_catalog", http.StatusNotFound},
		{"a list of tags", http.MethodGet, "/v2/" + intake.repository + "/tags/list", http.StatusMethodNotAllowed},
		{"a blob that is not what its digest says", http.MethodPut, "/v2/" + intake.repository + "/blobs/uploads/new?digest=" + digest.String(), http.StatusBadRequest},
		{"a blob without a digest", http.MethodPut, "/v2/" + intake.repository + "/blobs/uploads/new", http.StatusBadRequest},
		{"a manifest that is not what its digest says", http.MethodPut, "/v2/" + intake.repository + "/manifests/" + digest.String(), http.StatusBadRequest},
		{"a blob that is nowhere", http.MethodGet, "/v2/" + intake.repository + "/blobs/" + digest.String(), http.StatusNotFound},
		{"a path instead of a digest", http.MethodGet, "/v2/" + intake.repository + "/blobs/../../images.json", http.StatusNotFound},
		{"a removal", http.MethodDelete, "/v2/" + intake.repository + "/manifests/image", http.StatusMethodNotAllowed},
	} {
		t.Run(c.name, func(t *testing.T) {
			request, err := http.NewRequest(c.method, address+c.path, bytes.NewReader([]byte("wrong")))
			require.NoError(t, err)
			answer, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			defer answer.Body.Close()
			assert.Equal(t, c.want, answer.StatusCode)
		})
	}
	_, err = intake.Keep(t.Context(), digestOf(t, randomImage(t)), nil)
	assert.EqualError(t, err, "keep the built image: BuildKit has not handed it over")
}

func TestAnImageWithoutALayerIsNotKept(t *testing.T) {
	s := open(t)
	intake, err := s.Take(t.Context())
	require.NoError(t, err)
	image := randomImage(t)
	putManifest(t, intake, image, intakeTag)
	_, err = intake.Keep(t.Context(), digestOf(t, image), nil)
	assert.ErrorContains(t, err, "keep the built image: BuildKit has not handed over layer sha256:")
	require.NoError(t, intake.Close())
	left, err := filepath.Glob(filepath.Join(s.dir, folderPrefix+"*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestTwoBuildsOfOneNameAtOnce(t *testing.T) {
	s := open(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { keep(t, s, randomImage(t), "docker.io/library/shop:1") })
	}
	group.Wait()
	images, err := s.Images()
	require.NoError(t, err)
	require.Len(t, images, 4)
	named := 0
	for _, image := range images {
		named += len(image.Names)
	}
	assert.Equal(t, 1, named, "the last build has the name, the others stay without one")
}

func TestFind(t *testing.T) {
	one, two := Image{Names: []string{"docker.io/library/shop:latest", "r.example:5000/shop:1"}}, Image{Pushed: []string{"r.example/web"}}
	one.ID.Hex, two.ID.Hex = "aabbccddeeff00112233", "bbbbccddeeff00112233"
	one.Root.Digest, _ = v1.NewHash("sha256:" + fmt.Sprintf("%064d", 1))
	two.Root.Digest, _ = v1.NewHash("sha256:" + fmt.Sprintf("%064d", 2))
	images := []Image{one, two}
	for text, want := range map[string]int{
		"shop": 0, "shop:latest": 0, "docker.io/shop": 0, "docker.io/library/shop": 0, "index.docker.io/library/shop": 0, "shop:2": -1,
		"r.example:5000/shop:1": 0, "r.example/shop:1": -1, "r.example:5000/shop": -1,
		"shop@" + one.Root.Digest.String(): 0, "shop@" + two.Root.Digest.String(): -1, "r.example/web@" + two.Root.Digest.String(): 1,
		"shop:1@" + one.Root.Digest.String(): 0,
		"sha256:aabbccddeeff":                0, "aabb": 0, "bbbb": 1, "aab": -1, "cccc": -1, "": -1, "Shop": -1, "sha256:": -1,
	} {
		assert.Equal(t, want, Find(images, text), text)
	}
}

func TestNamesMove(t *testing.T) {
	images := Name([]Image{{Names: []string{"a", "b"}, Loaded: []string{"a"}}, {}}, 1, "a", "c")
	assert.Equal(t, []Image{{Names: []string{"b"}, Loaded: []string{}}, {Names: []string{"a", "c"}}}, images)
}

func TestAThousandNames(t *testing.T) {
	s := open(t)
	keep(t, s, randomImage(t), "docker.io/library/shop:1")
	require.NoError(t, s.Change(t.Context(), func(images []Image) ([]Image, error) {
		for i := range 1000 {
			images = Name(images, 0, fmt.Sprintf("docker.io/library/shop:%d", i))
		}
		return images, nil
	}))
	images, err := s.Images()
	require.NoError(t, err)
	assert.Len(t, images[0].Names, 1000)
	assert.Equal(t, 0, Find(images, "shop:999"))
}

func TestALockedListIsWaitedFor(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Change(ctx, func(images []Image) ([]Image, error) {
		cancel()
		return images, s.Change(ctx, func(images []Image) ([]Image, error) { return images, nil })
	})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestTheFolderOfAKilledBuildIsRemoved(t *testing.T) {
	s := open(t)
	kept := keep(t, s, randomImage(t), "docker.io/library/shop:1")
	killed := filepath.Join(s.dir, folderPrefix+"killed")
	require.NoError(t, os.Mkdir(killed, 0o700))
	running, err := s.Take(t.Context())
	require.NoError(t, err)
	assert.NoDirExists(t, killed)
	other, err := s.Take(t.Context())
	require.NoError(t, err)
	assert.DirExists(t, filepath.Join(s.dir, running.blobs.folder), "its build runs")
	assert.DirExists(t, filepath.Join(s.dir, kept.Folder))
	assert.NoError(t, running.Close())
	assert.NoError(t, other.Close())
}

func TestAListThatCannotBeWrittenStays(t *testing.T) {
	s := open(t)
	kept := keep(t, s, randomImage(t), "docker.io/library/shop:1")
	require.NoError(t, os.Symlink("/dev/full", filepath.Join(s.dir, indexFile+".new")))
	err := s.Change(t.Context(), func([]Image) ([]Image, error) { return nil, nil })
	assert.ErrorContains(t, err, "no space left on device")
	images, err := s.Images()
	require.NoError(t, err)
	assert.Equal(t, kept.Root, images[0].Root)
}
