package builder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/layercache/layercache/internal/buildkit/private"
)

// stateParents are tried in order for a file system where overlay mounts work. In a CodeBuild build the container's own
// root is an overlay, on which no further one can be made; /var/lib/docker is a volume there.
var stateParents = []string{"/var/lib/layercache", filepath.Join(os.TempDir(), "layercache"), "/var/lib/docker/layercache"}

// state is the folder of one builder. It is locked while its owner lives, so that a later builder can tell what a crash
// left behind from what is in use.
type state struct {
	dir         string
	snapshotter string
	// noOverlay is why the snapshotter is not overlayfs.
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
		if err := tryOverlay(s.dir); err == nil {
			s.snapshotter = "overlayfs"
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
	parent, err := filepath.Abs(parent) // buildkitd runs in another folder.
	if err != nil {
		return nil, err
	}
	if err := private.MakeDir(parent); err != nil {
		return nil, err
	}
	// One helper at a time makes or clears folders here, so that none is taken for abandoned before its lock is held.
	turn, err := lockFile(filepath.Join(parent, "lock"), unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer turn.Close()
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

// lockFile opens the file, making it if need be, and takes its lock, which goes when the file is closed.
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

// tryOverlay makes one overlay mount and takes it away again.
func tryOverlay(dir string) error {
	base := filepath.Join(dir, "overlay-check")
	defer os.RemoveAll(base)
	var options []string
	for _, part := range []string{"lower", "upper", "work"} {
		if err := os.MkdirAll(filepath.Join(base, part), 0o700); err != nil {
			return err
		}
		options = append(options, part+"dir="+filepath.Join(base, part))
	}
	target := filepath.Join(base, "merged")
	if err := os.Mkdir(target, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("overlay", target, "overlay", 0, strings.Join(options, ",")); err != nil {
		return err
	}
	return unix.Unmount(target, 0)
}

func (s *state) path(name string) string { return filepath.Join(s.dir, name) }

// name is unique on this machine and valid as the name of a buildx builder.
func (s *state) name() string { return "layercache-" + filepath.Base(s.dir) }

// slow says that the builder copies files where others mount them, and why; empty when it mounts them.
func (s *state) slow() string {
	if s.noOverlay == nil {
		return ""
	}
	return fmt.Sprintf("with the slow snapshotter %q, because %s", s.snapshotter, strings.ReplaceAll(s.noOverlay.Error(), "\n", " and "))
}
