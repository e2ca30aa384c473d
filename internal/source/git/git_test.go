package git

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// run runs git without any protection, to create a repository.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

func repository(t *testing.T) (dir, commit string) {
	t.Helper()
	dir = t.TempDir()
	run(t, dir, "init", "--quiet", "--initial-branch", "trunk")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o644))
	run(t, dir, "add", "file")
	run(t, dir, "commit", "--quiet", "--message", "first")
	run(t, dir, "remote", "add", "origin", "https://example.com/shop.git")
	return dir, run(t, dir, "rev-parse", "HEAD")
}

func TestTheBranchCommitOriginAndRootOfACheckout(t *testing.T) {
	dir, commit := repository(t)
	worktree := filepath.Join(t.TempDir(), "worktree")
	run(t, dir, "worktree", "add", "--quiet", "-b", "side", worktree)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	for _, c := range []struct{ name, dir, branch, root string }{
		{"the top folder", dir, "trunk", dir},
		{"a folder in the checkout", filepath.Join(dir, "sub"), "trunk", dir},
		{"a worktree, whose .git is a file", worktree, "side", worktree},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.branch, Branch(t.Context(), c.dir))
			assert.Equal(t, commit, Commit(t.Context(), c.dir))
			assert.Equal(t, "https://example.com/shop.git", Origin(t.Context(), c.dir))
			assert.Equal(t, c.root, Root(t.Context(), c.dir))
		})
	}
}

func TestEverythingIsEmptyWithoutARepository(t *testing.T) {
	for name, dir := range map[string]string{"a folder without a repository": t.TempDir(), "a missing folder": "/no/such/folder"} {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, Branch(t.Context(), dir))
			assert.Empty(t, Commit(t.Context(), dir))
			assert.Empty(t, Origin(t.Context(), dir))
			assert.Empty(t, Root(t.Context(), dir))
		})
	}
}

// trap returns a configuration that makes git run command wherever a configuration can name a program.
func trap(command string) string {
	return `[core]
	repositoryformatversion = 1
	bare = false
	worktree = .
	fsmonitor = "` + command + `"
	sshCommand = "` + command + `"
	pager = "` + command + `"
	gitProxy = "` + command + `"
	editor = "` + command + `"
	alternateRefsCommand = "` + command + `"
[extensions]
	partialClone = trap
[remote "trap"]
	url = .
	promisor = true
	uploadpack = "` + command + `"
[credential]
	helper = "!` + command + `"
[protocol]
	allow = always
[alias]
	symbolic-ref = "!` + command + `"
	rev-parse = "!` + command + `"
	config = "!` + command + `"
`
}

func TestTheConfigurationOfARepositoryRunsNoProgram(t *testing.T) {
	for _, c := range []struct {
		name string
		// plant creates the repository in dir with the given configuration.
		plant  func(t *testing.T, dir, configuration string)
		branch string
	}{
		{"a .git folder in the source", func(t *testing.T, dir, configuration string) {
			plant(t, filepath.Join(dir, ".git"), configuration)
		}, "trunk"},
		{"a .git file that points to a folder in the source", func(t *testing.T, dir, configuration string) {
			plant(t, filepath.Join(dir, "elsewhere"), configuration)
			require.NoError(t, os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: elsewhere\n"), 0o644))
		}, "trunk"},
		{"a folder that is a bare repository", plant, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			mark := filepath.Join(t.TempDir(), "mark")
			c.plant(t, dir, trap("touch "+mark))
			assert.Equal(t, c.branch, Branch(t.Context(), dir))
			Commit(t.Context(), dir)
			Origin(t.Context(), dir)
			Root(t.Context(), dir)
			assert.NoFileExists(t, mark)
		})
	}
}

// The commands that the package runs today would not run a program anyway. The commands here would: the test
// protects commands that are added later.
func TestNoGitCommandRunsAProgramThatTheRepositoryNames(t *testing.T) {
	for _, c := range []struct {
		name, configuration string
		command             []string
	}{
		{"a missing object that a command fetches", "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = trap\n[remote \"trap\"]\n\tpromisor = true\n\turl = .\n" +
			"\tuploadpack = COMMAND\n[protocol]\n\tallow = always\n", []string{"cat-file", "-t", strings.Repeat("1", 40)}},
		{"a file system monitor", "[core]\n\tfsmonitor = COMMAND\n", []string{"status"}},
		{"a hook", "[core]\n\thooksPath = HOOKS\n", []string{"update-index", "--force-write-index"}},
		{"a program for SSH", "[core]\n\tsshCommand = COMMAND\n", []string{"ls-remote", "ssh://127.0.0.1/x"}},
		{"a URL that is a command", "[protocol \"ext\"]\n\tallow = always\n[url \"ext::COMMAND\"]\n\tinsteadOf = https://example.com\n",
			[]string{"ls-remote", "https://example.com"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := repository(t)
			hooks, mark := t.TempDir(), filepath.Join(t.TempDir(), "mark")
			script := filepath.Join(hooks, "post-index-change")
			require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\ntouch "+mark+"\n"), 0o755))
			configuration := strings.NewReplacer("COMMAND", script, "HOOKS", hooks).Replace(c.configuration)
			file, err := os.OpenFile(filepath.Join(dir, ".git", "config"), os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = file.WriteString(configuration)
			require.NoError(t, errors.Join(err, file.Close()))

			firstLine(t.Context(), dir, c.command...)
			assert.NoFileExists(t, mark)
			_ = exec.Command("git", append([]string{"-C", dir}, c.command...)...).Run()
			assert.FileExists(t, mark, "without the guard, the attack must succeed")
		})
	}
}

// buildx does not run git with these variables. If it did, it would pass only the GIT_CONFIG_ variables on.
func TestGitRunByBuildxWouldIgnoreABareRepository(t *testing.T) {
	dir, mark := t.TempDir(), filepath.Join(t.TempDir(), "mark")
	plant(t, dir, trap("touch "+mark))
	variables, err := Environ(t.TempDir())
	require.NoError(t, err)
	show := func(environ []string) {
		cmd := exec.Command("git", "-C", dir, "show", "--format=%H", "HEAD", "--quiet", "--")
		cmd.Env = append(environ, "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir())
		_ = cmd.Run()
	}
	show(slices.DeleteFunc(variables, func(variable string) bool { return !strings.HasPrefix(variable, "GIT_CONFIG_") }))
	assert.NoFileExists(t, mark)
	show(nil)
	assert.FileExists(t, mark, "without the guard, the attack must succeed")
}

// plant writes a repository file by file, as an attacker who controls the source can. The commit of its
// branch is missing.
func plant(t *testing.T, dir, configuration string) {
	t.Helper()
	for name, content := range map[string]string{
		"HEAD": "ref: refs/heads/trunk\n", "config": configuration, "objects/.keep": "",
		"refs/heads/trunk": strings.Repeat("1", 40) + "\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
}
