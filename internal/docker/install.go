package docker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/docker/real"
)

// names are those under which this program takes the place of docker.
var names = []string{"docker", "layercache-docker"}

// IsName reports whether this program, called by the path, is to take the place of docker.
func IsName(path string) bool {
	return slices.Contains(names, strings.TrimSuffix(filepath.Base(path), ".exe"))
}

// Install puts the names of docker into a folder of PATH, before the one with docker, as links to this program. It
// returns the folder, and the docker that is behind it, which is empty if there is none.
func Install() (dir, behind string, err error) {
	own, err := os.Executable()
	if err != nil {
		return "", "", err
	}
	behind, err = real.Find()
	if err != nil && !errors.Is(err, real.ErrNotFound) {
		return "", "", err
	}
	// Behind another version of layercache, this one would not be called.
	other, err := real.FindOther()
	if err != nil && !errors.Is(err, real.ErrNotFound) {
		return "", "", err
	}
	var problems []error
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if other != "" && filepath.Clean(dir) == filepath.Dir(other) {
			break
		}
		if !filepath.IsAbs(dir) {
			continue
		}
		err := link(own, dir)
		if err == nil {
			return dir, behind, nil
		}
		problems = append(problems, err)
	}
	if len(problems) == 0 {
		return "", "", fmt.Errorf("docker is in the first folder of PATH, %s: put the folder of layercache before it, as with "+
			"export PATH=\"%s:$PATH\"", filepath.Dir(other), filepath.Dir(own))
	}
	return "", "", fmt.Errorf("no folder of PATH before docker's can be written: %w", errors.Join(problems...))
}

// Links returns the links on PATH that put layercache in the place of docker: to this program, or to another version of
// layercache, which may have been removed.
func Links() []string {
	own, _ := os.Executable()
	program, _ := os.Stat(own)
	var links []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		for _, name := range names {
			path := filepath.Join(dir, name)
			target, err := os.Readlink(path)
			if err != nil || !filepath.IsAbs(dir) || slices.Contains(links, path) {
				continue
			}
			info, err := os.Stat(path)
			if err == nil && os.SameFile(info, program) || real.IsLayercache(target) {
				links = append(links, path)
			}
		}
	}
	return links
}

// link makes links to the program in the folder.
func link(program, dir string) error {
	target, err := os.Stat(program)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if existing, err := os.Stat(path); err == nil && os.SameFile(existing, target) {
			continue
		}
		if err := os.Symlink(program, path); err != nil {
			return err
		}
	}
	return nil
}
