//go:build linux

package poison

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/test/constructs/examples"
	"github.com/layercache/layercache/test/kit/template"
)

// example builds releases and pull requests, with a separate cache for each, in a separate account. Here, its
// deployments build images too.
const example = "three-accounts"

// app is the synthesized example with its projects of the development environment.
type app struct {
	*template.App
	release, pullRequest template.Project
	// function is the ARN of the role of the function that starts builds when the stack is deployed. deployed is what
	// the deployment asks it for.
	function string
	deployed template.Resource
}

// synthesize runs the CDK app as the CDK CLI does.
func synthesize(t *testing.T) app {
	t.Helper()
	all, err := examples.All()
	require.NoError(t, err)
	place := slices.IndexFunc(all, func(e examples.Example) bool { return e.Name == example })
	require.GreaterOrEqual(t, place, 0)
	project, out := t.TempDir(), t.TempDir()
	require.NoError(t, examples.WriteProject(project))
	for _, build := range all[place].Config["builds"].([]any) {
		zip := filepath.Join(project, "helper.zip")
		build.(map[string]any)["helperZip"] = zip
		build.(map[string]any)["deploy"] = map[string]any{"functionZip": zip}
	}
	settings, err := json.Marshal(map[string]any{"layercache": all[place].Config})
	require.NoError(t, err)
	dir, err := bundle.SourceDir(t.Context())
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "go", "run", "./bin/app")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "CDK_OUTDIR="+out, "CDK_CONTEXT_JSON="+string(settings), "CDK_VALIDATION=false")
	printed, err := cmd.CombinedOutput()
	require.NoError(t, err, string(printed))
	loaded, err := template.Load(out)
	require.NoError(t, err)
	a := app{App: loaded}
	a.release, a.pullRequest = a.project(t, false), a.project(t, true)
	a.deployed = a.resource(t, "Custom::LayercacheImage")
	a.function = a.resource(t, "AWS::Lambda::Function").Properties["Role"].(string)
	return a
}

// resource returns the only resource of a type in the stack of the releases' project.
func (a app) resource(t *testing.T, kind string) template.Resource {
	t.Helper()
	all, err := a.Resources(kind)
	require.NoError(t, err)
	all = slices.DeleteFunc(all, func(r template.Resource) bool { return r.Stack != a.release.Stack })
	require.Len(t, all, 1, kind)
	return all[0]
}

// project returns the project of the development environment for releases or for pull requests.
func (a app) project(t *testing.T, pullRequests bool) template.Project {
	t.Helper()
	projects, err := a.Projects()
	require.NoError(t, err)
	place := slices.IndexFunc(projects, func(p template.Project) bool {
		return strings.HasSuffix(p.Stack, "-dev") && strings.Contains(p.LogicalID, "PullRequest") == pullRequests
	})
	require.GreaterOrEqual(t, place, 0, "the example must have such a project")
	return projects[place]
}

// identity returns the policies of a role, given by its ARN.
func (a app) identity(t *testing.T, role string) []any {
	t.Helper()
	policies, err := a.Resources("AWS::IAM::Policy")
	require.NoError(t, err)
	var documents []any
	for _, policy := range policies {
		if slices.Contains(policy.Properties["Roles"].([]any), any(path.Base(role))) {
			documents = append(documents, policy.Properties["PolicyDocument"])
		}
	}
	require.NotEmpty(t, documents)
	return documents
}

// policy returns the policy of a repository, or nil if it has none.
func (a app) policy(t *testing.T, account, name string) any {
	t.Helper()
	repositories, err := a.Resources("AWS::ECR::Repository")
	require.NoError(t, err)
	for _, repository := range repositories {
		if repository.Account == account && repository.Name == name {
			return repository.Properties["RepositoryPolicyText"]
		}
	}
	return nil
}
