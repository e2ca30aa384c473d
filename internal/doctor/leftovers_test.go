package doctor

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
)

// destroyed returns the responses of an account in which a deployment "layercache" was destroyed.
func destroyed() map[string]awsfake.Answer {
	var repositories []any
	for _, name := range []string{"layercache/shop", "layercache/cache/dev", "quay/org/tool", "github/org/tool", "gitlab/group/tool", "mirror/alpine", "layercache-other/app", "quayside", "own/app"} {
		repositories = append(repositories, map[string]any{"repositoryName": name})
	}
	groups := []string{"/aws/lambda/layercache-build-StartShop", "layercache-build-shopLogs1", "layercache-cache-Logs2", "own"}
	return map[string]awsfake.Answer{
		"ListProjects":         awsfake.Gives(map[string]any{"projects": []any{}}),
		"DescribeRepositories": awsfake.Gives(map[string]any{"repositories": repositories}),
		"DescribeLogGroups": func(input map[string]any) (map[string]any, error) {
			var found []any
			for _, group := range groups {
				if strings.HasPrefix(group, input["logGroupNamePrefix"].(string)) {
					found = append(found, map[string]any{"logGroupName": group})
				}
			}
			return map[string]any{"logGroups": found}, nil
		},
		"ListReportGroups": awsfake.Gives(map[string]any{"reportGroups": []any{
			"arn:aws:codebuild:eu-west-1:111122223333:report-group/layercache-build-shopReports1",
			"arn:aws:codebuild:eu-west-1:111122223333:report-group/own-tests",
		}}),
	}
}

// leftIn returns a line for each leftover in an account: kind, name and note.
func leftIn(t *testing.T, answers map[string]awsfake.Answer, d Deployment) (lines []string, left Leftovers) {
	t.Helper()
	left = leftInAccount(context.Background(), awsfake.Serve(t, answers).Config(), d)
	for _, l := range left.Found {
		lines = append(lines, l.Kind+" "+l.Name+": "+l.Note)
	}
	return lines, left
}

func TestWhatADeploymentLeavesIsFoundByItsName(t *testing.T) {
	lines, left := leftIn(t, destroyed(), Deployment{Name: "layercache", Prefixes: []string{"mirror"}})
	assert.Equal(t, []string{
		"image repository layercache/shop: kept with its images when its stack is destroyed",
		"cache repository layercache/cache/dev: builds of other accounts may use it",
		"pull-through repository quay/org/tool: if a pull-through rule made it; others of the account may use it",
		"pull-through repository github/org/tool: if a pull-through rule made it; others of the account may use it",
		"pull-through repository gitlab/group/tool: if a pull-through rule made it; others of the account may use it",
		"pull-through repository mirror/alpine: if a pull-through rule made it; others of the account may use it",
		"log group layercache-build-shopLogs1: of a stack that may still exist",
		"log group /aws/lambda/layercache-build-StartShop: of a stack that may still exist",
		"log group layercache-cache-Logs2: of a stack that may still exist",
		"report group layercache-build-shopReports1: of a stack that may still exist",
	}, lines)
	var removes []string
	for _, l := range left.Found {
		removes = append(removes, l.Remove)
	}
	assert.Equal(t, []string{
		"aws ecr delete-repository --force --repository-name layercache/shop --region eu-west-1",
		"aws ecr delete-repository --force --repository-name layercache/cache/dev --region eu-west-1",
		"aws ecr delete-repository --force --repository-name quay/org/tool --region eu-west-1",
		"aws ecr delete-repository --force --repository-name github/org/tool --region eu-west-1",
		"aws ecr delete-repository --force --repository-name gitlab/group/tool --region eu-west-1",
		"aws ecr delete-repository --force --repository-name mirror/alpine --region eu-west-1",
		"aws logs delete-log-group --log-group-name layercache-build-shopLogs1 --region eu-west-1",
		"aws logs delete-log-group --log-group-name /aws/lambda/layercache-build-StartShop --region eu-west-1",
		"aws logs delete-log-group --log-group-name layercache-cache-Logs2 --region eu-west-1",
		"aws codebuild delete-report-group --delete-reports --arn arn:aws:codebuild:eu-west-1:111122223333:report-group/layercache-build-shopReports1 --region eu-west-1",
	}, removes)
	require.Len(t, left.NotChecked, 1)
	assert.Contains(t, left.NotChecked[0], "ecr-pullthroughcache/")
}

