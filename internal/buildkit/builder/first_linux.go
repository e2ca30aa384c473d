package builder

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// FirstProcess mounts the /proc of its own PID namespace, which runc needs to find its processes, and
// executes arguments in its place. It returns only on failure.
func FirstProcess(arguments []string, stderr io.Writer) (exitStatus int) {
	err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err != nil {
		fmt.Fprintf(stderr, "layercache: mount /proc for buildkitd: %v\n", err)
		return 1
	}
	// The kernel keeps for each thread which signal the end of its parent gives it, and an execution in place keeps that of
	// the calling thread, which need not be the one that Pdeathsig has set it for.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		fmt.Fprintf(stderr, "layercache: make buildkitd end with this build: %v\n", err)
		return 1
	}
	fmt.Fprintf(stderr, "layercache: start %s: %v\n", arguments[0], syscall.Exec(arguments[0], arguments, os.Environ()))
	return 1
}
