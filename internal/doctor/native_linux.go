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
)

// stateParents are the folders in which the native builder looks for a file system for its state.
var stateParents = []string{"/var/lib", os.TempDir(), "/var/lib/docker"}

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

// checkOverlay tries an overlay mount in the folders for the builder's state, and returns the first in which
// it works.
func checkOverlay() (Check, string) {
	if os.Geteuid() != 0 {
		return Check{"overlay", Skipped, "only root can mount", ""}, stateParents[0]
	}
	var problems []string
	for _, parent := range stateParents {
		err := tryOverlay(parent)
		switch {
		case err == nil:
			return Check{"overlay", OK, "overlay mounts work in " + parent, ""}, parent
		case errors.Is(err, unix.EPERM):
			return Check{"overlay", Fail, "mounting is not permitted", "run privileged; in CodeBuild, with privileged mode"}, stateParents[0]
		case !errors.Is(err, os.ErrNotExist):
			problems = append(problems, fmt.Sprintf("in %s: %v", parent, err))
		}
	}
	return Check{"overlay", Warn, "overlay mounts do not work, so the builder copies layers, which is slow: " + strings.Join(problems, ", "),
		"mount a volume of ext4 or xfs at /var/lib/layercache"}, stateParents[0]
}

func tryOverlay(parent string) error {
	dir, err := os.MkdirTemp(parent, "layercache-doctor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, part := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, part), 0o700); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	if err := unix.Mount("overlay", filepath.Join(dir, "merged"), "overlay", 0, options); err != nil {
		return err
	}
	return unix.Unmount(filepath.Join(dir, "merged"), 0)
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
