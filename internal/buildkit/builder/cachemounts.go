package builder

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// mountsSocket is the name of the socket in the state folder at which the program that started the builder waits
// for steps with cache mounts. It does not exist if cache mounts are not kept.
const mountsSocket = "mounts.sock"

// stepMessage is what the OCI runtime sends before a step: the command and the mounts of the step, as they are in the
// bundle.
type stepMessage struct {
	Process struct {
		Args []string `json:"args"`
	} `json:"process"`
	Mounts []bundleMount `json:"mounts"`
}

// bundleMount is a mount in a bundle's configuration.
//
// https://github.com/opencontainers/runtime-spec/blob/main/config.md#mounts
type bundleMount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options"`
}

// readyMessage is the answer, once the cache mounts are ready. Without cache mounts Await is false, and nobody waits
// for the end of the step.
type readyMessage struct {
	Await bool `json:"await"`
}

// endMessage is what the OCI runtime sends after the step. A connection that ends without it means that the
// step was killed.
type endMessage struct {
	Succeeded bool `json:"succeeded"`
}

// errNoAnswer is the error of a step whose mounts may be half-restored, because the program that restores them was killed.
var errNoAnswer = errors.New("layercache ended while it restored the cache mounts of this step")

// becomeRuncWithMounts is becomeRunc for a step that may have cache mounts, which are made ready before runc starts. It
// returns only on failure, or when a step with cache mounts has ended. A mount that cannot be restored is not a failure.
func becomeRuncWithMounts(arguments []string) (exitStatus int, err error) {
	connection, err := announceMounts(arguments)
	if errors.Is(err, errNoAnswer) {
		return 1, err
	}
	if err != nil || connection == nil {
		return 1, becomeRunc(arguments)
	}
	defer connection.Close()
	exitStatus, err = runRunc(arguments)
	if err == nil {
		_ = json.NewEncoder(connection).Encode(endMessage{Succeeded: exitStatus == 0})
	}
	return exitStatus, err
}

// announceMounts sends the mounts of the step that is about to start, and waits until they are ready. It returns nil
// if there is nothing to wait for.
func announceMounts(arguments []string) (net.Conn, error) {
	command, rest, err := runcCommand(arguments)
	if err != nil || command != "run" {
		return nil, err
	}
	bundles := valuesOf(rest, "bundle", "b")
	if len(bundles) != 1 {
		return nil, nil
	}
	state := filepath.Dir(filepath.Dir(os.Args[0]))
	content, err := os.ReadFile(filepath.Join(bundles[0], "config.json"))
	if err != nil {
		return nil, err
	}
	var step stepMessage
	if err := json.Unmarshal(content, &step); err != nil {
		return nil, err
	}
	if !mayHaveCacheMounts(step.Mounts, state) {
		return nil, nil
	}
	connection, err := net.Dial("unix", filepath.Join(state, mountsSocket))
	if err != nil {
		return nil, err
	}
	var ready readyMessage
	err = errors.Join(json.NewEncoder(connection).Encode(step), json.NewDecoder(bufio.NewReader(connection)).Decode(&ready))
	if err != nil {
		return nil, errors.Join(errNoAnswer, connection.Close())
	}
	if !ready.Await {
		return nil, connection.Close()
	}
	return connection, nil
}

// mayHaveCacheMounts reports whether one of the mounts is in BuildKit's state or its temporary folder. Those are cache
// mounts and bind mounts of other stages.
func mayHaveCacheMounts(mounts []bundleMount, state string) bool {
	for _, mount := range mounts {
		if mount.Type == "bind" && strings.HasPrefix(mount.Source, state+"/") {
			return true
		}
	}
	return false
}

// runRunc runs runc as a child, and passes signals on to it.
func runRunc(arguments []string) (exitStatus int, err error) {
	path, err := exec.LookPath(machineRuntime)
	if err != nil {
		return 1, err
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals)
	runc := exec.Command(path, arguments...)
	runc.Stdin, runc.Stdout, runc.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := startWithParent(runc); err != nil {
		return 1, fmt.Errorf("start %s: %w", path, err)
	}
	go func() {
		for received := range signals {
			if received != syscall.SIGCHLD && received != syscall.SIGURG {
				_ = runc.Process.Signal(received)
			}
		}
	}()
	err = runc.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	return 0, err
}
