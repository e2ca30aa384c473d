package builder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/valyala/fastjson"
)

const (
	// stepRuntime is the name under which buildkitd calls this program as its OCI runtime.
	stepRuntime = "buildkit-runc"
	// machineRuntime is the OCI runtime that this program then executes in its place.
	machineRuntime = "runc"
	// rawSockets is the capability that is removed from steps. They share the machine's network, where it
	// would let them read and forge all traffic, such as the answer of CodeBuild's credentials endpoint. It
	// is the only capability of BuildKit's steps that reaches beyond a step's own connections.
	//
	// https://man7.org/linux/man-pages/man7/capabilities.7.html
	rawSockets = "CAP_NET_RAW"
	// maxOOMScore makes the kernel kill a process before all others when memory runs out. Only a process with
	// CAP_SYS_RESOURCE can lower its score, and steps do not have it.
	//
	// https://docs.kernel.org/filesystems/proc.html#proc-pid-oom-adj-proc-pid-oom-score-adj-adjust-the-oom-killer-score
	maxOOMScore = "1000"
	// traceSocket is where BuildKit mounts the socket of its trace collector into steps. The collector trusts
	// what it gets: one malformed span ends buildkitd, and many spans fill its memory.
	//
	// https://github.com/moby/buildkit/blob/v0.34.2/executor/oci/spec_linux.go
	traceSocket = "/dev/otel-grpc.sock"
)

// traceVariables are the variables with which BuildKit points programs in steps to traceSocket.
//
// https://github.com/moby/buildkit/blob/v0.34.2/executor/oci/spec.go
var traceVariables = []string{
	"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=unix://" + traceSocket, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc",
}

// IsRuntime reports whether this program was called under the name of buildkitd's OCI runtime.
func IsRuntime(program string) bool { return filepath.Base(program) == stepRuntime }

// Runtime removes raw sockets and the trace collector from the step that buildkitd starts with these arguments,
// sets maxOOMScore, and executes runc in its place. It runs runc as a child instead if the step has cache mounts
// that are kept, and returns its exit status. Otherwise it returns only on failure; then no step was started.
func Runtime(arguments []string, stderr io.Writer) (exitStatus int) {
	err := restrict(arguments)
	if err == nil {
		exitStatus, err = becomeRuncWithMounts(arguments)
	}
	if err == nil {
		return exitStatus
	}
	fmt.Fprintf(stderr, "layercache: the step was not started, because it could not be restricted: %v (LAYERCACHE_BUILDER=docker does not need this)\n", err)
	return 1
}

func becomeRunc(arguments []string) error {
	runc, err := exec.LookPath(machineRuntime)
	if err != nil {
		return err
	}
	return fmt.Errorf("start %s: %w", runc, syscall.Exec(runc, append([]string{runc}, arguments...), os.Environ()))
}

// restrict restricts the process that runc is about to start: in the container's specification in the bundle,
// or in the file of a process that joins a container. Other commands of runc are not changed.
func restrict(arguments []string) error {
	command, rest, err := runcCommand(arguments)
	if err != nil {
		return err
	}
	switch command {
	case "run", "create":
		bundles := valuesOf(rest, "bundle", "b")
		if len(bundles) == 0 {
			bundles = []string{"."} // runc's default
		}
		for _, bundle := range bundles {
			err = errors.Join(err, rewrite(filepath.Join(bundle, "config.json"), "process"))
		}
	case "exec":
		files := valuesOf(rest, "process", "p")
		if len(files) == 0 {
			return errors.New("runc exec has no --process, the file with the capabilities of the process")
		}
		for _, file := range files {
			err = errors.Join(err, rewrite(file))
		}
	}
	return err
}

// globalFlags are runc's flags before its command; the value is true if the flag takes a value. Other flags
// are refused, because it would not be clear which word is the command.
var globalFlags = map[string]bool{
	"criu": true, "log": true, "log-format": true, "root": true, "rootless": true,
	"debug": false, "systemd-cgroup": false, "help": false, "h": false, "version": false, "v": false,
}

