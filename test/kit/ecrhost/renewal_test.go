//go:build linux

package ecrhost_test

import (
	"encoding/json"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/test/kit/ecrhost"
)

// cacheTag returns the tag of the cache of a branch.
func cacheTag(branch string) string { return "shop--linux-" + runtime.GOARCH + "--" + branch }

// cacheOn returns the image that holds the cache of a branch.
func (p *project) cacheOn(branch string) ecrhost.Image {
	p.t.Helper()
	for _, image := range p.aws.Images(cacheHost, "cache") {
		for _, tag := range image.Tags {
			if tag == cacheTag(branch) {
				return image
			}
		}
	}
	require.Fail(p.t, "no cache of branch "+branch)
	return ecrhost.Image{}
}

// ageRecord makes the record of a branch's cache say that the cache was pushed some days earlier.
func (p *project) ageRecord(branch string, days int) {
	p.t.Helper()
	u := user{p.t, p.aws}
	ref := name.MustParseReference(cacheHost + "/cache:x").Context().Tag(cacheTag(branch) + "--steps")
	got, err := remote.Get(ref, u.options()...)
	require.NoError(p.t, err)
	var manifest v1.Manifest
	require.NoError(p.t, json.Unmarshal(got.Manifest, &manifest))
	layer, err := remote.Layer(ref.Context().Digest(manifest.Layers[0].Digest.String()), u.options()...)
	require.NoError(p.t, err)
	blob, err := layer.Compressed()
	require.NoError(p.t, err)
	content, err := io.ReadAll(blob)
	require.NoError(p.t, err)
	var record map[string]any
	require.NoError(p.t, json.Unmarshal(content, &record))
	record["pushed"] = time.Now().AddDate(0, 0, -days).Format(time.RFC3339)
	content, err = json.Marshal(record)
	require.NoError(p.t, err)
	image, err := mutate.Append(empty.Image, mutate.Addendum{Layer: static.NewLayer(content, manifest.Layers[0].MediaType)})
	require.NoError(p.t, err)
	require.NoError(p.t, remote.Write(ref, image, u.options()...))
}

func TestACacheThatBuildsUseDoesNotExpire(t *testing.T) {
	policy, problems := lifecycle.RenderCache("LifecycleRules", lifecycle.CacheRules())
	require.Empty(t, problems)
	var days atomic.Int64
	begin := time.Now()
	p := newProject(t, ecrhost.Config{Registries: everyone(), Now: func() time.Time { return begin.AddDate(0, 0, int(days.Load())) }})
	expires := func(day int, image ecrhost.Image) bool {
		expired, err := p.aws.Expired(cacheHost, "cache", policy, begin.AddDate(0, 0, day))
		require.NoError(t, err)
		for _, each := range expired {
			if each.Digest == image.Digest {
				return true
			}
		}
		return false
	}

	p.succeeds(p.build())
	first := p.cacheOn("main")
	days.Store(2)
	assert.Equal(t, "unchanged", p.succeeds(p.build()).Exported)
	assert.Equal(t, first, p.cacheOn("main"), "a cache that is new enough is left as it is")
	assert.True(t, expires(31, first))

	days.Store(20)
	p.ageRecord("main", 20)
	got := p.succeeds(p.build())
	assert.Equal(t, "used", got.Verdict)
	assert.Empty(t, got.Warnings)
	renewed := p.cacheOn("main")
	assert.NotEqual(t, first.Digest, renewed.Digest)
	assert.Equal(t, begin.AddDate(0, 0, 20), renewed.Pushed)
	assert.False(t, expires(49, renewed))

	got = p.succeeds(p.build())
	assert.Equal(t, "used", got.Verdict, "BuildKit must import a renewed cache")
	assert.Equal(t, "unchanged", got.Exported)
	assert.Equal(t, renewed, p.cacheOn("main"))

	// The first exports of branches that change nothing are equal.
	for i, branch := range []string{"next", "later"} {
		day := 40 + 10*i
		days.Store(int64(day))
		p.env["LAYERCACHE_BRANCH"] = branch
		got = p.succeeds(p.build())
		assert.Equal(t, "used", got.Verdict)
		assert.Empty(t, got.Warnings)
		own := p.cacheOn(branch)
		assert.Equal(t, []string{cacheTag(branch)}, own.Tags)
		assert.Equal(t, begin.AddDate(0, 0, day), own.Pushed, "the cache of a new branch must not have the date of another")
		assert.False(t, expires(day+29, own))
	}
}
