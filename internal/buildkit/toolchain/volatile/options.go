// Package volatile mounts BuildKit's overlays in a form that does not wait for the disk.
//
// When an overlay is unmounted, which BuildKit does after every RUN and COPY, the kernel writes everything that is not yet
// on the disk below it. It also waits for the disk for each file of a lower layer that a step changes, as `chown -R` does.
// With the option "volatile" it does neither.
//
// layercache compiles this file into buildkitd: see toolchain.Buildkitd.
//
// https://docs.kernel.org/filesystems/overlayfs.html#volatile-mount
package volatile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// Variable is the variable of buildkitd that switches this on, with the value "1". The kernel has the option since
	// Linux 5.10; earlier ones refuse the mount.
	Variable = "VOLATILE_OVERLAYS"
	// Option is the option with which the kernel mounts an overlay so.
	Option = "volatile"
	// incompatible is what the kernel leaves in an overlay's work folder, so that nobody mounts the overlay again after a
	// crash. While it exists, no mount of the overlay succeeds.
	incompatible = "work/incompat"
)

// Options returns the options of an overlay that is about to be mounted, with Option if the overlay can be written to. It
// removes what an earlier mount of the overlay left there to refuse a second one. A second one is safe, because the machine
// has not crashed in between.
func Options(options []string) []string {
	workdir := ""
	for _, option := range options {
		if value, found := strings.CutPrefix(option, "workdir="); found {
			workdir = value
		}
	}
	if os.Getenv(Variable) != "1" || workdir == "" {
		return options
	}
	// If it cannot be removed, the mount fails and says so.
	_ = os.RemoveAll(filepath.Join(workdir, incompatible))
	return append(slices.Clone(options), Option)
}
