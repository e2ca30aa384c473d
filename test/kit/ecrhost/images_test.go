//go:build linux

package ecrhost_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/internal/baseimage"
	"github.com/layercache/layercache/test/kit/ecrhost"
)

// start is when the first image of a test is pushed.
var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// archive is a repository in which a test sets the time.
type archive struct {
	user
	days atomic.Int64
}

const shop = imageHost + "/shop"

func newArchive(t *testing.T) *archive {
	t.Helper()
	a := &archive{}
	server, err := ecrhost.Start(ecrhost.Config{
		Dir: t.TempDir(), Now: func() time.Time { return start.AddDate(0, 0, int(a.days.Load())) },
		Registries: map[string]ecrhost.Registry{imageHost: {Repositories: map[string]ecrhost.Repository{"shop": {}}}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	a.user = user{t, server}
	return a
}

// pushAt pushes an image on a day.
func (a *archive) pushAt(day int64, tag string, content v1.Image) string {
	a.t.Helper()
	a.days.Store(day)
	require.NoError(a.t, a.write(shop+":"+tag, content))
	return digestOf(a.t, content)
}

// expired returns the digests that a policy expires on a day.
func (a *archive) expired(day int, policy string) []string {
	a.t.Helper()
	images, err := a.server.Expired(imageHost, "shop", policy, start.AddDate(0, 0, day))
	require.NoError(a.t, err)
	digests := []string{}
	for _, image := range images {
		digests = append(digests, image.Digest)
	}
	return digests
}

func digestOf(t *testing.T, content partial.Describable) string {
	t.Helper()
	digest, err := content.Digest()
	require.NoError(t, err)
	return digest.String()
}

func newImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := random.Image(100, 1)
	require.NoError(t, err)
	return image
}

// signatureOf returns an artifact that refers to an image.
func signatureOf(t *testing.T, subject v1.Image) v1.Image {
	t.Helper()
	descriptor, err := partial.Descriptor(subject)
	require.NoError(t, err)
	return mutate.Subject(newImage(t), *descriptor).(v1.Image)
}

func TestEachManifestCountsAsAnImage(t *testing.T) {
	a := newArchive(t)
	index, err := random.Index(100, 1, 2)
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(name.MustParseReference(shop+":1"), index, a.options()...))
	assert.Len(t, a.server.Images(imageHost, "shop"), 3, "an index and its members")

	image := newImage(t)
	a.pushAt(1, "2", image)
	a.pushAt(2, "signature", signatureOf(t, image))
	a.pushAt(3, "2", newImage(t))
	images := a.server.Images(imageHost, "shop")
	assert.Len(t, images, 6, "an image, its signature, and the image that replaced it")
	assert.Equal(t, digestOf(t, image), images[1].Subject)
	assert.Empty(t, images[2].Tags, "a replaced image is untagged")
	assert.Equal(t, digestOf(t, image), images[2].Digest)

	require.NoError(t, remote.Delete(name.MustParseReference(shop+":1").Context().Digest(digestOf(t, image)), a.options()...))
	assert.Len(t, a.server.Images(imageHost, "shop"), 5)
}

func TestAnotherPushOfAManifestKeepsItsDate(t *testing.T) {
	a := newArchive(t)
	image := newImage(t)
	a.pushAt(0, "main", image)
	a.pushAt(20, "main", image)
	a.pushAt(25, "feature", image)
	images := a.server.Images(imageHost, "shop")
	require.Len(t, images, 1)
	assert.Equal(t, start, images[0].Pushed)
	assert.Equal(t, []string{"feature", "main"}, images[0].Tags)
}

func TestWhatALifecyclePolicyExpires(t *testing.T) {
	const newest2 = `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":2},"action":{"type":"expire"}}]}`
	const untagged7 = `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":7},"action":{"type":"expire"}}]}`

	t.Run("a signature takes a place of a count", func(t *testing.T) {
		a := newArchive(t)
		old, image := newImage(t), newImage(t)
		a.pushAt(0, "1", old)
		a.pushAt(1, "2", image)
		assert.Empty(t, a.expired(2, newest2))
		a.pushAt(2, "signature", signatureOf(t, image))
		assert.Equal(t, []string{digestOf(t, old)}, a.expired(2, newest2))
	})
	t.Run("a signature goes with its image", func(t *testing.T) {
		a := newArchive(t)
		image := newImage(t)
		a.pushAt(0, "1", image)
		signature := a.pushAt(1, "signature", signatureOf(t, image))
		a.pushAt(2, "2", newImage(t))
		assert.Equal(t, []string{signature, digestOf(t, image)}, a.expired(2, newest2))
	})
	t.Run("a member of an index that stays does not expire", func(t *testing.T) {
		a := newArchive(t)
		index, err := random.Index(100, 1, 2)
		require.NoError(t, err)
		require.NoError(t, remote.WriteIndex(name.MustParseReference(shop+":1"), index, a.options()...))
		assert.Empty(t, a.expired(30, untagged7))
		a.pushAt(1, "1", newImage(t))
		assert.Len(t, a.expired(30, untagged7), 3, "the replaced index and its members")
	})
	t.Run("the default rules of a cache", func(t *testing.T) {
		policy, problems := lifecycle.RenderCache("LifecycleRules", lifecycle.CacheRules())
		require.Empty(t, problems)
		a := newArchive(t)
		replaced := a.pushAt(0, "main", newImage(t))
		cache := a.pushAt(3, "main", newImage(t))
		a.pushAt(3, "main--steps", newImage(t))
		assert.Empty(t, a.expired(1, policy))
		assert.Equal(t, []string{replaced}, a.expired(4, policy))
		assert.ElementsMatch(t, []string{replaced, cache}, a.expired(34, policy), "the record outlives its cache")
	})
	a := newArchive(t)
	_, err := a.server.Expired(imageHost, "shop", `{"rules":[{"action":{"type":"transition"}}]}`, start)
	assert.ErrorContains(t, err, "not simulated")
	_, err = a.server.Expired(imageHost, "shop", `{`, start)
	assert.ErrorContains(t, err, "lifecycle policy")
}

// busybox is an image at the public gallery.
const busybox = mirrorHost + "/ecr-public/docker/library/busybox"

func busyboxDigest(t *testing.T) string {
	t.Helper()
	image, _, err := baseimage.Provide(t.Context(), name.MustParseReference("public.ecr.aws/docker/library/busybox:1.37"))
	require.NoError(t, err)
	return digestOf(t, image)
}

func TestAFirstPullByDigestImportsNothing(t *testing.T) {
	u := newUser(t, map[string]ecrhost.Registry{mirrorHost: {PullThrough: map[string]string{"ecr-public": "public.ecr.aws"}}})
	digest := busyboxDigest(t)
	answered(t, u.pull(busybox+"@"+digest), http.StatusNotFound, "MANIFEST_UNKNOWN", "not found")
	assert.Empty(t, u.server.Images(mirrorHost, "ecr-public/docker/library/busybox"))
	require.NoError(t, u.pull(busybox+":1.37"))
	require.NoError(t, u.pull(busybox+"@"+digest))
	assert.Len(t, u.server.Images(mirrorHost, "ecr-public/docker/library/busybox"), 1)
}

func TestAReferrerCanBeRefused(t *testing.T) {
	u := newUser(t, map[string]ecrhost.Registry{imageHost: {RefusesReferrers: true, Repositories: map[string]ecrhost.Repository{"shop": {}}}})
	image := newImage(t)
	require.NoError(t, u.write(shop+":1", image))
	answered(t, u.write(shop+":2", signatureOf(t, image)), http.StatusMethodNotAllowed, "UNSUPPORTED", "ImageManifest")
}

func TestABuildIsPushedToARegistryThatRefusesReferrers(t *testing.T) {
	for name, args := range map[string][]string{
		"by default":                                   {"--progress=plain"},
		"without an attestation":                       {"--provenance=false"},
		"with an attestation that has no subject":      {"--output=type=image,oci-artifact=false"},
		"with an attestation that refers to the image": {"--output=type=image,oci-artifact=true"},
	} {
		t.Run(name, func(t *testing.T) {
			registries := everyone()
			for host, registry := range registries {
				registry.RefusesReferrers = true
				registries[host] = registry
			}
			p := newProject(t, ecrhost.Config{Registries: registries})
			got := p.build(args...)
			if strings.Contains(args[0], "oci-artifact=true") {
				assert.NotZero(t, got.exitCode)
				assert.Contains(t, got.log, "unsupported: Invalid parameter at 'ImageManifest'")
				return
			}
			p.succeeds(got)
			got = p.succeeds(p.build(args...))
			assert.Equal(t, "used", got.Verdict)
			assert.NotNil(t, got.SavedSeconds, "the record must be accepted")
			assert.Empty(t, got.Warnings)
			var tags []string
			for _, image := range p.aws.Images(cacheHost, "cache") {
				tags = append(tags, image.Tags...)
			}
			assert.Len(t, tags, 2, "the cache and its record")
		})
	}
}