func TestWhatAProjectUsesIsNotReadyToBeRemoved(t *testing.T) {
	answers := destroyed()
	answers["ListProjects"] = awsfake.Gives(map[string]any{"projects": []any{"Shop1", "Plain"}})
	answers["BatchGetProjects"] = awsfake.Gives(map[string]any{"projects": []any{
		map[string]any{"name": "Plain"},
		map[string]any{"name": "Shop1", "environment": map[string]any{"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL", "environmentVariables": []any{
			map[string]any{"name": "LAYERCACHE_IMAGE", "value": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/shop"},
			map[string]any{"name": "LAYERCACHE_REPOSITORY", "value": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/cache/dev"},
		}}},
	}})
	lines, _ := leftIn(t, answers, Deployment{Name: "layercache"})
	assert.Equal(t, []string{
		"image repository layercache/shop: in use by the project Shop1: run `npx cdk destroy` first",
		"cache repository layercache/cache/dev: in use by the project Shop1: run `npx cdk destroy` first",
	}, lines[:2])
}

func TestTheCommandsSelectTheProfile(t *testing.T) {
	_, left := leftIn(t, destroyed(), Deployment{Name: "layercache", Profile: "my team"})
	assert.Equal(t, "aws ecr delete-repository --force --repository-name layercache/shop --region eu-west-1 --profile 'my team'", left.Found[0].Remove)
}

func TestWhatMayNotBeReadIsNotChecked(t *testing.T) {
	answers := map[string]awsfake.Answer{}
	for operation, action := range map[string]string{
		"ListProjects": "codebuild:ListProjects", "DescribeRepositories": "ecr:DescribeRepositories",
		"DescribeLogGroups": "logs:DescribeLogGroups", "ListReportGroups": "codebuild:ListReportGroups",
	} {
		answers[operation] = awsfake.Denied(action)
	}
	lines, left := leftIn(t, answers, Deployment{Name: "layercache"})
	assert.Empty(t, lines)
	assert.Equal(t, []string{
		"projects that use repositories: not allowed to call codebuild:ListProjects",
		"repositories: not allowed to call ecr:DescribeRepositories",
		"log groups: not allowed to call logs:DescribeLogGroups",
		"report groups: not allowed to call codebuild:ListReportGroups",
	}, left.NotChecked[:4])
}

func TestAMissingSignInLeavesTheAccountUnchecked(t *testing.T) {
	for name, c := range map[string]struct {
		variables map[string]string
		message   string
	}{
		"no region":      {map[string]string{"AWS_REGION": ""}, "AWS: no region is set"},
		"no credentials": {map[string]string{"AWS_REGION": "eu-west-1"}, "AWS: no credentials; sign in"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"} {
				t.Setenv(name, "")
			}
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			t.Setenv("AWS_CONFIG_FILE", "/dev/null/absent")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null/absent")
			for name, value := range c.variables {
				t.Setenv(name, value)
			}
			left := LeftInAccount(context.Background(), Deployment{Name: "layercache"})
			require.Len(t, left.NotChecked, 1)
			assert.Contains(t, left.NotChecked[0], c.message)
		})
	}
}

// fakeDocker puts a docker on PATH that runs the script.
func fakeDocker(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\n"+script), 0o755))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func TestWhatIsLeftOnAMachineIsFound(t *testing.T) {
	fakeDocker(t, `case $1 in
ps) echo web; echo buildx_buildkit_layercache-10 ;;
volume) echo data; echo buildx_buildkit_layercache-10_state ;;
esac
`)
	dir := t.TempDir()
	cache, state, temp := filepath.Join(dir, "my cache"), filepath.Join(dir, "state"), filepath.Join(dir, "tmp")
	for _, folder := range []string{cache, state, filepath.Join(temp, "layercache-session-1"), filepath.Join(temp, "other")} {
		require.NoError(t, os.MkdirAll(folder, 0o700))
	}
	require.NoError(t, os.WriteFile(filepath.Join(cache, "program"), make([]byte, 2500), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(temp, "layercache-file"), nil, 0o600))

	left := leftOnMachine(context.Background(), []string{"/opt/my bin/docker"}, cache, []string{state, filepath.Join(dir, "absent")}, temp)
	assert.Equal(t, []Leftover{
		{"link of docker", "/opt/my bin/docker", "layercache answers in the place of docker; `hash -r` makes an open shell forget it", "rm '/opt/my bin/docker'"},
		{"compiled programs", cache, "2.5kB; the next setup or synth compiles them again", "rm -rf '" + cache + "'"},
		{"builder state", state, "0B; while no build runs", "rm -rf " + state},
		{"temporary folder", filepath.Join(temp, "layercache-session-1"), "0B; while no build runs", "rm -rf " + filepath.Join(temp, "layercache-session-1")},
		{"builder container", "buildx_buildkit_layercache-10", "while no build runs", "docker rm --force buildx_buildkit_layercache-10"},
		{"builder volume", "buildx_buildkit_layercache-10_state", "while no build runs", "docker volume rm buildx_buildkit_layercache-10_state"},
	}, left.Found)
	assert.Empty(t, left.NotChecked)
	assert.DirExists(t, cache, "nothing is removed")
	assert.DirExists(t, state, "nothing is removed")
}

func TestADockerThatDoesNotAnswerIsNotChecked(t *testing.T) {
	fakeDocker(t, "echo 'Cannot connect to the Docker daemon' >&2; exit 1\n")
	left := leftOnMachine(context.Background(), nil, filepath.Join(t.TempDir(), "absent"), nil, t.TempDir())
	assert.Empty(t, left.Found)
	assert.Equal(t, []string{"builder containers: docker does not answer: Cannot connect to the Docker daemon (exit status 1)"}, left.NotChecked)
}

func TestLeftoversAreWrittenBeforeTheCommandsThatRemoveThem(t *testing.T) {
	left := Leftovers{}
	var text, encoded bytes.Buffer
	require.NoError(t, left.Write(&text))
	require.NoError(t, left.WriteJSON(&encoded))
	assert.Equal(t, "nothing is left\n", text.String())
	assert.JSONEq(t, `{"leftovers":[]}`, encoded.String())

	left.add("log group", "a\x1b[2J", "", "aws logs delete-log-group --log-group-name a")
	left.add("image repository", "layercache/shop", "with\nimages", "aws ecr delete-repository")
	left.notChecked("secrets")
	text.Reset()
	encoded.Reset()
	require.NoError(t, left.Write(&text))
	require.NoError(t, left.WriteJSON(&encoded))
	assert.Equal(t, `log group         a; [2J
image repository  layercache/shop  with; images
not checked: secrets

Nothing was removed. These commands remove what you no longer need:
aws logs delete-log-group --log-group-name a
aws ecr delete-repository
`, text.String())
	assert.Contains(t, encoded.String(), `"notChecked": [`)
}
