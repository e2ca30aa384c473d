package source

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const commit = "0123456789abcdef0123456789ABCDEF01234567"

func TestTheBranchComesFromTheFirstVariableThatNamesOne(t *testing.T) {
	cases := []struct {
		name    string
		setting string
		env     map[string]string
		want    string
	}{
		{"nothing names a branch", "", nil, ""},
		{"the setting goes before everything", "mine", map[string]string{"CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/other"}, "mine"},
		{"a webhook's head", "", map[string]string{"CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/feature/x"}, "feature/x"},
		{"a webhook's trigger", "", map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "branch/feature/x"}, "feature/x"},
		{"a webhook goes before the source version", "", map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "branch/a", "CODEBUILD_SOURCE_VERSION": "b"}, "a"},
		{"a webhook's trigger may name a branch that is called like a trigger", "", map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "branch/branch/main"}, "branch/main"},
		{"a source version is not the trigger of a webhook", "", map[string]string{"CODEBUILD_SOURCE_VERSION": "branch/main"}, "branch/main"},
		{"a webhook's head may be a branch that is called like a trigger", "", map[string]string{"CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/branch/main"}, "branch/main"},
		{"a source version may be a branch that is called like a trigger for a tag", "", map[string]string{"CODEBUILD_SOURCE_VERSION": "tag/v1"}, "tag/v1"},
		{"a source version may be a bare name", "", map[string]string{"CODEBUILD_SOURCE_VERSION": "feature/x"}, "feature/x"},
		{"a source version may be a full ref", "", map[string]string{"CODEBUILD_SOURCE_VERSION": "refs/heads/feature/x"}, "feature/x"},
		// https://docs.aws.amazon.com/codebuild/latest/userguide/sample-source-version.html
		{"a source version may be a ref with a commit", "", map[string]string{"CODEBUILD_SOURCE_VERSION": "refs/heads/main^{" + commit + "}"}, "main"},
		{"a tag is not a branch", "", map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "tag/v1", "CODEBUILD_WEBHOOK_HEAD_REF": "refs/tags/v1", "CODEBUILD_SOURCE_VERSION": "refs/tags/v1"}, ""},
		{"a commit is not a branch", "", map[string]string{"CODEBUILD_SOURCE_VERSION": commit}, ""},
		{"a hexadecimal name of another length is a branch", "", map[string]string{"CODEBUILD_SOURCE_VERSION": "deadbeef"}, "deadbeef"},
		{"an object in S3 is not a branch", "", map[string]string{"CODEBUILD_SOURCE_VERSION": "arn:aws:s3:::bucket/key.zip"}, ""},
		{"a branch may be called like a tag", "", map[string]string{"CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/refs/tags/v1"}, "refs/heads/refs/tags/v1"},
		{"a pull request", "", map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "pr/7"}, "pr/7"},
		{"the head of a pull request", "", map[string]string{"CODEBUILD_SOURCE_VERSION": "refs/pull/7/head^{" + commit + "}"}, "pr/7"},
		{"a branch that is called like a pull request", "", map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "branch/pr/7"}, "refs/heads/pr/7"},
		{"a full ref of a branch that is called like a pull request", "", map[string]string{"CODEBUILD_SOURCE_VERSION": "refs/heads/pr/7"}, "refs/heads/pr/7"},
		{"a branch that is called like the ref of a pull request", "", map[string]string{"CODEBUILD_SOURCE_VERSION": "refs/heads/refs/pull/7/head"}, "refs/heads/refs/pull/7/head"},
		{"a branch that begins like a pull request", "", map[string]string{"CODEBUILD_SOURCE_VERSION": "pr/7-fix"}, "pr/7-fix"},
		{"hostile text is returned unchanged", "", map[string]string{"CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/$(reboot);`id`\x00\n--push"}, "$(reboot);`id`\x00\n--push"},
		{"ten megabytes are returned unchanged", "", map[string]string{"CODEBUILD_SOURCE_VERSION": strings.Repeat("x", 10<<20)}, strings.Repeat("x", 10<<20)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Branch(context.Background(), c.setting, from(c.env), t.TempDir())
			assert.True(t, got == c.want, "got %.80q, want %.80q", got, c.want)
		})
	}
}

