package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"

	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/docker/store"
	"github.com/layercache/layercache/internal/registry/throttle"
)

// push pushes a kept image, or with --all-tags all kept images of a repository.
func (d *docker) push(ctx context.Context) error {
	parsed, err := reference.ParseNormalizedNamed(d.call.Names[0])
	if err != nil {
		return d.delegateMissing(ctx, err.Error())
	}
	repository := parsed.Name()
	names := d.toPush(parsed)
	if len(names) == 0 {
		if _, err := real.Find(); err == nil {
			return d.delegate(ctx, "")
		}
		return d.failMissing(d.unknownToPush(parsed)...)
	}
	if d.call.All && !reference.IsNameOnly(parsed) {
		return d.fail(failed, "tag can't be used with --all-tags/-a")
	}
	if !d.call.All && reference.IsNameOnly(parsed) {
		d.print("Using default tag: latest")
	}
	d.print("The push refers to repository [%s]", repository)
	for _, name := range names {
		if err := d.pushOne(ctx, name); err != nil {
			return d.fail(failed, "%s", registryMessage(err))
		}
	}
	if d.call.Quiet {
		fmt.Fprintln(d.Stdout, reference.TagNameOnly(parsed).String())
	}
	return nil
}

// print writes a line of progress.
func (d *docker) print(format string, args ...any) {
	if !d.call.Quiet {
		fmt.Fprintf(d.Stdout, format+"\n", args...)
	}
}

