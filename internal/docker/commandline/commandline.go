// Package commandline reads the command lines of docker, and decides which of them layercache answers. Those that it
// does not know, in every detail, are left to docker.
package commandline

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Kind is what a command line asks for.
type Kind string

// The kinds of command lines that layercache answers for its own images, and Docker for all others.
const (
	Build   Kind = "build"
	Bake    Kind = "bake"
	Compose Kind = "compose"
	// PushServices is `docker compose push`.
	PushServices Kind = "compose push"
	Tag          Kind = "tag"
	Push         Kind = "push"
	Inspect      Kind = "inspect"
	Images       Kind = "images"
	Remove       Kind = "remove"
	Login        Kind = "login"
	Logout       Kind = "logout"
	Docker       Kind = "docker"
)

// Call is one call of docker.
type Call struct {
	Kind Kind
	// Words are the words of the command, such as "image", "ls". They are empty for a call without a command.
	Words []string
	// Why is why docker answers a command that layercache answers in other forms.
	Why string
	// Config is the folder given with --config.
	Config string
	// Args are the arguments after the words of the command. For Build and Bake they are as for
	// `docker buildx build` and `docker buildx bake`.
	Args []string
	// Compose are the flags and arguments of `docker compose build`.
	Compose ComposeBuild
	// Push are the flags and arguments of `docker compose push`.
	Push ComposePush
	// Names are the arguments of Tag, Push, PushServices, Inspect, Images, Remove, Login and Logout that are not flags.
	Names []string
	// Format is given with --format, and Filters with --filter.
	Format  string
	Filters []string
	// Quiet, All, NoTrunc, Digests, Force and Size are the flags of these names.
	Quiet, All, NoTrunc, Digests, Force, Size bool
	// Misuse is what is wrong with a command line that docker refuses, and Status its exit status.
	Misuse string
	Status int
	// OfImages is true if Inspect is for images alone, whose messages differ.
	OfImages bool
	// Username and Password are given to Login; PasswordStdin is true if the password comes from the standard input.
	Username, Password string
	PasswordStdin      bool
}

// groups are the commands that have commands below them, as far as layercache has to know those.
var groups = []string{"image", "container", "buildx", "builder"}

// kinds maps the words of a command to its kind.
var kinds = map[string]Kind{
	"build": Build, "image build": Build, "builder build": Build, "buildx build": Build, "buildx b": Build,
	"buildx bake": Bake, "buildx f": Bake,
	"tag": Tag, "image tag": Tag,
	"push": Push, "image push": Push,
	"inspect": Inspect, "image inspect": Inspect,
	"images": Images, "image ls": Images, "image list": Images,
	"rmi": Remove, "image rm": Remove, "image rmi": Remove, "image remove": Remove,
	"login": Login, "logout": Logout,
}

// readers read the flags of a kind of command. They report false for flags and arguments that docker is to answer.
var readers = map[Kind]func(*Call) bool{
	Build: readBuild, Bake: readBake, Tag: readTag, Push: readPush, Inspect: readInspect, Images: readImages, Remove: readRemove,
	Login: readLogin, Logout: readLogout,
}

// Parse reads the arguments of a call of docker.
func Parse(args []string) Call {
	var call Call
	rest, ok := call.readGlobal(args)
	if !ok || len(rest) == 0 {
		return call.forDocker(call.Why)
	}
	call.Words, rest = rest[:1], rest[1:]
	if slices.Contains(groups, call.Words[0]) {
		rest = call.readGroup(rest)
	}
	call.Args = append(call.Args, rest...)
	if call.Words[0] == "compose" {
		return call.readCompose()
	}
	kind, known := kinds[strings.Join(call.Words, " ")]
	if !known {
		return call.forDocker("")
	}
	if asksForHelp(call.Args) {
		return call.forDocker("")
	}
	call.Kind = kind
	if !readers[kind](&call) {
		return call.forDocker(call.Why)
	}
	return call
}

// forDocker returns the call as one that docker is to answer.
func (c Call) forDocker(why string) Call {
	return Call{Kind: Docker, Words: c.Words, Config: c.Config, Args: c.Args, Why: why, Misuse: c.Misuse, Status: c.Status}
}

// readGlobal reads the flags before the command, and returns the arguments after them.
//
// https://docs.docker.com/reference/cli/docker/
func (c *Call) readGlobal(args []string) (rest []string, ok bool) {
	flags := newFlags()
	flags.SetInterspersed(false)
	flags.StringVar(&c.Config, "config", "", "")
	flags.BoolP("debug", "D", false, "")
	flags.StringP("log-level", "l", "", "")
	for _, name := range []string{"host", "context"} {
		flags.StringArrayP(name, map[string]string{"host": "H", "context": "c"}[name], nil, "")
	}
	for _, name := range []string{"tls", "tlsverify"} {
		flags.Bool(name, false, "")
	}
	for _, name := range []string{"tlscacert", "tlscert", "tlskey"} {
		flags.String(name, "", "")
	}
	if flags.Parse(args) != nil {
		return nil, false
	}
	for _, name := range []string{"host", "context", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey"} {
		if flags.Changed(name) {
			c.Why = "--" + name + " selects another docker daemon"
			return nil, false
		}
	}
	return flags.Args(), true
}

// readGroup reads the flags between a group and its command, and the command. buildx and builder have --builder, which
// becomes a flag of the command.
func (c *Call) readGroup(args []string) (rest []string) {
	flags := newFlags()
	flags.SetInterspersed(false)
	builder := flags.String("builder", "", "")
	flags.BoolP("debug", "D", false, "")
	if c.Words[0] == "image" || c.Words[0] == "container" || flags.Parse(args) != nil {
		_ = flags.Parse(nil)
	} else {
		args = flags.Args()
	}
	if len(args) == 0 {
		return nil
	}
	if flags.Changed("builder") {
		c.Args = append(c.Args, "--builder="+*builder)
	}
	c.Words = append(c.Words, args[0])
	return args[1:]
}

func asksForHelp(args []string) bool {
	return slices.Contains(args, "--help") || len(args) == 1 && args[0] == "-h"
}

// The exit statuses of docker for wrong flags and for a wrong number of arguments.
const (
	wrongFlag  = 125
	wrongCount = 1
)

// parse parses the arguments of a command into the flags, and takes from least to most names. It reports false if docker
// refuses them.
func (c *Call) parse(flags *pflag.FlagSet, least, most int, need string) bool {
	if err := flags.Parse(c.Args); err != nil {
		c.Misuse, c.Status = err.Error(), wrongFlag
		return false
	}
	c.Names = flags.Args()
	if len(c.Names) < least || len(c.Names) > most {
		c.Misuse, c.Status = "docker: 'docker "+strings.Join(c.Words, " ")+"' requires "+need, wrongCount
		return false
	}
	return true
}

// newFlags returns flags that report errors to the caller only.
func newFlags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.Usage = func() {}
	flags.SetOutput(discard{})
	return flags
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
