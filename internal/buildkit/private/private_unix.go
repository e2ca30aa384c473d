//go:build unix

package private

import (
	"errors"
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

func checkDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	switch {
	case !info.IsDir():
		return errors.New("it is not a folder")
	case info.Mode().Perm()&others != 0:
		return fmt.Errorf("others can write to it (%v)", info.Mode().Perm())
	case !trusted(ownerOf(info)):
		return fmt.Errorf("it belongs to user %d", ownerOf(info))
	}
	return checkAbove(dir)
}

// checkAbove checks the folders above: a user who can write to them could replace the folder, unless the
// sticky bit prevents that.
func checkAbove(dir string) error {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	above, err := filepath.EvalSymlinks(filepath.Dir(absolute))
	if err != nil {
		return err
	}
	for {
		info, err := os.Lstat(above)
		switch {
		case err != nil:
			return err
		case info.Mode().Perm()&everyone != 0 && info.Mode()&os.ModeSticky == 0:
			return fmt.Errorf("everyone can write to %s", above)
		case !trusted(ownerOf(info)):
			return fmt.Errorf("%s belongs to user %d", above, ownerOf(info))
		}
		if above == filepath.Dir(above) {
			return nil
		}
		above = filepath.Dir(above)
	}
}

func checkProgram(program, executable string) error {
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	own, err := os.Stat(executable)
	if err != nil {
		return err
	}
	switch {
	case info.Mode().Perm()&everyone != 0:
		return errors.New("everyone can write to it")
	case !trusted(ownerOf(info), ownerOf(own)):
		return fmt.Errorf("it belongs to user %d", ownerOf(info))
	}
	return nil
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
