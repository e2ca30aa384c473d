package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/layercache/layercache/internal/buildkit/bake"
	"github.com/layercache/layercache/internal/docker/store"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/variables"
)

// Bake is a call of bake that a call of docker asks for.
type Bake struct {
	// Args are the arguments of `docker buildx bake`.
	Args []string
	// Settings are the LAYERCACHE_* variables.
	Settings variables.Settings
	// Push is true if images are pushed at once, which then have the attestations that buildx adds.
	Push bool
	// Stdin is the standard input of buildx.
	Stdin io.Reader
	// Files are the files of which the bake file on the standard input was made.
	Files []string
	// PlaceTarget chooses where the image of a target goes.
	PlaceTarget func(run.PlacedTarget, run.Destination) (run.Placement, error)
}

// placed is a target of bake.
type placed struct {
	run.PlacedTarget
	// names are the names of the image, complete.
	names []string
	// intake takes the image, and offers base images. It is nil if the target needs neither.
	intake *store.Intake
	// kept is true if the intake takes the image.
	kept bool
}

// bake builds targets with the cache. Images that docker would keep are kept in the store, none if a
// target fails.
func (d *docker) bake(ctx context.Context, call Bake) error {
	var err error
	call.Settings, err = variables.FromEnv(d.LookupEnv)
	if err := errors.Join(report.Clear(call.Settings.ReportDir), err); err != nil {
		return err
	}
	args := bake.ParseArgs(call.Args)
	if args.OnlyReads() || args.OnlyChecks() {
		_, err := d.Bake(ctx, call)
		return err
	}
	if !call.Push && !args.Has("push") && !args.Has("provenance") && !args.Has("sbom") {
		call.Settings.Attestations = variables.AttestationsNone // As in build: those of a target itself hold.
	}
	var targets []*placed
	defer func() {
		for _, t := range targets {
			t.close()
		}
	}()
	call.PlaceTarget = func(target run.PlacedTarget, destination run.Destination) (run.Placement, error) {
		index := slices.IndexFunc(targets, func(t *placed) bool { return t.Name == target.Name })
		if index < 0 {
			names, err := completeNames(target.Tags)
			if err != nil {
				return run.Placement{}, fmt.Errorf("target %s: %w", target.Name, err)
			}
			targets, index = append(targets, &placed{PlacedTarget: target, names: names}), len(targets)
		}
		return d.place(ctx, targets[index], destination)
	}
	digests, err := d.Bake(ctx, call)
	if err != nil {
		for _, t := range targets {
			d.sayProblem(t.intake)
		}
		return err
	}
	return errors.Join(d.keepTargets(ctx, targets, digests), nameTargets(args.Value("metadata-file"), targets))
}

// place chooses where the image of the target goes. A builder that cannot hand images over loads it into docker.
func (d *docker) place(ctx context.Context, t *placed, destination run.Destination) (run.Placement, error) {
	t.kept = t.Loads && destination.Builder == variables.BuilderNative
	var placement run.Placement
	if destination.Builder != variables.BuilderNative {
		return placement, nil
	}
	if t.intake == nil && t.kept {
		intake, err := d.store.Take(ctx)
		if err != nil {
			return placement, err
		}
		t.intake = intake
	}
	var err error
	if t.intake, placement.Contexts, err = d.offerBases(ctx, t.Args, t.intake); err != nil || !t.kept {
		return placement, err
	}
	d.lookIn(t.intake, destination)
	placement.Image = t.intake.Ref()
	return placement, nil
}

func (t *placed) close() {
	if t.intake != nil {
		_ = t.intake.Close()
	}
}

// keepTargets keeps the images that were built. Names of images that docker has now are taken from older ones.
func (d *docker) keepTargets(ctx context.Context, targets []*placed, digests map[string]string) error {
	var loaded []string
	for _, t := range targets {
		if !t.kept && t.Loads {
			loaded = append(loaded, t.names...)
		}
		if !t.kept {
			continue
		}
		if _, err := t.intake.Keep(ctx, digests[t.Name], t.names); err != nil {
			return fmt.Errorf("target %s: %w", t.Name, err)
		}
	}
	if len(loaded) == 0 {
		return nil
	}
	return d.store.Change(ctx, func(images []store.Image) ([]store.Image, error) { return store.Unname(images, loaded...), nil })
}

// nameTargets is nameImage for the metadata file of bake, which has a part for each target.
func nameTargets(path string, targets []*placed) error {
	return editMetadata(path, func(metadata map[string]json.RawMessage) error {
		for _, t := range targets {
			part := map[string]json.RawMessage{}
			if content, found := metadata[t.Name]; !found || !t.kept || json.Unmarshal(content, &part) != nil {
				continue
			}
			if err := setNames(part, t.names); err != nil {
				return err
			}
			content, err := json.Marshal(part)
			if err != nil {
				return err
			}
			metadata[t.Name] = content
		}
		return nil
	})
}

// editMetadata changes buildx's metadata file, if there is one.
func editMetadata(path string, change func(map[string]json.RawMessage) error) error {
	if info, err := os.Stat(path); path == "" || err != nil || !info.Mode().IsRegular() {
		return nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	metadata := map[string]json.RawMessage{}
	if err := json.Unmarshal(content, &metadata); err != nil {
		return err
	}
	if err := change(metadata); err != nil {
		return err
	}
	if content, err = json.MarshalIndent(metadata, "", "  "); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
