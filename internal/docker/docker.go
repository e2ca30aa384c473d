// Package docker is `layercache docker`, which takes the place of docker in a job. It builds images with the cache, and
// keeps them in a store until they are pushed. It answers the commands about these images, and leaves everything else to
// the docker of the machine, after it has loaded the images that docker needs.
//
//   - commandline reads the arguments and decides what layercache may answer.
//   - store keeps the images.
//   - real finds the docker of the machine.
//
// What is answered here has the output and the exit status of docker 28. Lines of layercache itself are on the standard
// error and begin with its name.
package docker

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/layercache/layercache/internal/docker/commandline"
	"github.com/layercache/layercache/internal/docker/store"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/variables"
)

// Request is one call of docker.
type Request struct {
	Args []string
	// LookupEnv reads the environment, in the form of os.LookupEnv.
	LookupEnv func(string) (string, bool)
	Stdin     io.Reader
	Stdout    io.Writer
	Stderr    io.Writer
	// Build runs a build and writes its reports. It returns the digest of the image.
	Build func(context.Context, Build) (digest string, err error)
	// Bake builds targets of a bake file, and writes the reports. It returns the digests of the images by target.
	Bake func(context.Context, Bake) (digests map[string]string, err error)
}

// Build is a build that a call of docker asks for.
type Build struct {
	// Args are the arguments of `docker buildx build`.
	Args []string
	// Settings are the LAYERCACHE_* variables.
	Settings variables.Settings
	// ChooseOutput is handed to run.Request; nil if the arguments say where the image goes.
	ChooseOutput func(run.Destination) string
}

// Status is the exit status of a call that failed. What is to be said has been said.
type Status int

func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// The exit statuses of docker.
const (
	failed = 1
	// noDocker is the status of a shell that does not find a program.
	noDocker = 127
)

// docker answers one call.
type docker struct {
	Request
	call  commandline.Call
	store *store.Store
	// images are those in the store when the call began.
	images []store.Image
}

// Run answers a call of docker. A failure of the command is a Status. If docker answers, Run does not return on Unix.
func Run(ctx context.Context, request Request) error {
	d := docker{Request: request, call: commandline.Parse(request.Args)}
	if d.call.Config != "" {
		// Everything that signs in reads the variable: buildx, its credential helpers, and the registry client.
		if err := os.Setenv("DOCKER_CONFIG", d.call.Config); err != nil {
			return err
		}
	}
	if err := d.openStore(); err != nil {
		if d.call.Kind != commandline.Docker {
			return err
		}
		d.say("docker does not get the images that layercache built: %v", err)
	}
	if err := d.unnameReplaced(ctx); err != nil {
		if d.call.Kind != commandline.Docker {
			return err
		}
		d.say(replacedUnknown, err)
	}
	return d.answer(ctx)
}

// openStore opens the store and reads the list of its images.
func (d *docker) openStore() (err error) {
	dir, _ := jobFolder(d.LookupEnv)
	if d.store, err = store.Open(dir); err != nil {
		return err
	}
	d.images, err = d.store.Images()
	return err
}

func (d *docker) answer(ctx context.Context) error {
	switch d.call.Kind {
	case commandline.Build:
		return d.build(ctx)
	case commandline.Bake:
		return d.bake(ctx, Bake{Args: d.call.Args, Stdin: d.Stdin})
	case commandline.Compose:
		return d.compose(ctx)
	case commandline.PushServices:
		return d.pushServices(ctx)
	case commandline.Tag:
		return d.tag(ctx)
	case commandline.Push:
		return d.push(ctx)
	case commandline.Inspect:
		return d.inspect(ctx)
	case commandline.Images:
		return d.list(ctx)
	case commandline.Remove:
		return d.remove(ctx)
	case commandline.Login:
		return d.login(ctx)
	case commandline.Logout:
		return d.logout(ctx)
	}
	return d.delegate(ctx, d.call.Why)
}

// find returns the index of the kept image with that name or ID, or -1.
func (d *docker) find(name string) int { return store.Find(d.images, name) }

// ours returns how many of the names are kept images.
func (d *docker) ours(names []string) int {
	count := 0
	for _, name := range names {
		if d.find(name) >= 0 {
			count++
		}
	}
	return count
}

// say writes a line of layercache.
func (d *docker) say(format string, args ...any) {
	fmt.Fprintln(d.Stderr, "layercache: "+escape.Line(fmt.Sprintf(format, args...)))
}

// fail writes an error as docker does, and returns the status.
func (d *docker) fail(status int, format string, args ...any) error {
	fmt.Fprintln(d.Stderr, escape.Line(fmt.Sprintf(format, args...)))
	return Status(status)
}

// lookup returns the value of a variable, or "".
func (d *docker) lookup(name string) string {
	value, _ := d.LookupEnv(name)
	return value
}

// commandName returns the words of the call, such as "image ls".
func (d *docker) commandName() string {
	name := ""
	for _, word := range d.call.Words {
		name += " " + word
	}
	return cmp.Or(name, " "+fmt.Sprint(d.Args))[1:]
}
