// Package prewarm pulls images through a pull-through cache before builds need them: the first pull of an
// image is slow, and ECR compares a cached image with its upstream only on a pull, at most once a day.
//
// ECR imports an image only when it is pulled by a tag. A pull by digest, or by tag and digest, is answered
// from what is already there: https://github.com/aws/containers-roadmap/issues/2837. So an image that is
// pinned by digest is pulled by its tag, and its digest is compared afterwards.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
package prewarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/report/escape"
)

const (
	// importWait is how long the import of one image may take. ECR may answer the first pull of a manifest
	// before it has stored the image.
	importWait = 5 * time.Minute
	// pollInterval is the time between two requests for what is not there yet.
	pollInterval = 5 * time.Second
)

// Run pulls each image's manifests for all platforms and checks that every layer is available. It writes one
// line for each image. An image that fails does not stop the others; the error names those that failed.
func Run(ctx context.Context, images []string, keychain authn.Keychain, progress io.Writer) error {
	return run(ctx, images, puller{keychain: keychain, wait: importWait, interval: pollInterval}, progress)
}

func run(ctx context.Context, images []string, p puller, progress io.Writer) error {
	if len(images) == 0 {
		return errors.New("no images to prewarm: give HOST/PREFIX/NAME:TAG as arguments, or set LAYERCACHE_PREWARM to a comma-separated list of them")
	}
	var failed []string
	for _, image := range images {
		begin := time.Now()
		found, err := p.pull(ctx, image)
		text := fmt.Sprintf("%s: ready, %d layers, %.1f s%s", image, found.layers, time.Since(begin).Seconds(), found.note)
		if err != nil {
			failed = append(failed, image)
			text = fmt.Sprintf("%s: %v", image, err)
		}
		fmt.Fprintln(progress, escape.Line("layercache: "+text))
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d images could not be prewarmed: %s; the reasons are above; correct the arguments or LAYERCACHE_PREWARM, or run `layercache doctor`",
			len(failed), len(images), strings.Join(failed, ", "))
	}
	return nil
}

// pinned is a parsed image. Either its tag or its digest may be missing.
type pinned struct {
	repository name.Repository
	tag        *name.Tag
	// digest is "" if the image is not pinned.
	digest string
}

// parse reads HOST/PREFIX/NAME:TAG, HOST/PREFIX/NAME:TAG@DIGEST or HOST/PREFIX/NAME@DIGEST.
func parse(image string) (pinned, error) {
	base, digest, hasDigest := strings.Cut(image, "@")
	tag, err := name.NewTag(base, name.StrictValidation)
	if err != nil && hasDigest {
		repository, err := name.NewRepository(base, name.StrictValidation)
		if err != nil {
			return pinned{}, err
		}
		_, err = name.NewDigest(repository.Name()+"@"+digest, name.StrictValidation)
		return pinned{repository: repository, digest: digest}, err
	}
	if err != nil {
		return pinned{}, err
	}
	if hasDigest {
		_, err = name.NewDigest(tag.Context().Name()+"@"+digest, name.StrictValidation)
	}
	return pinned{repository: tag.Context(), tag: &tag, digest: digest}, err
}
