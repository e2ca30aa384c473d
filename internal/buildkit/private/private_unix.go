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

// others are the permissions by which more than the owner can write, everybody those by which all can.
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
		return "it is no folder"
	case info.Mode().Perm()&others != 0:
		return fmt.Sprintf("its permissions are %v", info.Mode().Perm())
	case !trusted(ownerOf(info)):
		return fmt.Sprintf("it belongs to user %d", ownerOf(info))
	}
	return checkAbove(dir)
}

// checkAbove looks at the folders that the folder is in: who can write there can put another in its place, unless the sticky bit keeps
// everybody from touching what is not theirs.
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
			return fmt.Sprintf("everybody can write to %s", above)
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
		return "everybody can write to it"
	case !trusted(ownerOf(info), ownerOf(own)):
		return fmt.Sprintf("it belongs to user %d", ownerOf(info))
	}
	return ""
}

// trusted reports whether what the user owns is ours: root's, this process's, or that of the user who called it by sudo, or of one
// of the further users.
func trusted(owner int, further ...int) bool {
	users := append([]int{0, os.Geteuid()}, further...)
	if caller, err := strconv.Atoi(os.Getenv("SUDO_UID")); err == nil {
		users = append(users, caller)
	}
	return slices.Contains(users, owner)
}

func ownerOf(info os.FileInfo) int {
	return int(info.Sys().(*syscall.Stat_t).Uid)
}
