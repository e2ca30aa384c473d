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
		for _, name := range missing {
			if err := quiet(exec.CommandContext(ctx, path, "tag", image.Loaded[0], name)); err != nil {
				return err
			}
		}
	default:
		d.say("loading %s into docker, which `docker %s` needs", shownName(image), d.commandName())
		if err := d.sendTo(ctx, path, image); err != nil {
			return err
		}
	}
	loaded := append(slices.Clone(image.Names), image.ID.String())
	d.images[index].Loaded, d.images[index].InDocker = loaded, nil
	return d.store.Change(ctx, func(images []store.Image) ([]store.Image, error) {
		if i := slices.IndexFunc(images, func(other store.Image) bool { return other.Folder == image.Folder }); i >= 0 {
			images[i].Loaded, images[i].InDocker = loaded, nil
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
