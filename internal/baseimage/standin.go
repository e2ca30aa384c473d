package baseimage

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// recipe describes the content of a stand-in.
type recipe struct {
	// origin describes the stand-in for people.
	origin string
	// key changes whenever the content changes.
	key    []string
	config v1.Config
	layers []func(*layer) error
}

// StandIn returns an image that replaces ref for Platform, and a short description of what it is made of. The error says
// what this machine lacks.
func StandIn(ctx context.Context, ref name.Reference) (v1.Image, string, error) {
	store, err := openStore()
	if err != nil {
		return nil, "", err
	}
	return standIn(ctx, store, ref)
}

func standIn(ctx context.Context, store store, ref name.Reference) (v1.Image, string, error) {
	made, err := recipeFor(ctx, path.Base(ref.Context().RepositoryStr()))
	if err != nil {
		return nil, "", err
	}
	image, err := store.keep(made.digest(), func(dir string) (v1.Image, error) { return made.build(ctx, dir) })
	return image, made.origin, err
}

func recipeFor(ctx context.Context, repository string) (*recipe, error) {
	base, err := busyboxRecipe()
	if err != nil {
		return nil, err
	}
	switch repository {
	case "busybox", "alpine":
		return base, nil
	case "golang":
		return goRecipe(ctx, base)
	case "debian", "python", "maven", "rust":
		return debianRecipe(ctx, repository)
	default:
		return nil, fmt.Errorf("there is no stand-in for %q: only for golang, alpine, busybox, debian, python, maven and rust", repository)
	}
}

// recipeVersion is part of every key; increment it when the way recipes are built changes.
const recipeVersion = "1"

func (r *recipe) digest() string {
	hash := sha256.New()
	text, _ := json.Marshal(r.config)
	for _, part := range append([]string{recipeVersion, string(text)}, r.key...) {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	return fmt.Sprintf("%x", hash.Sum(nil))
}

// build writes the layers to dir and assembles the image.
func (r *recipe) build(ctx context.Context, dir string) (v1.Image, error) {
	image := v1.Image(empty.Image)
	config := &v1.ConfigFile{
		OS: Platform().OS, Architecture: Platform().Architecture, Config: r.config,
		RootFS: v1.RootFS{Type: "layers"},
	}
	image, err := mutate.ConfigFile(image, config)
	if err != nil {
		return nil, fmt.Errorf("baseimage: %w", err)
	}
	for i, fill := range r.layers {
		file := filepath.Join(dir, fmt.Sprintf("layer-%d.tar.gz", i))
		if err := writeLayer(ctx, file, fill); err != nil {
			return nil, fmt.Errorf("baseimage: %w", err)
		}
		content, err := tarball.LayerFromFile(file)
		if err != nil {
			return nil, fmt.Errorf("baseimage: %w", err)
		}
		step := mutate.Addendum{Layer: content, History: v1.History{CreatedBy: "layercache: " + r.origin, Created: v1.Time{Time: fixed}}}
		if image, err = mutate.Append(image, step); err != nil {
			return nil, fmt.Errorf("baseimage: %w", err)
		}
	}
	return image, nil
}

// setEnv sets NAME=VALUE in the image's environment.
func (r *recipe) setEnv(name, value string) {
	for i, pair := range r.config.Env {
		if strings.HasPrefix(pair, name+"=") {
			r.config.Env[i] = name + "=" + value
			return
		}
	}
	r.config.Env = append(r.config.Env, name+"="+value)
}
