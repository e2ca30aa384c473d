package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// sharedNote tells in the line about the builder that other builds may use it.
const sharedNote = "shared with the builds of this job"

// Connect returns a builder whose daemon is run by another process, and which other builds may use at the same time.
// Closing it leaves the daemon running. A build with Options.Mounts serves the cache mounts of the daemon's steps, and
// starts with none.
func Connect(ctx context.Context, options Options, daemon Daemon, link Link) (*Builder, error) {
	s := &state{dir: daemon.Dir, snapshotter: daemon.Snapshotter}
	b := &Builder{Kind: "native", Name: s.name(), ExportsCache: true, configured: true, note: joinNotes(sharedNote, daemon.Note), daemon: daemon}
	b.process = &process{pid: daemon.PID, exited: link.Exited, socket: s.path(daemonSocket), failure: link.Failure, kill: link.Kill}
	if err := s.register(ctx, options); err != nil {
		return nil, err
	}
	if options.Mounts == nil {
		b.close = link.Leave
		return b, nil
	}
	stopServing, err := s.serveSharedMounts(ctx, options, daemon.PID, link.Used)
	if err != nil {
		return nil, err
	}
	b.close = func() error { return errors.Join(stopServing(), link.Leave()) }
	return b, nil
}

// serveSharedMounts serves the cache mounts of a daemon that builds share. It removes those of earlier builds before, so
// that each build finds only what it restores itself.
func (s *state) serveSharedMounts(ctx context.Context, options Options, pid int, used bool) (stop func() error, err error) {
	if used {
		_, err := run(options.Buildx.Command(ctx, options.Env, "prune", "--builder", s.name(), "--force", "--all", "--filter", "type=exec.cachemount"))
		if err != nil {
			return nil, fmt.Errorf("remove the cache mounts of earlier builds: %w", err)
		}
	}
	temp, err := os.MkdirTemp(s.path("tmp"), "build-")
	if err != nil {
		return nil, err
	}
	// A build that was killed has left its socket.
	if err := os.Remove(s.path(mountsSocket)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(err, os.RemoveAll(temp))
	}
	mounts, err := serveMounts(s, options.Mounts(temp), pid)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(temp))
	}
	return func() error {
		mounts.abandon()
		return os.RemoveAll(temp)
	}, nil
}
