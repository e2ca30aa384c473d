// Package baseimage provides the base images that `layercache try --offline`, the demo and tests build on: the real ones
// if their registry can be reached, otherwise stand-ins made from this machine's software (its Go toolchain, Debian's
// busybox-static, its CA bundle) or of Debian's packages. Both are kept in the user's cache directory, so
// later runs start immediately.
package baseimage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// reachable is the time that the registry has to answer before a stand-in is used.
const reachable = 5 * time.Second

// Platform is the platform of the images: Linux on this machine's architecture.
func Platform() v1.Platform {
	return v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
}

// Provide returns the image named by ref for Platform, and a short description of its origin: "pulled from …"
// or "made of …". It returns an error if the registry answers that the image does not exist, or if the
// registry does not answer and there is no stand-in.
func Provide(ctx context.Context, ref name.Reference) (v1.Image, string, error) {
	store, err := openStore()
	if err != nil {
		return nil, "", err
	}
	image, unreachable, err := pull(ctx, store, ref)
	if err != nil {
		return nil, "", err
	}
	if unreachable == nil {
		return image, "pulled from " + ref.Context().RegistryStr(), nil
	}
	if ctx.Err() != nil {
		return nil, "", context.Cause(ctx)
	}
	image, origin, err := standIn(ctx, store, ref)
	if err != nil {
		return nil, "", fmt.Errorf("baseimage: %s cannot be pulled (%w), and %w", ref, unreachable, err)
	}
	return image, origin, nil
}

// pull downloads the image into the store. unreachable is the reason why the registry did not answer.
func pull(ctx context.Context, store store, ref name.Reference) (image v1.Image, unreachable, err error) {
	short, cancel := context.WithTimeout(ctx, reachable)
	defer cancel()
	_, err = remote.Head(ref, remote.WithContext(short))
	switch {
	case missing(err):
		return nil, nil, fmt.Errorf("baseimage: %s does not exist: %w", ref, err)
	case err != nil:
		return nil, err, nil
	}
	upstream, err := remote.Image(ref, remote.WithContext(ctx), remote.WithPlatform(Platform()))
	if err != nil {
		return nil, nil, fmt.Errorf("baseimage: %w", err)
	}
	digest, err := upstream.Digest()
	if err != nil {
		return nil, nil, fmt.Errorf("baseimage: %s: %w", ref, err)
	}
	image, err = store.keep(digest.Hex, func(string) (v1.Image, error) { return upstream, nil })
	return image, nil, err
}

// missing reports whether the registry answered that the image does not exist.
func missing(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}

// openStore opens the directory of the images, layercache/baseimages in the user's cache directory.
func openStore() (store, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("baseimage: no cache directory for base images: %w", err)
	}
	dir := filepath.Join(cache, "layercache", "baseimages")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("baseimage: %w", err)
	}
	return store(dir), nil
}
