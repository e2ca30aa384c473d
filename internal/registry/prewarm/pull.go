package prewarm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/layercache/layercache/internal/registry/throttle"
)

// puller pulls images.
type puller struct {
	keychain authn.Keychain
	// wait is the longest duration of the import of one image, interval the time between two requests for
	// what is missing.
	wait, interval time.Duration
}

// warmed describes an image that is in the cache.
type warmed struct {
	layers int
	// note follows the line of an image. It is empty if there is nothing to note.
	note string
}

func (p puller) pull(ctx context.Context, image string) (warmed, error) {
	parsed, err := parse(image)
	if err != nil {
		return warmed{}, fmt.Errorf("expected HOST/PREFIX/NAME:TAG or HOST/PREFIX/NAME:TAG@DIGEST: %w", err)
	}
	started := &imported{
		options: append(throttle.Options(), remote.WithContext(ctx), remote.WithAuthFromKeychain(p.keychain)),
		ctx:     ctx, repository: parsed.repository, until: time.Now().Add(p.wait), interval: p.interval,
	}
	var found warmed
	if parsed.tag == nil {
		got, err := started.get(parsed.digest)
		if isMissing(err) {
			return found, fmt.Errorf("it is not in the cache, and ECR imports an image only by its tag: write %s:TAG@%s", parsed.repository, parsed.digest)
		}
		if err == nil {
			found.layers, err = started.check(got)
		}
		return found, err
	}
	got, err := remote.Get(*parsed.tag, started.options...)
	if err != nil {
		return found, err
	}
	if found.layers, err = started.check(got); err != nil || parsed.digest == "" || parsed.digest == got.Digest.String() {
		return found, err
	}
	if slices.Contains(started.members, parsed.digest) {
		return found, nil
	}
	found.note, err = started.checkOther(parsed.digest, got.Digest)
	return found, err
}

// checkOther checks a pinned image that is not what its tag names. It returns a note for an image that an
// earlier pull of the tag has imported.
func (i *imported) checkOther(digest string, tagged v1.Hash) (note string, err error) {
	got, err := i.get(digest)
	if isMissing(err) {
		return "", fmt.Errorf("in the cache the tag is %s, not the pinned digest, and ECR imports only what the tag names: "+
			"builds take the pinned image from the upstream; change the digest, or if it is newer than the tag in the cache, run this again tomorrow", tagged)
	}
	if err == nil {
		_, err = i.check(got)
	}
	return fmt.Sprintf("; the tag is now %s: once the pinned image has expired from the cache, it cannot be imported again", tagged), err
}

// imported is an image whose import may not have ended yet.
type imported struct {
	ctx        context.Context
	options    []remote.Option
	repository name.Repository
	until      time.Time
	interval   time.Duration
	// members are the digests of the manifests in the indexes that were checked.
	members []string
}

// get returns the manifest with the digest.
func (i *imported) get(digest string) (*remote.Descriptor, error) {
	return remote.Get(i.repository.Digest(digest), i.options...)
}

// check checks that each layer of an image, or of all images of an index, exists. It downloads no layer.
func (i *imported) check(got *remote.Descriptor) (layers int, err error) {
	if !got.MediaType.IsIndex() {
		single, err := got.Image()
		if err != nil {
			return 0, err
		}
		return i.checkImage(single)
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
		if !descriptor.MediaType.IsImage() && !descriptor.MediaType.IsIndex() {
			continue
		}
		i.members = append(i.members, descriptor.Digest.String())
		var member *remote.Descriptor
		err := i.retry(func() (err error) {
			member, err = i.get(descriptor.Digest.String())
			return err
		})
		if err != nil {
			return layers, fmt.Errorf("manifest %s: %w", descriptor.Digest, err)
		}
		found, err := i.check(member)
		if err != nil {
			return layers, err
		}
		layers += found
	}
	return layers, nil
}

func (i *imported) checkImage(image v1.Image) (layers int, err error) {
	manifest, err := image.Manifest()
	if err != nil {
		return 0, err
	}
	for _, descriptor := range manifest.Layers {
		if !descriptor.MediaType.IsDistributable() {
			continue
		}
		err := i.retry(func() error {
			layer, err := remote.Layer(i.repository.Digest(descriptor.Digest.String()), i.options...)
			if err != nil {
				return err
			}
			exists, err := partial.Exists(layer)
			if err == nil && !exists {
				err = errMissingLayer
			}
			return err
		})
		if err != nil {
			return layers, fmt.Errorf("layer %s: %w", descriptor.Digest, err)
		}
		layers++
	}
	return layers, nil
}

// errMissingLayer is the error for a layer that the registry does not have.
var errMissingLayer = errors.New("is not available")

// retry calls ask until it finds what it asks for, fails for another reason, or the import takes too long.
func (i *imported) retry(ask func() error) error {
	for {
		err := ask()
		if !isMissing(err) {
			return err
		}
		if time.Now().After(i.until) {
			return fmt.Errorf("the import did not end in time: %w", err)
		}
		select {
		case <-i.ctx.Done():
			return errors.Join(context.Cause(i.ctx), err)
		case <-time.After(i.interval):
		}
	}
}

// isMissing reports whether the registry answered that it does not have the manifest or the layer.
func isMissing(err error) bool {
	var answer *transport.Error
	return errors.Is(err, errMissingLayer) || errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
