// Package prewarm pulls images through a pull-through cache before builds need them: the first pull of an
// image is slow, and ECR compares a cached image with its upstream only on a pull, at most once a day.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
package prewarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Run pulls each image's manifests for all platforms and checks that every layer is available. It writes one
// line for each image. An image that fails does not stop the others; the error joins all failures.
func Run(ctx context.Context, images []string, keychain authn.Keychain, progress io.Writer) error {
	if len(images) == 0 {
		return errors.New("no images to prewarm: set LAYERCACHE_PREWARM to a comma-separated list of HOST/PREFIX/NAME:TAG")
	}
	var problems []error
	for _, image := range images {
		begin := time.Now()
		layers, err := pull(ctx, image, keychain)
		if err != nil {
			fmt.Fprintf(progress, "layercache: %s: %v\n", image, err)
			problems = append(problems, fmt.Errorf("%s: %w", image, err))
			continue
		}
		fmt.Fprintf(progress, "layercache: %s: ready, %d layers, %.1f s\n", image, layers, time.Since(begin).Seconds())
	}
	return errors.Join(problems...)
}

func pull(ctx context.Context, image string, keychain authn.Keychain) (layers int, err error) {
	ref, err := name.ParseReference(image, name.StrictValidation)
	if err != nil {
		return 0, fmt.Errorf("expected HOST/PREFIX/NAME:TAG: %w", err)
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain)}
	got, err := remote.Get(ref, options...)
	if err != nil {
		return 0, err
	}
	if !got.MediaType.IsIndex() {
		single, err := got.Image()
		if err != nil {
			return 0, err
		}
		return check(ref, single, options)
	}
	index, err := got.ImageIndex()
	if err != nil {
		return 0, err
	}
	listed, err := index.IndexManifest()
	if err != nil {
		return 0, err
	}
	for _, descriptor := range listed.Manifests {
		single, err := index.Image(descriptor.Digest)
		if err != nil {
			return layers, fmt.Errorf("%s: %w", descriptor.Digest, err)
		}
		found, err := check(ref, single, options)
		if err != nil {
			return layers, err
		}
		layers += found
	}
	return layers, nil
}

// check checks that each layer exists, without downloading it.
func check(ref name.Reference, image v1.Image, options []remote.Option) (int, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return 0, err
	}
	for _, descriptor := range manifest.Layers {
		layer, err := remote.Layer(ref.Context().Digest(descriptor.Digest.String()), options...)
		if err != nil {
			return 0, err
		}
		if exists, err := partial.Exists(layer); err != nil || !exists {
			return 0, errors.Join(fmt.Errorf("layer %s is not available", descriptor.Digest), err)
		}
	}
	return len(manifest.Layers), nil
}
