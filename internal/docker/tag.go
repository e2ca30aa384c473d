package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/docker/store"
)

// tag gives a kept image another name.
func (d *docker) tag(ctx context.Context) error {
	source, target := d.call.Names[0], d.call.Names[1]
	if d.find(source) < 0 {
		return d.delegateMissing(ctx, "Error response from daemon: No such image: "+withTag(source))
	}
	parsed, err := reference.ParseNormalizedNamed(target)
	if err != nil {
		return d.fail(failed, "Error parsing reference: %q is not a valid repository/tag: %v", target, err)
	}
	if _, isDigest := parsed.(reference.Digested); isDigest {
		return d.fail(failed, "refusing to create a tag with a digest reference")
	}
	normal := reference.TagNameOnly(parsed).String()
	return d.store.Change(ctx, func(images []store.Image) ([]store.Image, error) {
		index := store.Find(images, source)
		if index < 0 {
			return nil, d.fail(failed, "Error response from daemon: No such image: %s", withTag(source))
		}
		return store.Name(images, index, normal), nil
	})
}

// removal is what a call of rmi does.
type removal struct {
	images []store.Image
	// gone are the images without a name that were removed.
	gone []store.Image
	// lines are those that docker prints.
	lines []string
	// left are the names that docker removes: its own images, and kept ones that it has too.
	left []string
	// problem is why an image is not removed.
	problem string
}

// remove takes names from kept images, and removes those that have none left.
func (d *docker) remove(ctx context.Context) error {
	if d.ours(d.call.Names) == 0 {
		return d.delegateMissing(ctx, d.missing(d.call.Names)...)
	}
	if path, err := real.Find(); err == nil {
		if err := d.forgetRemoved(ctx, path); err != nil {
			return err
		}
	}
	var r removal
	err := d.store.Change(ctx, func(images []store.Image) ([]store.Image, error) {
		r = removal{images: images}
		for _, name := range d.call.Names {
			r.remove(name, d.call.Force)
		}
		return r.images, nil
	})
	if err != nil {
		return err
	}
	for _, image := range r.gone {
		if err := d.store.RemoveFiles(image); err != nil {
			d.say("remove the files of an image: %v", err)
		}
	}
	for _, line := range r.lines {
		fmt.Fprintln(d.Stdout, line)
	}
	if len(r.left) > 0 {
		err = d.removeInDocker(ctx, r.left)
	}
	if r.problem != "" {
		return d.fail(failed, "%s", r.problem)
	}
	return err
}

func (r *removal) remove(name string, force bool) {
	index := store.Find(r.images, name)
	if index < 0 {
		r.left = append(r.left, name)
		return
	}
	image := r.images[index]
	normal, _ := store.Normalize(name)
	byName := slices.Contains(image.Names, normal)
	if !byName && len(image.Names) > 1 && !force {
		r.problem = "Error response from daemon: conflict: unable to delete " + image.ID.Hex[:shortID] + " (must be forced) - image is referenced in multiple repositories"
		return
	}
	lost := slices.Clone(image.Names)
	if byName {
		lost = []string{normal}
	}
	if len(image.Loaded) > 0 && (!byName || slices.Contains(image.Loaded, normal)) {
		r.left = append(r.left, name)
	} else {
		r.report(image, lost)
	}
	r.images = store.Unname(r.images, lost...)
	if len(r.images[index].Names) == 0 {
		r.gone = append(r.gone, image)
		r.images = slices.Delete(r.images, index, index+1)
	}
}

// report adds the lines of docker for an image that loses names.
func (r *removal) report(image store.Image, lost []string) {
	for _, name := range lost {
		r.lines = append(r.lines, "Untagged: "+store.Familiar(name))
	}
	if len(lost) == len(image.Names) {
		r.lines = append(r.lines, "Deleted: "+image.ID.String())
	}
}

// removeInDocker lets docker remove the images with these names.
func (d *docker) removeInDocker(ctx context.Context, names []string) error {
	path, err := real.Find()
	if err != nil {
		return d.failMissing(d.missing(names)...)
	}
	args := []string{"rmi"}
	for _, argument := range d.call.Args {
		if strings.HasPrefix(argument, "-") {
			args = append(args, argument)
		}
	}
	return d.run(ctx, path, append(args, names...)...)
}

// missing returns docker's message for each name.
func (d *docker) missing(names []string) []string {
	var messages []string
	for _, name := range names {
		messages = append(messages, "Error response from daemon: No such image: "+withTag(name))
	}
	return messages
}

// delegateMissing delegates a call that names images that were not kept. Without a docker there are no such images, and it
// fails with the messages, which are docker's.
func (d *docker) delegateMissing(ctx context.Context, messages ...string) error {
	if _, err := real.Find(); err != nil {
		return d.failMissing(messages...)
	}
	return d.delegate(ctx, "")
}

func (d *docker) failMissing(messages ...string) error {
	for _, message := range messages {
		fmt.Fprintln(d.Stderr, message)
	}
	if d.call.Force {
		return nil
	}
	return Status(failed)
}

// withTag returns a name as it is in docker's messages, with the tag.
func withTag(name string) string {
	parsed, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name
	}
	return reference.FamiliarString(reference.TagNameOnly(parsed))
}
