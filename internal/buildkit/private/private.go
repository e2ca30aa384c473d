// Package private creates folders for programs and files of layercache, and refuses folders and programs that
// other users could have created or can change: every user can write to the usual $TMPDIR.
package private

import (
	"fmt"
	"os"
)

// MakeDir creates the folder if it does not exist, and checks it.
func MakeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return CheckDir(dir)
}

// CheckDir returns an error if the folder is a link, belongs to another user, or can be changed or replaced
// by others.
func CheckDir(dir string) error {
	if err := checkDir(dir); err != nil {
		return fmt.Errorf("folder %s is not safe to use: %w; remove it", dir, err)
	}
	return nil
}

// CheckProgram returns an error if the program belongs to another user or everyone can write to it.
// executable is the file of this program: its owner is trusted, because that user could change this program
// too.
func CheckProgram(program, executable string) error {
	if err := checkProgram(program, executable); err != nil {
		return fmt.Errorf("%s is not safe to run: %w; remove it", program, err)
	}
	return nil
}
