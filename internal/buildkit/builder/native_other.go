//go:build !linux

package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
)

var errNotLinux = errors.New("buildkitd runs on Linux only")

func startNative(context.Context, Options) (*Builder, error) {
	return nil, errNotLinux
}

func lacksOnlyBuildkitd() bool { return false }

// blockDockerAPI does nothing: steps run in a virtual machine here, and not on this machine's network.
func blockDockerAPI(context.Context) error { return nil }

// FirstProcess fails: only Linux has a native builder.
func FirstProcess(_ []string, stderr io.Writer) (exitStatus int) {
	fmt.Fprintf(stderr, "layercache: %v\n", errNotLinux)
	return 1
}
