package image

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Joined is an index that was pushed.
type Joined struct {
	Name   string
	Digest v1.Hash
}

// Index joins, for each tag, the images that the platforms' builds pushed (REPOSITORY:TAG-linux-amd64, …) into one index,
// attestations included, and pushes it as REPOSITORY:TAG.
func (i Image) Index(ctx context.Context, keychain authn.Keychain) ([]Joined, error) {
	if len(i.Platforms) == 0 {
		return nil, errors.New("LAYERCACHE_PLATFORMS is not set: an index needs the platforms whose images it joins")
	}
	var joined []Joined
	for _, tag := range i.Tags {
		done, err := i.join(ctx, tag, keychain)
		if err != nil {
			return joined, fmt.Errorf("join %s:%s: %w", i.Repository, tag, err)
		}
		joined = append(joined, done)
	}
	return joined, nil
}

func (i Image) join(ctx context.Context, tag string, keychain authn.Keychain) (Joined, error) {
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain)}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range i.Platforms {
		from, err := name.ParseReference(i.Repository + ":" + PlatformTag(tag, platform))
		if err != nil {
			return Joined{}, err
		}
		addenda, err := manifests(from, options)
		if err != nil {
			return Joined{}, fmt.Errorf("%s: %w; did the build for %s push it?", from, err, platform)
		}
		index = mutate.AppendManifests(index, addenda...)
	}
	to, err := name.ParseReference(i.Repository + ":" + tag)
	if err != nil {
		return Joined{}, err
	}
	if err := remote.WriteIndex(to, index, options...); err != nil {
		return Joined{}, err
	}
	digest, err := index.Digest()
	return Joined{Name: to.String(), Digest: digest}, err
}

// manifests are what a tag holds: an image, or the images and attestations of an index.
func manifests(from name.Reference, options []remote.Option) ([]mutate.IndexAddendum, error) {
	got, err := remote.Get(from, options...)
	if err != nil {
		return nil, err
	}
	if !got.MediaType.IsIndex() {
		return one(got)
	}
	index, err := got.ImageIndex()
	if err != nil {
		return nil, err
	}
	listed, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var addenda []mutate.IndexAddendum
	for _, descriptor := range listed.Manifests {
		image, err := index.Image(descriptor.Digest)
		if err != nil {
			return nil, err
		}
		addenda = append(addenda, mutate.IndexAddendum{Add: image, Descriptor: descriptor})
	}
	return addenda, nil
}

func one(got *remote.Descriptor) ([]mutate.IndexAddendum, error) {
	image, err := got.Image()
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	return []mutate.IndexAddendum{{Add: image, Descriptor: v1.Descriptor{Platform: config.Platform()}}}, nil
}
