// Package git reads the branch, commit and origin of a checkout. The source may contain a repository that an
// attacker wrote, as a folder in the checkout or as the .git of a zip, and git runs the commands that a
// repository's configuration names. This package overrides that configuration, and keeps the other programs
// that the helper starts from running git with it.
package git

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// timeout is the time limit for one git command. Git usually answers within milliseconds.
const timeout = 2 * time.Second

// Branch returns the branch that is checked out in dir, or "" if there is none.
func Branch(ctx context.Context, dir string) string {
	return firstLine(ctx, dir, "symbolic-ref", "--quiet", "--short", "HEAD")
}

// Commit returns the commit that is checked out in dir, or "" if there is none.
func Commit(ctx context.Context, dir string) string {
	return firstLine(ctx, dir, "rev-parse", "--verify", "--quiet", "HEAD")
}

// Origin returns the URL of the remote named origin of the checkout at dir, or "" if there is none.
func Origin(ctx context.Context, dir string) string {
	return firstLine(ctx, dir, "config", "--local", "--no-includes", "--get", "remote.origin.url")
}

// Root returns the top folder of the checkout that contains dir, or "" if there is none.
func Root(ctx context.Context, dir string) string {
	return firstLine(ctx, dir, "rev-parse", "--show-toplevel")
}

// firstLine runs git in dir and returns the first line that it prints, or "" if git fails. The commands of
// this package read only references and configuration: no objects, no index and no network. The options and
// variables override the settings by which a repository could still run a program.
//
// https://git-scm.com/docs/git-config
func firstLine(ctx context.Context, dir string, command ...string) string {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	args := []string{
		"-C", dir, "--no-pager",
		"-c", "safe.bareRepository=explicit", // Only a folder with a .git is a repository.
		"-c", "safe.directory=" + dir, // CI systems check out as another user, and the user's own setting is not read.
		"-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull,
	}
	cmd := exec.CommandContext(ctx, "git", append(args, command...)...)
	cmd.Env = append(isolated(os.DevNull), "PATH="+os.Getenv("PATH"), "HOME="+os.DevNull, "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// isolated returns the variables that stop git from reading the machine's and the user's configuration, from
// using any network protocol, and from fetching missing objects. The file global replaces the user's
// configuration.
func isolated(global string) []string {
	return []string{
		"GIT_CONFIG_GLOBAL=" + global, "GIT_CONFIG_SYSTEM=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_ALLOW_PROTOCOL=", "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0",
	}
}

// Environ returns the variables that stop buildx from running git in the build context. If buildx ran git
// anyway, git would not treat a folder without a .git as a repository. Environ writes a git configuration
// file into dir, which must be a private folder.
//
// https://docs.docker.com/build/building/variables/#buildx_git_info
func Environ(dir string) ([]string, error) {
	// buildx passes GIT_CONFIG_GLOBAL to git, but not all the other variables.
	path := filepath.Join(dir, "gitconfig")
	if err := os.WriteFile(path, []byte("[safe]\n\tbareRepository = explicit\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write a configuration for git: %w", err)
	}
	return append(isolated(path), "BUILDX_GIT_INFO=false", "BUILDX_GIT_LABELS=false", "BUILDX_GIT_CHECK_DIRTY=false"), nil
}
