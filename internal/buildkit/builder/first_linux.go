package builder

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// FirstProcess mounts the /proc of its own PID namespace, which runc needs to find the processes that it starts, and becomes the
// program that arguments name. It returns only when one of them failed.
func FirstProcess(arguments []string, stderr io.Writer) (exitStatus int) {
	err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err != nil {
		fmt.Fprintf(stderr, "layercache: mount /proc for buildkitd: %v\n", err)
		return 1
	}
	fmt.Fprintf(stderr, "layercache: start %s: %v\n", arguments[0], syscall.Exec(arguments[0], arguments, os.Environ()))
	return 1
}
