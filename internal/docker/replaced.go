package docker

import (
	"context"
	"os/exec"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/docker/commandline"
	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/docker/store"
)

// replacedUnknown is what layercache says if it cannot tell which names docker gave to other images.
const replacedUnknown = "images that docker has built or pulled in the meantime are not considered: %v"

// noteNames notes which images docker has with the names of kept images, before a call of docker that may give the
// names to others. That call may end at any time and in any way, so the next call of layercache looks what it did:
// unnameReplaced. It does not notice a call that gives a name to the image that docker had under it before.
func (d *docker) noteNames(ctx context.Context, path string) error {
	ids, err := d.idsInDocker(ctx, path)
	if err != nil || len(ids) == 0 {
		return nil // The daemon does not answer, so it replaces nothing.
	}
	return d.store.Change(ctx, func(images []store.Image) ([]store.Image, error) {
		for i := range images {
			noted := map[string]string{}
			for _, name := range images[i].Names {
				if id, asked := ids[name]; asked {
					noted[name] = id
				}
			}
			for name, id := range images[i].InDocker {
				noted[name] = id // An earlier call may still run.
			}
			images[i].InDocker = noted
		}
		return images, nil
	})
}

// unnameReplaced takes from kept images the names that docker gave to other images since noteNames. It asks docker only if
// there are such notes and the call is about kept images.
func (d *docker) unnameReplaced(ctx context.Context) error {
	noted := func(image store.Image) bool { return len(image.InDocker) > 0 }
	switch {
	case !slices.ContainsFunc(d.images, noted),
		d.call.Kind == commandline.Login, d.call.Kind == commandline.Logout,
		d.call.Kind == commandline.Docker && !d.call.MayReplaceImages() && len(d.needed()) == 0:
		return nil
	}
	path, err := real.Find()
	if err != nil {
		return nil
	}
	ids, err := d.idsInDocker(ctx, path)
	if err != nil {
		d.say(replacedUnknown, err)
		return nil
	}
	replaced := func(images []store.Image) []string {
		var names []string
		for _, image := range images {
			for name, id := range image.InDocker {
				if ids[name] != "" && ids[name] != id {
					names = append(names, name)
				}
			}
		}
		return names
	}
	if len(replaced(d.images)) == 0 {
		return nil
	}
	return d.store.Change(ctx, func(images []store.Image) ([]store.Image, error) {
		d.images = store.Unname(images, replaced(images)...)
		return d.images, nil
	})
}

// idsInDocker returns the IDs of the images that docker has with the names of kept images, by name; "" for none.
func (d *docker) idsInDocker(ctx context.Context, path string) (map[string]string, error) {
	ids := map[string]string{}
	var filters []string
	for _, image := range d.images {
		for _, name := range image.Names {
			ids[name] = ""
			filters = append(filters, "--filter", "reference="+store.Familiar(name))
		}
	}
	if len(ids) == 0 {
		return ids, nil
	}
	listed, err := listDocker(ctx, path, filters...)
	if err != nil {
		return nil, err
	}
	for _, image := range listed {
		ids[image.name] = image.id
	}
	return ids, nil
}

// listed is an image that docker has. The name is empty if it has none.
type listed struct{ name, id string }

// listDocker returns an image for each name in docker's list, and for each without a name.
func listDocker(ctx context.Context, path string, flags ...string) ([]listed, error) {
	args := []string{"image", "ls", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"}
	cmd := exec.CommandContext(ctx, path, append(args, flags...)...)
	var stdout strings.Builder
	cmd.Stdout = &stdout
	if err := quiet(cmd); err != nil {
		return nil, err
	}
	var images []listed
	for line := range strings.Lines(stdout.String()) {
		name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		normal, _ := store.Normalize(name)
		images = append(images, listed{normal, id})
	}
	return images, nil
}

// forgetRemoved removes the notes that docker has kept images under names that it no longer has, for example after
// `docker image prune`.
func (d *docker) forgetRemoved(ctx context.Context, path string) error {
	if !slices.ContainsFunc(d.images, func(image store.Image) bool { return len(image.Loaded) > 0 }) {
		return nil
	}
	list, err := listDocker(ctx, path, "--all")
	if err != nil {
		return nil // The daemon does not answer, so nothing is known.
	}
	removed := func(note string) bool {
		return !slices.ContainsFunc(list, func(image listed) bool { return image.name == note || image.id == note })
	}
	if !slices.ContainsFunc(d.images, func(image store.Image) bool { return slices.ContainsFunc(image.Loaded, removed) }) {
		return nil
	}
	forget := func(images []store.Image) ([]store.Image, error) {
		for i := range images {
			images[i].Loaded = slices.DeleteFunc(images[i].Loaded, removed)
		}
		return images, nil
	}
	d.images, _ = forget(d.images)
	return d.store.Change(ctx, forget)
}
