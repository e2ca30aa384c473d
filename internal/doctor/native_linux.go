package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/layercache/layercache/internal/buildkit/builder"
)

const (
	// usualBytes is the free space that builds of usual images need.
	usualBytes = 10 << 30
	// minBytes is the free space without which no build succeeds.
	minBytes = 1 << 30
)

// native checks the requirements of the native builder.
func native(ctx context.Context) []Check {
	checks := []Check{checkRoot(), checkRunc(ctx)}
	overlay, dir := checkOverlay()
	return append(checks, overlay, checkDisk(dir))
}

func checkRoot() Check {
	if os.Geteuid() == 0 {
		return Check{"privileges", OK, "root", ""}
	}
	return Check{"privileges", Warn, "not root: the native builder cannot run", "run as root; in CodeBuild, with privileged mode"}
}

func checkRunc(ctx context.Context) Check {
	runc, err := exec.LookPath("runc")
	if err != nil {
		return Check{"runc", Warn, "not on PATH: the native builder cannot run", "install the runc package"}
	}
	version, err := output(exec.CommandContext(ctx, runc, "--version"))
	if err != nil {
		return Check{"runc", Warn, runc + " does not run: " + err.Error(), "reinstall the runc package"}
	}
	state, found, fix := judgeRunc(version)
	check := Check{"runc", state, strings.TrimPrefix(version, "runc ") + ", " + runc, fix}
	if found != "" {
		check.Found += "; " + found
	}
	return check
}

// checkOverlay tries an overlay mount next to the folders for the builder's state, and returns the first place in which it
// works.
func checkOverlay() (Check, string) {
	var parents []string
	for _, dir := range builder.StateDirs() {
		parents = append(parents, filepath.Dir(dir))
	}
	if os.Geteuid() != 0 {
		return Check{"overlay", Skipped, "only root can mount", ""}, parents[0]
	}
	var problems []string
	for _, parent := range parents {
		isVolatile, err := tryOverlay(parent)
		switch {
		case err == nil && !isVolatile:
			return Check{"overlay", OK, "overlay mounts work in " + parent + "; each step waits for the disk, because the kernel refuses the option volatile, which Linux has since 5.10", ""}, parent
		case err == nil:
			return Check{"overlay", OK, "overlay mounts work in " + parent, ""}, parent
		case errors.Is(err, unix.EPERM):
			return Check{"overlay", Fail, "mounting is not permitted", "run privileged; in CodeBuild, with privileged mode"}, parents[0]
		case !errors.Is(err, os.ErrNotExist):
			problems = append(problems, fmt.Sprintf("in %s: %v", parent, err))
		}
	}
	return Check{"overlay", Warn, "overlay mounts do not work, so the builder copies layers, which is slow: " + strings.Join(problems, ", "),
		"mount a volume of ext4 or xfs at /var/lib/layercache"}, parents[0]
}

func tryOverlay(parent string) (isVolatile bool, err error) {
	dir, err := os.MkdirTemp(parent, "layercache-doctor-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	return builder.TryOverlay(dir)
}

func checkDisk(dir string) Check {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return Check{"disk", Skipped, fmt.Sprintf("%s: %v", dir, err), ""}
	}
	return freeSpace(stat.Bavail*uint64(stat.Bsize), dir)
}

func freeSpace(free uint64, dir string) Check {
	check := Check{"disk", OK, fmt.Sprintf("%.1f GiB free in %s", float64(free)/(1<<30), dir), ""}
	if free < usualBytes {
		check.State, check.Fix = Warn, "free disk space: builds of usual images need 10 GiB"
	}
	if free < minBytes {
		check.State = Fail
	}
	return check
}