// toPush returns the names of kept images that the call pushes.
func (d *docker) toPush(given reference.Named) []string {
	if !d.call.All {
		if normal := reference.TagNameOnly(given).String(); d.find(normal) >= 0 {
			return []string{normal}
		}
		return nil
	}
	var names []string
	for _, image := range d.images {
		for _, name := range image.Names {
			if store.Repository(name) == given.Name() {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// unknownToPush returns the messages of docker for an image that does not exist.
func (d *docker) unknownToPush(given reference.Named) []string {
	if !d.call.All && reference.IsNameOnly(given) {
		d.print("Using default tag: latest")
	}
	d.print("The push refers to repository [%s]", given.Name())
	if d.call.All {
		return []string{"An image does not exist locally with the tag: " + reference.FamiliarName(given)}
	}
	hasOther := func(image store.Image) bool {
		return slices.ContainsFunc(image.Names, func(name string) bool { return store.Repository(name) == given.Name() })
	}
	if slices.ContainsFunc(d.images, hasOther) {
		return []string{"tag does not exist: " + reference.FamiliarString(reference.TagNameOnly(given))}
	}
	return []string{"An image does not exist locally with the tag: " + reference.FamiliarName(given)}
}

// pushOne pushes the image with the name, and notes where it was pushed to.
func (d *docker) pushOne(ctx context.Context, named string) error {
	image := d.images[d.find(named)]
	target, err := name.NewTag(named)
	if err != nil {
		return err
	}
	keychain, err := d.keychain(ctx, image.Sources(), target.Context().Name())
	if err != nil {
		d.say("%v", err)
	}
	options := append(throttle.Options(), remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain))
	if err := d.upload(ctx, target, image, keychain, options); err != nil {
		return explain(err, target, keychain)
	}
	d.print("%s: digest: %s size: %d", target.TagStr(), image.Root.Digest, image.Root.Size)
	repository := store.Repository(named)
	return d.store.Change(ctx, func(images []store.Image) ([]store.Image, error) {
		for i := range images {
			if images[i].Folder == image.Folder && !slices.Contains(images[i].Pushed, repository) {
				images[i].Pushed = append(images[i].Pushed, repository)
			}
		}
		return images, nil
	})
}

// maxUploads is the number of layers that are uploaded at the same time, as docker does.
const maxUploads = 5

// upload writes the layers, each of which it reports, and then the manifests.
func (d *docker) upload(ctx context.Context, target name.Tag, image store.Image, keychain authn.Keychain, options []remote.Option) error {
	pusher, err := remote.NewPusher(options...)
	if err != nil {
		return err
	}
	content := d.store.Content(image, keychain)
	parts, err := content.Parts()
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(maxUploads)
	var printing sync.Mutex
	for _, part := range parts {
		layers, err := namedLayers(part)
		if err != nil {
			return err
		}
		for _, layer := range layers {
			printing.Lock()
			d.print("%s: Preparing", layer.name)
			printing.Unlock()
		}
		for _, layer := range layers {
			group.Go(func() error {
				done, err := uploadLayer(ctx, pusher, target, mountable(layer.Layer, target, image.Caches), options)
				printing.Lock()
				defer printing.Unlock()
				if err == nil {
					d.print("%s: %s", layer.name, done)
				}
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	taggable, err := content.Taggable()
	if err != nil {
		return err
	}
	return pusher.Push(ctx, target, taggable)
}

// namedLayer is a layer with the name that docker shows for it: the start of the digest of its content.
type namedLayer struct {
	v1.Layer
	name string
}

// namedLayers returns the layers of an image, the last first.
func namedLayers(image v1.Image) ([]namedLayer, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	var named []namedLayer
	for i, layer := range slices.Backward(layers) {
		digest, err := layer.Digest()
		if err != nil {
			return nil, err
		}
		if len(config.RootFS.DiffIDs) == len(layers) { // An attestation has none.
			digest = config.RootFS.DiffIDs[i]
		}
		named = append(named, namedLayer{layer, digest.Hex[:shortID]})
	}
	return named, nil
}

// uploadLayer uploads a layer that the repository does not have, and returns what was done, in docker's words.
func uploadLayer(ctx context.Context, pusher *remote.Pusher, target name.Tag, layer v1.Layer, options []remote.Option) (string, error) {
	digest, err := layer.Digest()
	if err != nil {
		return "", err
	}
	if existing, err := remote.Layer(target.Context().Digest(digest.String()), options...); err == nil {
		if _, err := existing.Size(); err == nil {
			return "Layer already exists", nil
		}
	}
	if err := pusher.Upload(ctx, target.Context(), layer); err != nil {
		return "", err
	}
	return "Pushed", nil
}

// mountable returns the layer so that the registry may take it from the first cache that it has itself. The cache was
// written after the image was kept. A registry that cannot do so gets the layer.
func mountable(layer v1.Layer, target name.Tag, caches []string) v1.Layer {
	if _, already := layer.(*remote.MountableLayer); already {
		return layer
	}
	digest, err := layer.Digest()
	for _, cache := range caches {
		repository, invalid := name.NewRepository(cache)
		if err == nil && invalid == nil && repository.RegistryStr() == target.RegistryStr() {
			return &remote.MountableLayer{Layer: layer, Reference: repository.Digest(digest.String())}
		}
	}
	return layer
}

// errNoCredentials is docker's error for a registry that asks for a sign-in.
var errNoCredentials = errors.New("no basic auth credentials")

// explain returns the error of a registry with the reason that the registry gives, which answers to HEAD do not have.
func explain(err error, target name.Tag, keychain authn.Keychain) error {
	var refused *transport.Error
	if !errors.As(err, &refused) {
		return err
	}
	if signIn, unknown := keychain.Resolve(target.Context()); refused.StatusCode == http.StatusUnauthorized && unknown == nil && signIn == authn.Anonymous {
		return errNoCredentials
	}
	if len(refused.Errors) == 0 {
		return cmp.Or(remote.CheckPushPermission(target, keychain, remote.DefaultTransport), err)
	}
	return err
}

// registryMessage returns the error of a registry in the words of docker.
func registryMessage(err error) string {
	var refused *transport.Error
	if !errors.As(err, &refused) || len(refused.Errors) == 0 {
		return err.Error()
	}
	first := refused.Errors[0]
	return strings.ToLower(strings.ReplaceAll(string(first.Code), "_", " ")) + ": " + first.Message
}
