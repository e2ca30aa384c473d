//go:build unix

package private

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// others are the write permissions of group and world, everyone that of the world alone.
const (
	others   = 0o022
	everyone = 0o002
)

func checkDir(dir string) string {
	info, err := os.Lstat(dir)
	if err != nil {
		return err.Error()
	}
	switch {
	case !info.IsDir():
		return "it is not a folder"
	case info.Mode().Perm()&others != 0:
		return fmt.Sprintf("others can write to it (%v)", info.Mode().Perm())
	case !trusted(ownerOf(info)):
		return fmt.Sprintf("it belongs to user %d", ownerOf(info))
	}
	return checkAbove(dir)
}

// checkAbove checks the folders above: a user who can write to them could replace the folder, unless the
// sticky bit prevents that.
func checkAbove(dir string) string {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err.Error()
	}
	above, err := filepath.EvalSymlinks(filepath.Dir(absolute))
	if err != nil {
		return err.Error()
	}
	for {
		info, err := os.Lstat(above)
		switch {
		case err != nil:
			return err.Error()
		case info.Mode().Perm()&everyone != 0 && info.Mode()&os.ModeSticky == 0:
			return fmt.Sprintf("everyone can write to %s", above)
		case !trusted(ownerOf(info)):
			return fmt.Sprintf("%s belongs to user %d", above, ownerOf(info))
		}
		if above == filepath.Dir(above) {
			return ""
		}
		above = filepath.Dir(above)
	}
}

func checkProgram(program, executable string) string {
	info, err := os.Stat(program)
	if err != nil {
		return err.Error()
	}
	own, err := os.Stat(executable)
	if err != nil {
		return err.Error()
	}
	switch {
	case info.Mode().Perm()&everyone != 0:
		return "everyone can write to it"
	case !trusted(ownerOf(info), ownerOf(own)):
		return fmt.Sprintf("it belongs to user %d", ownerOf(info))
	}
	return ""
}

// trusted reports whether the owner is root, the user of this process, the user who called sudo, or one of
// the additional users.
func trusted(owner int, additional ...int) bool {
	users := append([]int{0, os.Geteuid()}, additional...)
	if caller, err := strconv.Atoi(os.Getenv("SUDO_UID")); err == nil {
		users = append(users, caller)
	}
	return slices.Contains(users, owner)
}

func ownerOf(info os.FileInfo) int {
	return int(info.Sys().(*syscall.Stat_t).Uid)
}
