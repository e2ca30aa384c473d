package docker

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/docker/store"
)

// composeProject is what Compose prints of its files.
type composeProject struct {
	Services map[string]composeService `json:"services"`
}

type composeService struct {
	Image string `json:"image"`
	Build *struct {
		Tags []string `json:"tags"`
	} `json:"build"`
}

// names returns the names that Compose pushes: those of a service that is built and has a name in the file.
func (s composeService) names() []string {
	if s.Build == nil || s.Image == "" {
		return nil
	}
	return append([]string{s.Image}, s.Build.Tags...)
}

// pushServices pushes the kept images of Compose's services. Docker pushes the services of which an image is not kept.
func (d *docker) pushServices(ctx context.Context) error {
	path, err := real.Find()
	if err != nil {
		return d.withoutDocker()
	}
	project, err := d.composeProject(ctx, path)
	if err != nil {
		d.say("docker answers this call: %v", err)
		return d.execDocker(ctx, path)
	}
	var ours, foreign []string
	for _, service := range slices.Sorted(maps.Keys(project.Services)) {
		names := project.Services[service].names()
		chosen := len(d.call.Names) == 0 || d.call.Push.Dependencies || slices.Contains(d.call.Names, service)
		switch {
		case !chosen || len(names) == 0:
		case !slices.ContainsFunc(names, func(name string) bool { return store.FindName(d.images, name) < 0 }):
			ours = append(ours, names...)
		default:
			foreign = append(foreign, service)
		}
	}
	if len(ours) == 0 && len(foreign) == 0 {
		return d.execDocker(ctx, path)
	}
	if err := d.pushNames(ctx, ours); err != nil || len(foreign) == 0 {
		return err
	}
	return d.pushForeign(ctx, path, project, foreign)
}

// composeProject asks Compose for the services, and their images.
//
// https://github.com/docker/compose/blob/v5.1.2/pkg/compose/push.go
func (d *docker) composeProject(ctx context.Context, path string) (composeProject, error) {
	var project composeProject
	printed, err := askCompose(ctx, path, slices.Concat(d.call.Push.Before, []string{"config", "--format", "json"}, d.call.Names)...)
	if err != nil || json.Unmarshal(printed, &project) != nil {
		return project, errors.New("docker compose config does not say what to push")
	}
	return project, nil
}

// pushNames pushes kept images. As Compose does, it shows their progress on the standard error.
func (d *docker) pushNames(ctx context.Context, names []string) error {
	d.Stdout = d.Stderr
	var failure error
	for _, name := range names {
		normal, err := store.Normalize(name)
		if err == nil {
			d.print("The push refers to repository [%s]", store.Repository(normal))
			err = d.pushOne(ctx, normal)
		}
		if err != nil {
			failure = errors.Join(failure, d.fail(failed, "%s: %s", name, registryMessage(err)))
		}
	}
	if failure == nil || d.call.Push.IgnoreFailures {
		return nil
	}
	return Status(failed)
}

// pushForeign lets docker push the services, after it was given their kept images.
func (d *docker) pushForeign(ctx context.Context, path string, project composeProject, services []string) error {
	d.say("docker pushes the images that layercache did not build: services %s", strings.Join(services, ", "))
	var kept []int
	for _, service := range services {
		for _, name := range project.Services[service].names() {
			if index := store.FindName(d.images, name); index >= 0 {
				kept = append(kept, index)
			}
		}
	}
	if err := d.loadAll(ctx, path, kept); err != nil {
		return err
	}
	return d.run(ctx, path, slices.Concat([]string{"compose"}, d.call.Push.Before, []string{"push"}, d.call.Push.Flags, services)...)
}