func TestABuildOfAGitTag(t *testing.T) {
	cases := []struct {
		name string
		env  map[string]string
		want bool
	}{
		{"a webhook for a tag", map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "tag/main"}, true},
		{"a webhook's head", map[string]string{"CODEBUILD_WEBHOOK_HEAD_REF": "refs/tags/main"}, true},
		{"a source version with a commit", map[string]string{"CODEBUILD_SOURCE_VERSION": "refs/tags/main^{" + commit + "}"}, true},
		{"a webhook for a branch", map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "branch/main", "CODEBUILD_SOURCE_VERSION": commit}, false},
		{"a branch that is called like a tag", map[string]string{"CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/refs/tags/v1"}, false},
		{"a branch of a webhook goes before the source version", map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "branch/a", "CODEBUILD_SOURCE_VERSION": "refs/tags/v1"}, false},
		{"a bare name, which can be either", map[string]string{"CODEBUILD_SOURCE_VERSION": "v1"}, false},
		{"nothing", nil, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, IsTag(from(c.env))) })
	}
}

// A build without a branch writes the fallback branch's cache, which release builds read. A pull request must
// never do this: neither by having no branch, nor by a fork's branch with the same name.
func TestAPullRequestNeverGetsTheFallbackBranchsScope(t *testing.T) {
	cases := []struct {
		name string
		env  map[string]string
	}{
		{"a pull request that is built by hand", map[string]string{"CODEBUILD_SOURCE_VERSION": "pr/7"}},
		{"a pull request's ref that is built by hand", map[string]string{"CODEBUILD_SOURCE_VERSION": "refs/pull/7/head"}},
		{"a pull request from the main branch of a fork", map[string]string{
			"CODEBUILD_WEBHOOK_TRIGGER": "pr/7", "CODEBUILD_WEBHOOK_EVENT": "PULL_REQUEST_CREATED",
			"CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/main", "CODEBUILD_WEBHOOK_BASE_REF": "refs/heads/main", "CODEBUILD_SOURCE_VERSION": "pr/7",
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Branch(context.Background(), "", from(c.env), t.TempDir())
			assert.NotEmpty(t, got)
			assert.NotEqual(t, "main", got)
		})
	}
}

func TestTheBranchThatIsCheckedOutComesLast(t *testing.T) {
	dir := t.TempDir()
	runGit(t, dir, "init", "--quiet", "--initial-branch", "trunk")
	branch := func(env map[string]string) string {
		return Branch(context.Background(), "", from(env), dir)
	}
	assert.Equal(t, "trunk", branch(nil), "a repository without a commit")

	runGit(t, dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--allow-empty", "--message", "first")
	runGit(t, dir, "checkout", "--quiet", "-b", "feature/$(x)")
	assert.Equal(t, "feature/$(x)", branch(nil), "a name that a shell would run")
	assert.Equal(t, "other", branch(map[string]string{"CODEBUILD_SOURCE_VERSION": "other"}), "CodeBuild takes precedence over git")
	assert.Equal(t, "feature/$(x)", branch(map[string]string{"CODEBUILD_SOURCE_VERSION": commit}), "git decides if CodeBuild names a commit")

	runGit(t, dir, "checkout", "--quiet", "-b", "pr/7")
	assert.Equal(t, "refs/heads/pr/7", branch(nil), "a branch that is called like a pull request")

	runGit(t, dir, "checkout", "--quiet", "--detach")
	assert.Empty(t, branch(nil), "a detached head")
}

func TestWithoutAnAnswerOfGitThereIsNoBranch(t *testing.T) {
	none := from(nil)
	assert.Empty(t, Branch(context.Background(), "", none, t.TempDir()), "no repository")
	assert.Empty(t, Branch(context.Background(), "", none, "/no/such/folder"), "no folder")
	t.Setenv("PATH", "")
	assert.Empty(t, Branch(context.Background(), "", none, t.TempDir()), "no git")
}

func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	require.NoError(t, err, "git %v: %s", args, out)
}

// from has the form of os.LookupEnv over a fixed environment.
func from(env map[string]string) func(string) (string, bool) {
	return func(variable string) (string, bool) {
		value, ok := env[variable]
		return value, ok
	}
}
