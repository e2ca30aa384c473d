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

	"github.com/layercache/layercache/internal/registry/throttle"
)

// PushedIndex is an index that was pushed.
type PushedIndex struct {
	Name   string
	Digest v1.Hash
}

// Index joins the images of all platforms (REPOSITORY:TAG-linux-amd64, …), with their attestations, into one
// index for each tag, and pushes it as REPOSITORY:TAG.
func (i Image) Index(ctx context.Context, keychain authn.Keychain) ([]PushedIndex, error) {
	if len(i.Platforms) == 0 {
		return nil, errors.New("LAYERCACHE_PLATFORMS is not set: expected the platforms whose images the index joins")
	}
	var pushed []PushedIndex
	for _, tag := range i.Tags {
		index, err := i.join(ctx, tag, keychain)
		if err != nil {
			return pushed, fmt.Errorf("join %s:%s: %w", i.Repository, tag, err)
		}
		pushed = append(pushed, index)
	}
	return pushed, nil
}

func (i Image) join(ctx context.Context, tag string, keychain authn.Keychain) (PushedIndex, error) {
	options := append(throttle.Options(), remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain))
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range i.Platforms {
		from, err := name.ParseReference(i.Repository + ":" + platformTag(tag, platform))
		if err != nil {
			return PushedIndex{}, err
		}
		addenda, err := manifests(from, options)
		if err != nil {
			return PushedIndex{}, fmt.Errorf("%s: %w; did the build for %s push it?", from, err, platform)
		}
		index = mutate.AppendManifests(index, addenda...)
	}
	to, err := name.ParseReference(i.Repository + ":" + tag)
	if err != nil {
		return PushedIndex{}, err
	}
	if err := remote.WriteIndex(to, index, options...); err != nil {
		return PushedIndex{}, err
	}
	digest, err := index.Digest()
	return PushedIndex{Name: to.String(), Digest: digest}, err
}

// manifests returns what a tag holds: an image, or the images and attestations of an index.
func manifests(from name.Reference, options []remote.Option) ([]mutate.IndexAddendum, error) {
	got, err := remote.Get(from, options...)
	if err != nil {
		return nil, err
	}
	if !got.MediaType.IsIndex() {
		return singleImage(got)
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

func singleImage(got *remote.Descriptor) ([]mutate.IndexAddendum, error) {
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