// runcCommand returns runc's command and the arguments after it.
func runcCommand(arguments []string) (command string, rest []string, err error) {
	for i := 0; i < len(arguments); i++ {
		if !strings.HasPrefix(arguments[i], "-") {
			return arguments[i], arguments[i+1:], nil
		}
		name, joined := flagName(arguments[i])
		takesValue, known := globalFlags[name]
		if !known {
			return "", nil, fmt.Errorf("unknown runc flag %s", arguments[i])
		}
		if takesValue && !joined {
			i++
		}
	}
	return "", nil, nil
}

// flagName returns the name of a flag without its dashes. joined is true for --name=value.
func flagName(flag string) (name string, joined bool) {
	name, _, joined = strings.Cut(strings.TrimPrefix(flag[1:], "-"), "=")
	return name, joined
}

// valuesOf returns the values of a flag with any of these names: --bundle DIR, --bundle=DIR, -b DIR.
func valuesOf(arguments []string, names ...string) []string {
	var values []string
	for i, argument := range arguments {
		if !strings.HasPrefix(argument, "-") {
			continue
		}
		name, joined := flagName(argument)
		switch {
		case !slices.Contains(names, name):
		case joined:
			values = append(values, argument[strings.Index(argument, "=")+1:])
		case i+1 < len(arguments):
			values = append(values, arguments[i+1])
		}
	}
	return values
}

// rewrite restricts the process at the path in a JSON file. The rest of the file does not change.
func rewrite(file string, path ...string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	restricted, err := restrictProcess(content, path...)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, restricted, 0o600)
}

// restrictProcess removes raw sockets from every capability set of the process, removes the trace collector, and
// sets maxOOMScore. Parts that do not have the form of OCI's specification are an error, because runc might read
// them differently.
//
// https://github.com/opencontainers/runtime-spec/blob/main/config.md#linux-process
func restrictProcess(content []byte, path ...string) ([]byte, error) {
	document, err := fastjson.ParseBytes(content)
	if err != nil {
		return nil, err
	}
	process := document.Get(path...)
	path = append(path, "capabilities")
	capabilities := document.GetObject(path...)
	if capabilities == nil {
		return nil, fmt.Errorf("%s is missing", strings.Join(path, "."))
	}
	capabilities.Visit(func(name []byte, set *fastjson.Value) {
		if problem := removeEntries(set, isRawSockets); problem != nil {
			err = errors.Join(err, fmt.Errorf("%s.%s: %w", strings.Join(path, "."), name, problem))
		}
	})
	if mounts := document.Get("mounts"); mounts != nil {
		err = errors.Join(err, removeEntries(mounts, isTraceMount))
	}
	if environment := process.Get("env"); environment != nil {
		err = errors.Join(err, removeEntries(environment, isTraceVariable))
	}
	process.Set("oomScoreAdj", fastjson.MustParse(maxOOMScore))
	return document.MarshalTo(nil), err
}

// removeEntries removes the entries of a list that match.
func removeEntries(list *fastjson.Value, matches func(*fastjson.Value) (bool, error)) error {
	entries, err := list.Array()
	if err != nil {
		return err
	}
	for i, entry := range slices.Backward(entries) {
		matched, err := matches(entry)
		if err != nil {
			return err
		}
		if matched {
			list.Del(strconv.Itoa(i))
		}
	}
	return nil
}

func isRawSockets(capability *fastjson.Value) (bool, error) {
	name, err := text(capability)
	return name == rawSockets, err
}

func isTraceMount(mount *fastjson.Value) (bool, error) {
	destination := mount.Get("destination")
	if destination == nil {
		return false, errors.New("a mount has no destination")
	}
	path, err := text(destination)
	return filepath.Clean(path) == traceSocket, err
}

func isTraceVariable(variable *fastjson.Value) (bool, error) {
	entry, err := text(variable)
	return slices.Contains(traceVariables, entry), err
}

// text returns the string of a JSON value. It does not call the value's own accessors: after those, fastjson
// writes control characters in Go's form, such as \x1b, which is not JSON.
func text(value *fastjson.Value) (string, error) {
	var s string
	err := json.Unmarshal(value.MarshalTo(nil), &s)
	return s, err
}
