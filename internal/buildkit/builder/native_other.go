//go:build !linux

package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

var errNotLinux = errors.New("buildkitd runs on Linux only: use Docker")

func startNative(context.Context, Options) (*Builder, error) {
	return nil, errNotLinux
}

// Connect fails: only Linux has a native builder.
func Connect(context.Context, Options, Daemon, Link) (*Builder, error) { return nil, errNotLinux }

// StateDirs returns nothing: only Linux has a native builder.
func StateDirs() []string { return nil }

func lacksOnlyBuildkitd() bool { return false }

// blockDockerAPI does nothing: steps run in a virtual machine here, and not on this machine's network.
func blockDockerAPI(context.Context) error { return nil }

// FirstProcess fails: only Linux has a native builder.
func FirstProcess(_ []string, stderr io.Writer) (exitStatus int) {
	fmt.Fprintf(stderr, "layercache: %v\n", errNotLinux)
	return 1
}

// startWithParent is never called: only Linux has the OCI runtime.
func startWithParent(*exec.Cmd) error { return errNotLinux }
