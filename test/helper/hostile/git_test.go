//go:build linux

package hostile

import (
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// trap is a repository's configuration that makes git run the command for a missing object, for the state of
// the files, and for every fetch over HTTP.
const trap = `[core]
	repositoryformatversion = 1
	bare = false
	%sfsmonitor = COMMAND
	sshCommand = COMMAND
	gitProxy = COMMAND
[extensions]
	partialClone = trap
[remote "trap"]
	promisor = true
	url = .
	uploadpack = COMMAND
[credential]
	helper = COMMAND
[protocol]
	allow = always
[url "ext::COMMAND "]
	insteadOf = http://
`

// repository writes a repository into a folder of the source without git, as an attacker can commit it or add
// it to a zip. The commit of its branch is missing.
func (p *project) repository(dir, workTree string) {
	p.t.Helper()
	configuration := strings.ReplaceAll(fmt.Sprintf(trap, workTree), "COMMAND", p.command())
	p.write(filepath.Join(dir, "config"), configuration)
	p.write(filepath.Join(dir, "HEAD"), "ref: refs/heads/trunk\n")
	p.write(filepath.Join(dir, "refs/heads/trunk"), strings.Repeat("1", 40)+"\n")
	p.write(filepath.Join(dir, "objects/keep"), "")
}

// command writes a program outside of the source that creates the file that nothingRan searches for. It
// returns the program's path.
func (p *project) command() string {
	p.t.Helper()
	path := filepath.Join(p.root, "command")
	require.NoError(p.t, os.WriteFile(path, []byte("#!/bin/sh\ntouch "+filepath.Join(p.root, "pwned")+"\nexit 1\n"), 0o755))
	return path
}

// repositories are sources that contain an attacker's repository.
var repositories = []struct {
	name  string
	given func(p *project)
	// context is the folder in which git runs the command without a guard.
	context string
}{
	{"a folder in the checkout that is a bare repository", func(p *project) {
		p.git("init", "--quiet", "--initial-branch", "trunk", p.dir)
		p.env["LAYERCACHE_CONTEXT"], p.env["LAYERCACHE_DOCKERFILE"] = "app", "app/Dockerfile"
		p.write("app/Dockerfile", "FROM "+base+"\nCOPY text text\n")
		p.write("app/text", "hello\n")
		p.repository("app", "worktree = .\n\t")
	}, "app"},
	{"a source without .git that is a bare repository", func(p *project) { p.repository(".", "worktree = .\n\t") }, "."},
	{"a zip with a .git", func(p *project) { p.repository(".git", "") }, "."},
	{"a .git file that points to a folder of the source", func(p *project) {
		p.write(".git", "gitdir: elsewhere\n")
		p.repository("elsewhere", "")
	}, "."},
}

func TestARepositoryInTheSourceRunsNoProgram(t *testing.T) {
	for _, source := range repositories {
		for name, variables := range map[string]map[string]string{
			"":                              nil,
			", and the commit is requested": {"LAYERCACHE_TAGS": "latest,x{branch}"},
			", and labels are requested":    {"BUILDX_GIT_LABELS": "full", "BUILDX_GIT_INFO": "true", "BUILDX_GIT_CHECK_DIRTY": "true"},
			", and a repository is added":   {"ADD": "http://"},
		} {
			t.Run(source.name+name, func(t *testing.T) {
				t.Parallel()
				p := newProject(t)
				p.env["LAYERCACHE_BRANCH"] = ""
				for variable, value := range variables {
					p.env[variable] = value
				}
				source.given(p)
				if variables["ADD"] != "" {
					remote := p.serveGit(func(dir string) {
						require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o644))
					})
					p.write(filepath.Join(source.context, "Dockerfile"), "FROM "+base+"\nADD "+remote+" /added\nRUN cat /added/file\n")
				}
				if strings.Contains(variables["LAYERCACHE_TAGS"], "{branch}") && source.name == repositories[1].name {
					p.env["LAYERCACHE_BRANCH"] = "main" // This source has no branch.
				}
				got := p.image()
				p.nothingRan()
				p.succeeds(got)

				_ = exec.Command("git", "-C", filepath.Join(p.dir, source.context), "show", "--quiet", "HEAD", "--").Run()
				assert.FileExists(t, filepath.Join(p.root, "pwned"), "without a guard, git must run the command")
			})
		}
	}
}

