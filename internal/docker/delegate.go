package docker

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/layercache/layercache/internal/docker/commandline"
	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/docker/store"
)

// delegate runs docker with the call's arguments, after loading the kept images that the call names. It says why, unless
// why is empty: then the command is none of layercache's.
func (d *docker) delegate(ctx context.Context, why string) error {
	path, err := real.Find()
	if err != nil {
		return d.withoutDocker()
	}
	if why != "" {
		d.say("docker answers this call: %s", why)
	}
	if err := d.loadNeeded(ctx, path); err != nil {
		return err
	}
	if d.call.MayReplaceImages() {
		if err := d.noteNames(ctx, path); err != nil {
			d.say("images that docker builds or pulls now are not considered: %v", err)
		}
	}
	if replaced := d.replaced(); len(replaced) > 0 {
		return d.delegateAndUnname(ctx, path, replaced)
	}
	return d.execDocker(ctx, path)
}

// execDocker replaces this process by docker with the call's arguments. It returns only if docker cannot be started, and
// on Windows.
func (d *docker) execDocker(ctx context.Context, path string) error {
	err := syscall.Exec(path, append([]string{"docker"}, d.Args...), os.Environ())
	if errors.Is(err, errors.ErrUnsupported) { // Windows
		return d.run(ctx, path, d.Args...)
	}
	return d.fail(noDocker, "layercache: start %s: %v", path, err)
}

// withoutDocker ends a call that only docker can answer.
func (d *docker) withoutDocker() error {
	if d.call.Kind == commandline.Docker && len(d.call.Words) == 0 {
		d.say("this is the docker of layercache: it answers build, tag, push, inspect, images and rmi for the images that it built, and leaves " +
			"everything else to the docker on PATH. There is none: install Docker for other commands")
		return Status(noDocker)
	}
	if d.call.Misuse != "" {
		return d.fail(d.call.Status, "%s", d.call.Misuse)
	}
	return d.fail(noDocker, "layercache: `docker %s` needs Docker, and no docker but layercache is on PATH: install Docker, or remove the call. "+
		"layercache itself answers build, tag, push, inspect, images, rmi, login and logout", d.commandName())
}

// interruptWait is how long docker may take to end after it was interrupted.
const interruptWait = 10 * time.Second

// run runs docker with other arguments, and passes its output on.
func (d *docker) run(ctx context.Context, path string, args ...string) error {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = d.Stdin, d.Stdout, d.Stderr
	// docker cancels the build in the daemon when it is interrupted, but not when it is killed.
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, interruptWait
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		return Status(max(exit.ExitCode(), failed))
	} else if err != nil {
		return d.fail(noDocker, "layercache: start %s: %v", path, err)
	}
	return nil
}

// replaced returns the names of kept images that the call gives to other images.
func (d *docker) replaced() []string {
	var names []string
	for _, name := range d.call.Replaces() {
		normal, err := store.Normalize(name)
		if err == nil && slices.ContainsFunc(d.images, func(image store.Image) bool { return slices.Contains(image.Names, normal) }) {
			names = append(names, normal)
		}
	}
	return names
}

// delegateAndUnname runs docker with the call's arguments, and takes the names from the kept images if it succeeds.
func (d *docker) delegateAndUnname(ctx context.Context, path string, names []string) error {
	if err := d.run(ctx, path, d.Args...); err != nil {
		return err
	}
	return d.store.Change(ctx, func(images []store.Image) ([]store.Image, error) { return store.Unname(images, names...), nil })
}

// needed returns the indexes of the kept images that the call may use: all if their names may be in a file, else those
// that an argument names.
func (d *docker) needed() []int {
	var needed []int
	for i, image := range d.images {
		if d.call.NeedsAllImages() && len(image.Names) > 0 || slices.ContainsFunc(d.call.Args, func(argument string) bool { return d.names(argument, i) }) {
			needed = append(needed, i)
		}
	}
	return needed
}

// shortID is the length of the IDs that docker prints. Shorter ones in the arguments of other commands are not taken as
// IDs, because they may be any word.
const shortID = 12

// names reports whether an argument, or the value of a flag in it, names the kept image with the index.
func (d *docker) names(argument string, index int) bool {
	if _, value, found := strings.Cut(argument, "="); found && strings.HasPrefix(argument, "-") {
		argument = value
	}
	if argument == "" || d.find(argument) != index {
		return false
	}
	id := strings.TrimPrefix(argument, "sha256:")
	return len(id) >= shortID || !strings.HasPrefix(d.images[index].ID.Hex, id)
}
