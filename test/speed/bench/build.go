package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/layercache/layercache/internal/baseimage"
	"github.com/layercache/layercache/test/speed/bench/disk"
	"github.com/layercache/layercache/test/speed/bench/flow"
	"github.com/layercache/layercache/test/speed/bench/registry"
	"github.com/layercache/layercache/test/speed/bench/workload"
)

// seed is a cold build of a flow whose content of the registry other phases start from.
type seed struct {
	cell
	linked bool
}

// seedOf returns the seed that a cell starts from.
func seedOf(c cell) (seed, error) {
	p, err := phaseNamed(c.Phase)
	c.Phase = cold
	return seed{c, p.linked}, err
}

// repository returns the repository of the cell's image; its cache is in the one named REPOSITORY-cache.
func (s seed) repository() string {
	name := s.Network + "/" + s.Workload + "/" + s.Flow
	if s.linked {
		name += "-link"
	}
	return name
}

const tag = "latest"

// build runs a cell once on the current content of the registry and checks the result.
func (s *site) build(ctx context.Context, c cell, linked bool, token string) (m measurement, err error) {
	f, err := flow.Named(c.Flow)
	if err != nil {
		return measurement{}, err
	}
	work, err := workload.Named(c.Workload)
	if err != nil {
		return measurement{}, err
	}
	p, err := phaseNamed(c.Phase)
	if err != nil {
		return measurement{}, err
	}
	repository := seed{c, linked}.repository()
	host, baseHost := s.hosts(c.Network)
	first := workload.Revision{Bases: baseHost + "/" + bases, Source: workload.First, Dependencies: workload.First, Linked: linked}
	revision := first
	p.change(&revision, token)
	dir, remove, err := s.place()
	if err != nil {
		return measurement{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	build := flow.Build{
		Dir: dir, Context: filepath.Join(dir, "context"), Image: host + "/" + repository, Tag: tag, Cache: host + "/" + repository + "-cache",
		Branch: p.branch, Log: s.log, Small: first.Bases + "/" + workload.Small + ":latest",
	}
	if build.Branch == "" {
		build.Branch = "main"
	}
	write := func(r workload.Revision) error {
		err := work.Write(build.Context, r)
		if err == nil && f.Unmounted {
			err = workload.RemoveMounts(build.Context)
		}
		return err
	}
	starting := revision
	if f.Warm {
		starting, build.Advance = first, func() error { return write(revision) }
	}
	if err := errors.Join(write(starting), s.release(ctx, work.Changing, p.release)); err != nil {
		return measurement{}, err
	}
	if c.Network == ecrKey {
		s.signedIn.place(&build, f)
	}
	before, err := s.registry.Archives(ctx, repository+"-cache")
	if err != nil {
		return measurement{}, err
	}
	mark := s.mark(c.Network)
	result, err := f.Run(ctx, s.machine, build)
	if err != nil {
		return measurement{}, err
	}
	log := s.registry.Since(mark.log)
	m = measurement{
		cell: c, Seconds: result.Seconds, Parts: result.Parts, Verdict: result.Verdict, StepsRun: result.StepsRun, PeakBytes: result.PeakBytes,
		Traffic: registry.TrafficOf(log, s.layers),
	}
	after, err := s.registry.Archives(ctx, repository+"-cache")
	if err != nil {
		return measurement{}, err
	}
	m.Mounts = registry.MountTrafficOf(log, before, after)
	if !s.pushed(c.Network, mark, repository) {
		return m, fmt.Errorf("bench: %v: the build succeeded but pushed no image", c)
	}
	if m.Verdict != "" && !p.right(work, m.Verdict) {
		return m, fmt.Errorf("bench: %v: the verdict is %q, expected one of %v", c, m.Verdict, p.verdicts)
	}
	return m, s.prove(ctx, c.Network, repository, work, revision)
}

// place returns a folder for a build, on its own file system where this machine supports that, and a function
// that removes it.
func (s *site) place() (dir string, remove func() error, err error) {
	dir = filepath.Join(s.dir, "build")
	if !s.ownDisks {
		return dir, func() error { return os.RemoveAll(dir) }, nil
	}
	d, err := disk.New(dir)
	if err != nil {
		return "", nil, err
	}
	return d.Path(), d.Close, nil
}

// mark is a position in the registries' lists of requests.
type mark struct {
	log      registry.Mark
	signedIn int
}

func (s *site) mark(network string) mark {
	m := mark{log: s.registry.Now()}
	if network == ecrKey {
		m.signedIn = s.signedIn.mark()
	}
	return m
}

// pushed reports whether the repository received its image since the mark.
func (s *site) pushed(network string, since mark, repository string) bool {
	if network == ecrKey {
		return s.signedIn.pushed(since.signedIn, repository)
	}
	return registry.Pushed(s.registry.Since(since.log), repository, tag)
}

// image returns the current image of a repository.
func (s *site) image(ctx context.Context, network, repository string) (v1.Image, error) {
	if network == ecrKey {
		return s.signedIn.image(ctx, repository)
	}
	image, missing, err := s.registry.Image(ctx, repository+":"+tag, baseimage.Platform())
	if missing {
		return nil, fmt.Errorf("bench: %s: the registry has no image", repository)
	}
	return image, err
}

// prove checks that the image contains the source that was built.
func (s *site) prove(ctx context.Context, network, repository string, work workload.Workload, revision workload.Revision) error {
	image, err := s.image(ctx, network, repository)
	if err != nil {
		return fmt.Errorf("bench: %s: the image cannot be pulled: %w", repository, err)
	}
	if work.Proof == "" {
		return nil
	}
	got, err := newest(image, work.Proof)
	if err != nil {
		return fmt.Errorf("bench: %s: %w", repository, err)
	}
	if got != revision.Source {
		return fmt.Errorf("bench: %s: the image was built from source %q, not %q", repository, got, revision.Source)
	}
	return nil
}

// newest returns the content of a file of an image, from the last layer that has it.
func newest(image v1.Image, path string) (string, error) {
	layers, err := image.Layers()
	if err != nil {
		return "", err
	}
	for i := len(layers) - 1; i >= 0; i-- {
		content, found, err := find(layers[i], path)
		if err != nil || found {
			return content, err
		}
	}
	return "", fmt.Errorf("the image has no %s", path)
}

func find(layer v1.Layer, path string) (content string, found bool, err error) {
	stream, err := layer.Uncompressed()
	if err != nil {
		return "", false, err
	}
	defer stream.Close()
	for archive := tar.NewReader(stream); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return "", false, nil
		}
		if err != nil {
			return "", false, err
		}
		if strings.TrimPrefix(header.Name, "/") == path {
			read, err := io.ReadAll(archive)
			return strings.TrimSpace(string(read)), true, err
		}
	}
}
