package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/layercache/layercache/internal/docker/store"
)

// loadNeeded loads the kept images that the call may use into the docker daemon.
func (d *docker) loadNeeded(ctx context.Context, path string) error {
	return d.loadAll(ctx, path, d.needed())
}

// loadAll loads the kept images with the indexes.
func (d *docker) loadAll(ctx context.Context, path string, indexes []int) error {
	if len(indexes) == 0 {
		return nil
	}
	if err := d.forgetRemoved(ctx, path); err != nil {
		return err
	}
	for _, index := range indexes {
		if err := d.load(ctx, path, index); err != nil {
			return d.fail(failed, "layercache: load %s into docker: %v", shownName(d.images[index]), err)
		}
	}
	return nil
}

// load loads a kept image, unless the daemon has it with all its names.
func (d *docker) load(ctx context.Context, path string, index int) error {
	image := d.images[index]
	missing := slices.DeleteFunc(slices.Clone(image.Names), func(name string) bool { return slices.Contains(image.Loaded, name) })
	switch {
	case len(image.Names) == 0 && slices.Contains(image.Loaded, image.ID.String()) || len(image.Names) > 0 && len(missing) == 0:
		return nil
	case len(image.Loaded) > 0:
		if err := d.removeNotes(ctx, image, missing); err != nil {
			return err
		}
		for _, name := range missing {
			if err := quiet(exec.CommandContext(ctx, path, "tag", image.Loaded[0], name)); err != nil {
				return err
			}
		}
	default:
		if err := d.removeNotes(ctx, image, image.Names); err != nil {
			return err
		}
		d.say("loading %s into docker, which `docker %s` needs", shownName(image), d.commandName())
		if err := d.sendTo(ctx, path, image); err != nil {
			return err
		}
	}
	d.images[index].Loaded = append(slices.Clone(image.Names), image.ID.String())
	return d.store.Change(ctx, func(images []store.Image) ([]store.Image, error) {
		if i := slices.IndexFunc(images, func(other store.Image) bool { return other.Folder == image.Folder }); i >= 0 {
			still := func(name string) bool { return slices.Contains(images[i].Names, name) }
			images[i].Loaded = append(slices.DeleteFunc(slices.Clone(image.Names), func(name string) bool { return !still(name) }), image.ID.String())
		}
		return images, nil
	})
}

// removeNotes removes what noteNames noted of names that docker is about to have for the kept image. Another call would
// take the names from it otherwise, because docker has an image with them that it did not have before.
func (d *docker) removeNotes(ctx context.Context, image store.Image, names []string) error {
	if len(image.InDocker) == 0 {
		return nil
	}
	return d.store.Change(ctx, func(images []store.Image) ([]store.Image, error) {
		if i := slices.IndexFunc(images, func(other store.Image) bool { return other.Folder == image.Folder }); i >= 0 {
			for _, name := range names {
				delete(images[i].InDocker, name)
			}
		}
		return images, nil
	})
}

// sendTo writes the image to `docker load`.
func (d *docker) sendTo(ctx context.Context, path string, image store.Image) error {
	keychain, err := d.keychain(ctx, image.Sources())
	if err != nil {
		d.say("%v", err)
	}
	content, err := d.store.Content(image, keychain).Runnable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, "load", "--quiet")
	reader, writer := io.Pipe()
	cmd.Stdin = reader
	go func() { writer.CloseWithError(writeArchive(writer, image, content)) }()
	err = quiet(cmd)
	_ = reader.Close()
	return err
}

// writeArchive writes an archive for `docker load`.
func writeArchive(w io.Writer, image store.Image, content v1.Image) error {
	references := map[name.Reference]v1.Image{}
	for _, named := range image.Names {
		tag, err := name.NewTag(named)
		if err != nil {
			return err
		}
		references[tag] = content
	}
	if len(references) == 0 {
		// go-containerregistry writes no names for a digest.
		unnamed, err := name.NewDigest("layercache@" + image.ID.String())
		if err != nil {
			return err
		}
		references[unnamed] = content
	}
	return tarball.MultiRefWrite(references, w)
}

// quiet runs a command. The error has what it wrote to its standard error.
func quiet(cmd *exec.Cmd) error {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("docker %s: %s (%w)", cmd.Args[1], strings.TrimSpace(stderr.String()), err)
	}
	return nil
}

// shownName returns a name of the image, or its short ID.
func shownName(image store.Image) string {
	if len(image.Names) > 0 {
		return store.Familiar(image.Names[0])
	}
	return image.ID.Hex[:shortID]
}
