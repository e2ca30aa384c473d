// Package private makes folders for what this program runs or keeps, and refuses those that somebody else could have made or can
// change: $TMPDIR is often a folder of everybody's.
package private

import (
	"fmt"
	"os"
)

// MakeDir makes the folder where it is not there, and checks it.
func MakeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return CheckDir(dir)
}

// CheckDir returns an error where the folder is a link, or others can write to it, or own it, or can put another in its place.
func CheckDir(dir string) error {
	if problem := checkDir(dir); problem != "" {
		return fmt.Errorf("%s is not a folder that only we can write: %s; remove it", dir, problem)
	}
	return nil
}

// CheckProgram returns an error where somebody else can write to the program, or owns it. Whoever owns this program's own file, which
// is executable, could have changed that one too.
func CheckProgram(program, executable string) error {
	if problem := checkProgram(program, executable); problem != "" {
		return fmt.Errorf("%s is not run, since %s: remove it", program, problem)
	}
	return nil
}
