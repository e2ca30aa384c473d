// Package git asks git about a checkout. Whoever wrote the source may have written a repository into it, as a folder below the
// checkout or as the .git of a zip, and git runs what a repository's configuration names. Nothing of that configuration acts
// here, and no other program that the helper starts runs git under it.
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

// timeout bounds one question; git answers within milliseconds.
const timeout = 2 * time.Second

// Branch returns the branch that is checked out in dir, or "".
func Branch(ctx context.Context, dir string) string {
	return ask(ctx, dir, "symbolic-ref", "--quiet", "--short", "HEAD")
}

// Commit returns the commit that is checked out in dir, or "".
func Commit(ctx context.Context, dir string) string {
	return ask(ctx, dir, "rev-parse", "--verify", "--quiet", "HEAD")
}

// Origin returns the address of the remote origin of the checkout at dir, or "".
func Origin(ctx context.Context, dir string) string {
	return ask(ctx, dir, "config", "--local", "--no-includes", "--get", "remote.origin.url")
}

// Root returns the top folder of the checkout that dir is in, or "".
func Root(ctx context.Context, dir string) string {
	return ask(ctx, dir, "rev-parse", "--show-toplevel")
}

// ask returns the line that git prints, or "" where git has no answer. The questions read references and configuration
// alone: no object, no index and no network. What a repository could still configure is overridden.
//
// https://git-scm.com/docs/git-config
func ask(ctx context.Context, dir string, question ...string) string {
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
		"-c", "safe.bareRepository=explicit", // Only a .git makes a folder a repository.
		"-c", "safe.directory=" + dir, // CI systems check out as another user. The user's own setting is not read.
		"-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull,
	}
	cmd := exec.CommandContext(ctx, "git", append(args, question...)...)
	cmd.Env = append(isolated(os.DevNull), "PATH="+os.Getenv("PATH"), "HOME="+os.DevNull, "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// isolated are the variables that keep git from the configuration of the machine and of the user, from every network protocol,
// and from objects that it would have to fetch.
func isolated(global string) []string {
	return []string{
		"GIT_CONFIG_GLOBAL=" + global, "GIT_CONFIG_SYSTEM=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_ALLOW_PROTOCOL=", "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0",
	}
}

// Environ returns the variables with which buildx does not run git in the build context, and with which a git that it ran all
// the same would take no folder without a .git for a repository. dir is a private folder, which is given a configuration file.
//
// https://docs.docker.com/build/building/variables/#buildx_git_info
func Environ(dir string) ([]string, error) {
	// buildx hands git the variables of this file, and not all of the others.
	path := filepath.Join(dir, "gitconfig")
	if err := os.WriteFile(path, []byte("[safe]\n\tbareRepository = explicit\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write a configuration for git: %w", err)
	}
	return append(isolated(path), "BUILDX_GIT_INFO=false", "BUILDX_GIT_LABELS=false", "BUILDX_GIT_CHECK_DIRTY=false"), nil
}