// added are repositories that a Dockerfile adds. BuildKit runs git to fetch them, outside of every step.
var added = []struct {
	name string
	// given creates the files of the repository and of the machine.
	given    func(p *project, dir string)
	exitCode int
	log      string
}{
	{"filters and hooks in the user's configuration", func(p *project, dir string) {
		hooks := filepath.Join(p.root, "hooks")
		require.NoError(p.t, os.MkdirAll(hooks, 0o755))
		require.NoError(p.t, os.Symlink(p.command(), filepath.Join(hooks, "post-checkout")))
		configuration := "[filter \"lfs\"]\n\tsmudge = COMMAND\n\tprocess = COMMAND\n[core]\n\thooksPath = " + hooks + "\n\tfsmonitor = COMMAND\n"
		p.writeFile(filepath.Join(p.home, ".gitconfig"), strings.ReplaceAll(configuration, "COMMAND", p.command()))
		p.writeFile(filepath.Join(dir, ".gitattributes"), "* filter=lfs diff=lfs merge=lfs\n")
	}, 0, ""},
	{"a submodule with a path on the machine", func(p *project, dir string) {
		outside := filepath.Join(p.root, "outside")
		p.writeFile(filepath.Join(outside, "secret"), outsideText)
		commit := p.commit(outside)
		p.writeFile(filepath.Join(dir, ".gitmodules"), "[submodule \"sub\"]\n\tpath = sub\n\turl = file://"+outside+"\n")
		p.submodule(dir, commit)
	}, 1, "transport 'file' not allowed"},
	{"a submodule that is a command", func(p *project, dir string) {
		p.writeFile(filepath.Join(dir, ".gitmodules"), "[submodule \"sub\"]\n\tpath = sub\n\turl = ext::"+p.command()+"\n")
		p.submodule(dir, strings.Repeat("1", 40))
	}, 1, "transport 'ext' not allowed"},
	{"a submodule with an update command", func(p *project, dir string) {
		p.writeFile(filepath.Join(dir, ".gitmodules"), "[submodule \"sub\"]\n\tpath = sub\n\turl = ./\n\tupdate = !"+p.command()+"\n")
		p.submodule(dir, strings.Repeat("1", 40))
	}, 1, "invalid value for 'submodule.sub.update'"},
}

func TestAnAddedRepositoryRunsNoProgram(t *testing.T) {
	for _, c := range added {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			remote := p.serveGit(func(dir string) {
				p.writeFile(filepath.Join(dir, "file"), "text")
				c.given(p, dir)
			})
			p.write("Dockerfile", "FROM "+base+"\nADD "+remote+" /added\nRUN cat /added/file\n")
			got := p.image()
			p.nothingRan()
			assert.Equal(t, c.exitCode, got.exitCode, "%.3000s", got.log)
			assert.Contains(t, got.log, c.log)
			p.absent(p.places(got), outsideText)

			if c.exitCode == 0 {
				clone := exec.Command("git", "clone", "--quiet", remote, filepath.Join(p.home, "clone"))
				clone.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.home}
				_ = clone.Run()
				assert.FileExists(t, filepath.Join(p.root, "pwned"), "without a guard, git must run the command")
			}
		})
	}
}

// submodule adds a submodule with the commit to a repository, as the folder sub.
func (p *project) submodule(dir, commit string) {
	p.t.Helper()
	require.NoError(p.t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	p.git("-C", dir, "update-index", "--add", "--cacheinfo", "160000,"+commit+",sub")
}

// serveGit serves a repository over HTTP and returns its URL. The function given creates the files of the
// repository.
func (p *project) serveGit(given func(dir string)) string {
	p.t.Helper()
	top := p.t.TempDir()
	dir := filepath.Join(top, "added.git")
	p.git("init", "--quiet", "--initial-branch", "trunk", dir)
	given(dir)
	p.commit(dir)
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(p.git("--exec-path"), "git-http-backend"), Env: []string{"GIT_PROJECT_ROOT=" + top, "GIT_HTTP_EXPORT_ALL=1"},
	})
	p.t.Cleanup(server.Close)
	return server.URL + "/added.git"
}

// commit commits all files of the folder and returns the commit. It creates the repository if there is none.
func (p *project) commit(dir string) string {
	p.t.Helper()
	p.git("init", "--quiet", "--initial-branch", "trunk", dir)
	p.git("-C", dir, "add", "--all", "--force", "*")
	p.git("-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "all")
	return p.git("-C", dir, "rev-parse", "HEAD")
}

// git runs git with a minimal environment and returns its output.
func (p *project) git(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/dev/null", "GIT_CONFIG_NOSYSTEM=1"}
	out, err := cmd.CombinedOutput()
	require.NoError(p.t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

// writeFile writes a file and creates its folder.
func (p *project) writeFile(path, content string) {
	p.t.Helper()
	require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(p.t, os.WriteFile(path, []byte(content), 0o644))
}

func TestLabelsThatAreAskedForComeFromTheVariablesOfCodeBuild(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	commit := strings.Repeat("2", 40)
	for variable, value := range map[string]string{
		"BUILDX_GIT_LABELS": "true", "CODEBUILD_RESOLVED_SOURCE_VERSION": commit,
		"CODEBUILD_SOURCE_REPO_URL": "https://example.com/acme/shop.git", "CODEBUILD_SRC_DIR": p.dir,
	} {
		p.env[variable] = value
	}
	p.succeeds(p.image())
	configuration, err := p.pulled(imageHost, "shop", "latest").ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"org.opencontainers.image.revision": commit, "org.opencontainers.image.source": "https://example.com/acme/shop.git",
		"com.docker.image.source.entrypoint": "Dockerfile",
	}, configuration.Config.Labels)
}
