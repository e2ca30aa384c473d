package try

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/layercache/layercache/internal/baseimage"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/variables"
)

// useLocalImages puts the images that the Dockerfile needs into the temporary registry, and makes it the mirror of their
// registries, so that the builds pull nothing from elsewhere. An image comes from the local Docker; if that does not have
// it, a stand-in is made of this machine's software. The error names every image that this machine cannot provide.
func (t *trial) useLocalImages(ctx context.Context) error {
	content, err := os.ReadFile(t.options.Dockerfile)
	if err != nil {
		return fmt.Errorf("read the Dockerfile: %w", err)
	}
	content, changed := t.withoutFrontend(ctx, content)
	if changed {
		t.dockerfile = filepath.Join(t.private, "Dockerfile")
		if err := os.WriteFile(t.dockerfile, content, 0o600); err != nil {
			return err
		}
	}
	return t.useImagesOf(ctx, t.options.BuildArgs, t.options.Dockerfile, content)
}

// useImagesOf is useLocalImages for the Dockerfile of a build with the arguments.
func (t *trial) useImagesOf(ctx context.Context, args []string, file string, content []byte) error {
	images, err := run.Images(run.Request{Args: args, LookupEnv: os.LookupEnv}, content)
	if err != nil {
		return fmt.Errorf("--offline: read the base images in %s: %w", file, err)
	}
	var problems []error
	for _, image := range images {
		if err := t.useLocalImage(ctx, image); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// withoutFrontend returns the Dockerfile. If it names a frontend (`# syntax=`) that the local Docker does not have, that
// line is removed, so that the builder's own frontend is used, and changed is true.
func (t *trial) withoutFrontend(ctx context.Context, content []byte) (without []byte, changed bool) {
	frontend, _, at, named := parser.DetectSyntax(content)
	_, known := t.localImages[frontend]
	if !named || t.useLocalImage(ctx, frontend) == nil {
		return content, false
	}
	if !known {
		t.say("--offline: the frontend %s is not on this machine, the builder's own is used", escape.Line(frontend))
	}
	lines := bytes.SplitAfter(content, []byte("\n"))
	return bytes.Join(slices.Delete(lines, at[0].Start.Line-1, at[0].End.Line), nil), true
}

// useLocalImage puts one image into the temporary registry, once for all Dockerfiles that name it.
func (t *trial) useLocalImage(ctx context.Context, image string) error {
	if err, known := t.localImages[image]; known {
		return err
	}
	err := t.copyLocalImage(ctx, image)
	if t.localImages == nil {
		t.localImages = map[string]error{}
	}
	t.localImages[image] = err
	return err
}

func (t *trial) copyLocalImage(ctx context.Context, image string) error {
	ref, err := name.ParseReference(image)
	if err != nil {
		return fmt.Errorf("--offline: base image %s: %w", escape.Line(image), err)
	}
	tag, ok := ref.(name.Tag)
	if !ok {
		return fmt.Errorf("--offline: base image %s is pinned by digest, which an image of this machine may not have: leave out the digest, "+
			"or name an OCI layout: -- --build-context %s=oci-layout://DIR", image, image)
	}
	content, origin, err := t.localImage(ctx, tag)
	if err != nil {
		return fmt.Errorf("--offline: base image %s is not on this machine: %w; pull it once with `docker pull %s`, "+
			"or name an OCI layout: -- --build-context %s=oci-layout://DIR", image, err, image, image)
	}
	upstream := tag.RegistryStr()
	if upstream == name.DefaultRegistry {
		upstream = "docker.io"
	}
	place := "/bases/" + strings.ReplaceAll(upstream, ":", "-")
	target, err := name.NewTag(t.registry+place+"/"+tag.RepositoryStr()+":"+tag.TagStr(), name.Insecure)
	if err != nil {
		return err
	}
	if err := remote.Write(target, content, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("--offline: base image %s: %w", image, err)
	}
	mirror := variables.Mirror{Upstream: upstream, Location: t.host + place}
	if !slices.Contains(t.options.Settings.Mirrors, mirror) {
		t.options.Settings.Mirrors = append([]variables.Mirror{mirror}, t.options.Settings.Mirrors...)
	}
	t.say("base image %s: %s", image, origin)
	return nil
}

// localImage returns the image that the local Docker has, else a stand-in, and where it is from.
func (t *trial) localImage(ctx context.Context, tag name.Tag) (content v1.Image, origin string, err error) {
	content, inDocker := t.imageOfDocker(ctx, tag)
	if inDocker == nil {
		return content, "from the local Docker", nil
	}
	content, origin, err = baseimage.StandIn(ctx, tag)
	if err != nil {
		return nil, "", fmt.Errorf("%w; %w", inDocker, err)
	}
	return content, "a stand-in " + origin + ", so times differ from those with the real one", nil
}

// imageOfDocker returns an image of the local Docker.
func (t *trial) imageOfDocker(ctx context.Context, tag name.Tag) (v1.Image, error) {
	docker, err := exec.LookPath("docker")
	if err != nil {
		return nil, errors.New("docker is not on PATH")
	}
	dir, err := os.MkdirTemp(t.private, "")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "image.tar")
	if answer, err := exec.CommandContext(ctx, docker, "image", "save", "--output", file, tag.Name()).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("docker image save: %s", escape.Line(strings.TrimSpace(string(answer))))
	}
	return tarball.ImageFromPath(file, nil)
}

func (t *trial) say(format string, args ...any) {
	fmt.Fprintf(t.options.Stderr, "layercache: "+format+"\n", args...)
}
