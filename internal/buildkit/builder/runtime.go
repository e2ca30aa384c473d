package builder

import (
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
	// stepRuntime is the name under which buildkitd has this program for its OCI runtime.
	stepRuntime = "buildkit-runc"
	// machineRuntime is the OCI runtime that this program becomes then.
	machineRuntime = "runc"
	// rawSockets is the capability that steps go without. They are on the machine's network, where it would let them read and
	// forge whatever goes over it, such as the answer of CodeBuild's credentials endpoint. It is the only one of those that
	// BuildKit gives to steps that reaches beyond a step's own connections.
	//
	// https://man7.org/linux/man-pages/man7/capabilities.7.html
	rawSockets = "CAP_NET_RAW"
	// firstToGo is the score with which the kernel kills a process before all others when memory runs out. Whoever has no
	// CAP_SYS_RESOURCE can only raise it, and steps have none.
	//
	// https://docs.kernel.org/filesystems/proc.html#proc-pid-oom-adj-proc-pid-oom-score-adj-adjust-the-oom-killer-score
	firstToGo = "1000"
)

// IsRuntime says that this program was called under the name of buildkitd's OCI runtime.
func IsRuntime(program string) bool { return filepath.Base(program) == stepRuntime }

// Runtime is runc as buildkitd calls it, for steps that have no raw sockets and are killed first when memory runs out. It returns only when something is wrong, and then no step
// was started: otherwise this process has become runc.
func Runtime(arguments []string, stderr io.Writer) (exitStatus int) {
	err := restrict(arguments)
	if err == nil {
		err = becomeRunc(arguments)
	}
	fmt.Fprintf(stderr, "layercache: runc was not called, because steps of the native builder have to go without %s: %v (LAYERCACHE_BUILDER=docker does without this)\n", rawSockets, err)
	return 1
}

func becomeRunc(arguments []string) error {
	runc, err := exec.LookPath(machineRuntime)
	if err != nil {
		return err
	}
	return fmt.Errorf("start %s: %w", runc, syscall.Exec(runc, append([]string{runc}, arguments...), os.Environ()))
}

// restrict restricts what runc is about to start: in the container's specification in the bundle, or in the file of the process
// that joins a container. Commands that start nothing are left alone.
func restrict(arguments []string) error {
	command, rest, err := runcCommand(arguments)
	if err != nil {
		return err
	}
	switch command {
	case "run", "create":
		bundles := valuesOf(rest, "bundle", "b")
		if len(bundles) == 0 {
			bundles = []string{"."} // As runc has it.
		}
		for _, bundle := range bundles {
			err = errors.Join(err, rewrite(filepath.Join(bundle, "config.json"), "process"))
		}
	case "exec":
		files := valuesOf(rest, "process", "p")
		if len(files) == 0 {
			return errors.New("runc exec has no --process, the file that says what the process may do")
		}
		for _, file := range files {
			err = errors.Join(err, rewrite(file))
		}
	}
	return err
}

// globalFlags are runc's flags before its command, and whether a value follows. With another one it would not be certain which
// word is the command.
var globalFlags = map[string]bool{
	"criu": true, "log": true, "log-format": true, "root": true, "rootless": true,
	"debug": false, "systemd-cgroup": false, "help": false, "h": false, "version": false, "v": false,
}

// runcCommand finds the command, and what follows it.
func runcCommand(arguments []string) (command string, rest []string, err error) {
	for i := 0; i < len(arguments); i++ {
		if !strings.HasPrefix(arguments[i], "-") {
			return arguments[i], arguments[i+1:], nil
		}
		name, joined := flagName(arguments[i])
		valued, known := globalFlags[name]
		if !known {
			return "", nil, fmt.Errorf("the flag %s of runc's is not known here", arguments[i])
		}
		if valued && !joined {
			i++
		}
	}
	return "", nil, nil
}

// flagName is the name of a flag with one dash or two, and whether a value is joined to it.
func flagName(flag string) (name string, joined bool) {
	name, _, joined = strings.Cut(strings.TrimPrefix(flag[1:], "-"), "=")
	return name, joined
}

// valuesOf are the values of a flag, by any of its names: --bundle DIR, --bundle=DIR, -b DIR.
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

// rewrite restricts the process at the path in a file of JSON. The rest of the file stays as it is.
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

// restrictProcess takes raw sockets from every set of the process's capabilities, and has it killed first when memory runs out.
// Capabilities that are not written as OCI's specification has them are an error, as whoever reads them otherwise might find more
// in them.
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
		return nil, fmt.Errorf("it has no %s", strings.Join(path, "."))
	}
	capabilities.Visit(func(name []byte, set *fastjson.Value) {
		if problem := removeFrom(set); problem != nil {
			err = errors.Join(err, fmt.Errorf("%s.%s: %w", strings.Join(path, "."), name, problem))
		}
	})
	process.Set("oomScoreAdj", fastjson.MustParse(firstToGo))
	return document.MarshalTo(nil), err
}

// removeFrom takes raw sockets from one set, however often they are in it.
func removeFrom(set *fastjson.Value) error {
	members, err := set.Array()
	if err != nil {
		return err
	}
	for i, member := range slices.Backward(members) {
		name, err := member.StringBytes()
		if err != nil {
			return err
		}
		if string(name) == rawSockets {
			set.Del(strconv.Itoa(i))
		}
	}
	return nil
}
