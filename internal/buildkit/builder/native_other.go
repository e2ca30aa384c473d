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

func lacksBuildkitd() bool { return false }

// shutDockerAPI has nothing to shut: steps are in a virtual machine here, and not on this machine's network.
func shutDockerAPI(context.Context) error { return nil }

// FirstProcess fails: nothing calls this program under the name firstProcess here.
func FirstProcess(_ []string, stderr io.Writer) (exitStatus int) {
	fmt.Fprintf(stderr, "layercache: %v\n", errNotLinux)
	return 1
}
