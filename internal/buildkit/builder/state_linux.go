package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/layercache/layercache/internal/buildkit/private"
	"github.com/layercache/layercache/internal/buildkit/toolchain/volatile"
)

// stateParents are tried in this order until overlay mounts work. In CodeBuild the root of the container is
// an overlay, which does not support further overlay mounts, and /var/lib/docker is a volume.
var stateParents = []string{"/var/lib/layercache", filepath.Join(os.TempDir(), "layercache"), "/var/lib/docker/layercache"}

// StateDirs returns the folders that can hold the state of native builders. They need not exist.
func StateDirs() []string { return slices.Clone(stateParents) }

// state is the folder of one builder. It is locked while its process runs, so a later builder can distinguish
// a folder in use from one that a crash left behind.
type state struct {
	dir         string
	snapshotter string
	// isVolatile is true if overlays can be mounted so that they do not wait for the disk.
	isVolatile bool
	// noOverlay is the reason why the snapshotter is not overlayfs.
	noOverlay error
	lock      *os.File
}

func newState() (*state, error) {
	var problems []error
	for _, parent := range stateParents {
		s, err := newStateIn(parent)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if isVolatile, err := TryOverlay(s.dir); err == nil {
			s.snapshotter, s.isVolatile = "overlayfs", isVolatile
			return s, nil
		} else if errors.Is(err, unix.EPERM) {
			return nil, errors.Join(errors.New("mounting is not permitted: run privileged"), s.remove())
		} else {
			problems = append(problems, fmt.Errorf("overlay mounts do not work below %s: %w", parent, err), s.remove())
		}
	}
	s, err := newStateIn(stateParents[0])
	if err != nil {
		return nil, errors.Join(append(problems, err)...)
	}
	s.snapshotter, s.noOverlay = "native", errors.Join(problems...)
	return s, nil
}

func newStateIn(parent string) (*state, error) {
	parent, err := filepath.Abs(parent) // buildkitd has another working directory.
	if err != nil {
		return nil, err
	}
	if err := private.MakeDir(parent); err != nil {
		return nil, err
	}
	// One process at a time creates or removes folders here, so no new folder looks abandoned before it is
	// locked.
	parentLock, err := lockFile(filepath.Join(parent, "lock"), unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer parentLock.Close()
	discardAbandoned(parent)
	dir, err := os.MkdirTemp(parent, "builder-")
	if err != nil {
		return nil, err
	}
	lock, err := lockFile(filepath.Join(dir, "lock"), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &state{dir: dir, lock: lock}, nil
}

// lockFile opens or creates the file and locks it. Closing the file releases the lock.
func lockFile(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), how); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
	return file, nil
}

// TryOverlay creates an overlay mount in the folder and removes it. isVolatile is true if the kernel has overlays that do
// not wait for the disk (package volatile).
func TryOverlay(dir string) (isVolatile bool, err error) {
	base := filepath.Join(dir, "overlay-check")
	defer os.RemoveAll(base)
	var options []string
	for _, part := range []string{"lower", "upper", "work"} {
		if err := os.MkdirAll(filepath.Join(base, part), 0o700); err != nil {
			return false, err
		}
		options = append(options, part+"dir="+filepath.Join(base, part))
	}
	target := filepath.Join(base, "merged")
	if err := os.Mkdir(target, 0o700); err != nil {
		return false, err
	}
	mount := func(options ...string) error {
		return unix.Mount("overlay", target, "overlay", 0, strings.Join(options, ","))
	}
	isVolatile = mount(append(options, volatile.Option)...) == nil
	if !isVolatile {
		if err := mount(options...); err != nil {
			return false, err
		}
	}
	return isVolatile, unix.Unmount(target, 0)
}

func (s *state) path(name string) string { return filepath.Join(s.dir, name) }

// name returns the name of the builder in buildx, which is unique on this machine.
func (s *state) name() string { return "layercache-" + filepath.Base(s.dir) }

// address is where buildkitd accepts builds.
func (s *state) address() string { return "unix://" + s.path(daemonSocket) }

// register adds the builder to buildx's list.
func (s *state) register(ctx context.Context, options Options) error {
	_, err := run(options.Buildx.Command(ctx, options.Env, "create", "--name", s.name(), "--driver", "remote", s.address()))
	return err
}

// slowNote explains why the builder copies files instead of mounting them; empty if it mounts them.
func (s *state) slowNote() string {
	if s.noOverlay == nil {
		return ""
	}
	return fmt.Sprintf("slow, because snapshotter %q copies all files: %s", s.snapshotter, strings.ReplaceAll(s.noOverlay.Error(), "\n", " and "))
}
