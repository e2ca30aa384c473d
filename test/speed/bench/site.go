package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/layercache/layercache/internal/baseimage"
	"github.com/layercache/layercache/test/speed/bench/disk"
	"github.com/layercache/layercache/test/speed/bench/flow"
	"github.com/layercache/layercache/test/speed/bench/network"
	"github.com/layercache/layercache/test/speed/bench/registry"
	"github.com/layercache/layercache/test/speed/bench/workload"
)

const (
	loopbackKey = "loopback"
	distantKey  = "2ms"
	// mountsKey is loopback with a registry that mounts layers from other repositories.
	mountsKey = "mounts"
	// ecrKey is loopback with TLS and a sign-in.
	ecrKey = "ecr"
)

// distant is a registry in the same region: 2 ms round trip, 1 Gbit/s.
var distant = network.Conditions{RoundTrip: 2 * time.Millisecond, BytesPerSecond: 1e9 / 8}

// bases is the prefix of the base images in the registry.
const bases = "bases"

// site holds everything that the builds share.
type site struct {
	dir      string
	registry *registry.Registry
	proxy    *network.Proxy
	mounting *registry.Mounting
	signedIn *signedIn
	machine  *flow.Machine
	// ownDisks reports whether each build has its own file system; disk describes it for the page.
	ownDisks bool
	disk     string
	// origins describes the content of each base image; layers has the digests of all their layers.
	origins map[string]string
	layers  map[string]bool
	log     io.Writer
}

// open prepares the programs, the registry and the base images of the workloads.
func open(ctx context.Context, o options, chosen []cell, w io.Writer) (*site, error) {
	dir, err := os.MkdirTemp(o.dir, "lcbench-")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	s := &site{dir: dir, origins: map[string]string{}, layers: map[string]bool{}, log: io.Discard}
	if o.verbose {
		s.log = w
	}
	if err := s.ready(ctx, chosen, w); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *site) ready(ctx context.Context, chosen []cell, w io.Writer) error {
	var err error
	if s.machine, err = flow.Install(ctx, filepath.Join(s.dir, "machine"), os.Stderr); err != nil {
		return err
	}
	if err := s.tryDisk(ctx, w); err != nil {
		return err
	}
	if s.registry, err = registry.Start(filepath.Join(s.dir, "registry")); err != nil {
		return err
	}
	if s.mounting, err = s.registry.Mount(); err != nil {
		return err
	}
	if s.proxy, err = network.Listen(s.registry.Addr(), distant); err != nil {
		return err
	}
	if err := s.readySignedIn(chosen); err != nil {
		return err
	}
	for _, c := range chosen {
		work, err := workload.Named(c.Workload)
		if err != nil {
			return err
		}
		for _, name := range work.Bases {
			if s.origins[name] != "" {
				continue
			}
			if err := s.provide(ctx, name); err != nil {
				return fmt.Errorf("bench: base image %s: %w", name, err)
			}
			fmt.Fprintf(w, "base image %s: %s\n", name, s.origins[name])
		}
	}
	return nil
}

// tryDisk checks whether this machine can create a file system for each build.
func (s *site) tryDisk(ctx context.Context, w io.Writer) error {
	under := firstLine(ctx, "stat", "--file-system", "--format", "%T", s.dir)
	tried, err := disk.New(filepath.Join(s.dir, "disk"))
	if err != nil {
		fmt.Fprintf(w, "all builds share a file system, so files removed by one build slow down the next: %v\n", err)
		s.disk = "one file system for all builds (" + under + ")"
		return nil
	}
	s.ownDisks, s.disk = true, "a new ext4 file system for each build, in a file on "+under
	return tried.Close()
}

// readySignedIn starts the registry with a sign-in if any cell uses it.
func (s *site) readySignedIn(chosen []cell) error {
	var repositories []string
	for _, c := range chosen {
		if c.Network == ecrKey {
			repositories = append(repositories, repositoriesOf(seed{c, false})...)
		}
	}
	if repositories == nil {
		return nil
	}
	var err error
	s.signedIn, err = startSignedIn(filepath.Join(s.dir, "ecr"), repositories)
	return err
}

// provide puts both releases of a base image into the registry, the first one as latest.
func (s *site) provide(ctx context.Context, name string) error {
	if name == workload.Builder {
		return s.provideBuilder(ctx)
	}
	for _, release := range []int{2, 1} {
		image, origin, err := workload.Base(ctx, name, release)
		if err != nil {
			return err
		}
		s.origins[name] = origin
		place := s.base(name, fmt.Sprint(release))
		if err := s.registry.Put(ctx, place, image); err != nil {
			return err
		}
		if err := s.know(ctx, place); err != nil {
			return err
		}
	}
	return s.registry.Tag(ctx, s.base(name, "1"), "latest")
}

// know records the layers of a base image.
func (s *site) know(ctx context.Context, place string) error {
	image, _, err := s.registry.Image(ctx, place, baseimage.Platform())
	if err != nil {
		return err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return err
	}
	for _, layer := range manifest.Layers {
		s.layers[layer.Digest.String()] = true
	}
	return nil
}

// provideBuilder copies the first release of the platform image.
func (s *site) provideBuilder(ctx context.Context) error {
	if s.origins[workload.Platform] == "" {
		if err := s.provide(ctx, workload.Platform); err != nil {
			return err
		}
	}
	platform, _, err := s.registry.Image(ctx, s.base(workload.Platform, "1"), baseimage.Platform())
	if err != nil {
		return err
	}
	s.origins[workload.Builder] = s.origins[workload.Platform]
	return s.registry.Put(ctx, s.base(workload.Builder, "latest"), platform)
}

func (s *site) base(name, tag string) string { return bases + "/" + name + ":" + tag }

// release makes a release of a base image the latest.
func (s *site) release(ctx context.Context, name string, release int) error {
	return s.registry.Tag(ctx, s.base(name, fmt.Sprint(release)), "latest")
}

// hosts returns the registry hosts of images and caches, and of base images, on a network.
func (s *site) hosts(network string) (images, bases string) {
	switch network {
	case distantKey:
		return s.proxy.Addr(), s.proxy.Addr()
	case mountsKey:
		return s.mounting.Addr(), s.mounting.Addr()
	case ecrKey:
		return ecrHost, s.registry.Addr()
	default:
		return s.registry.Addr(), s.registry.Addr()
	}
}

func (s *site) close() error {
	var problems []error
	if s.proxy != nil {
		problems = append(problems, s.proxy.Close())
	}
	if s.mounting != nil {
		problems = append(problems, s.mounting.Close())
	}
	if s.signedIn != nil {
		problems = append(problems, s.signedIn.close())
	}
	if s.registry != nil {
		problems = append(problems, s.registry.Close())
	}
	return errors.Join(append(problems, os.RemoveAll(s.dir))...)
}
