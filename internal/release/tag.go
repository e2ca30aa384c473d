package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/layercache/layercache/internal/bundle/version"
)

// modulePath is the path of this module.
const modulePath = "github.com/layercache/layercache"

// tagged returns the version and the commit of the checkout in the working directory. It fails unless
// everything is committed and the commit has exactly one tag that is a version.
func tagged(ctx context.Context) (version.Stamp, error) {
	changed, err := git(ctx, "status", "--porcelain")
	if err != nil {
		return version.Stamp{}, err
	}
	if changed != "" {
		return version.Stamp{}, fmt.Errorf("not everything is committed: commit or remove these files\n%s", changed)
	}
	commit, err := git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return version.Stamp{}, err
	}
	tags, err := git(ctx, "tag", "--points-at", "HEAD")
	if err != nil {
		return version.Stamp{}, err
	}
	var versions []string
	for _, tag := range strings.Fields(tags) {
		// The go command can install these: all three numbers, no build metadata, and v0 or v1.
		if semver.Canonical(tag) == tag && module.Check(modulePath, tag) == nil {
			versions = append(versions, tag)
		}
	}
	if len(versions) != 1 {
		return version.Stamp{}, fmt.Errorf("commit %.12s has %d tags that are versions (%s): check out the commit of one version, or tag it with git tag v1.2.3",
			commit, len(versions), strings.Join(versions, ", "))
	}
	return version.Stamp{Version: versions[0], Commit: commit}, nil
}

// git returns the standard output of a command of Git.
func git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimRight(string(out), "\n"), err
}

// useOwnGo makes the go commands of this process use the version of Go in go.mod, and returns that version.
// Another one would give other bytes.
//
// https://go.dev/doc/toolchain#select
func useOwnGo() (string, error) {
	content, err := os.ReadFile("go.mod")
	if err != nil {
		return "", err
	}
	file, err := modfile.ParseLax("go.mod", content, nil)
	if err != nil {
		return "", err
	}
	goVersion := "go" + file.Go.Version
	return goVersion, os.Setenv("GOTOOLCHAIN", goVersion)
}
