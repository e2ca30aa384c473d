package agent_test

import (
	"context"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/test/localaws/agent"
)

func TestEnvironment(t *testing.T) {
	cases := map[string]struct{ command, want string }{
		"the start of the build overrides the project": {`echo "[$A]"`, "[start]"},
		"the project overrides the buildspec":          {`echo "[$B]"`, "[project]"},
		"the buildspec overrides the image":            {`echo "[$C]"`, "[spec]"},
		"the image's variables are set":                {`echo "[$D]"`, "[image]"},
		"this machine's environment is not passed on":  {`echo "[${LEAKED-none}]"`, "[none]"},
		"values are not expanded":                      {`echo "[$E]"`, "[$HOME/x]"},
		"the region is set for SDKs and CLI":           {`echo "[$AWS_REGION $AWS_DEFAULT_REGION]"`, "[eu-central-1 eu-central-1]"},
		"the build number counts from one":             {`echo "[$CODEBUILD_BUILD_NUMBER]"`, "[1]"},
		"the image is named":                           {`echo "[$CODEBUILD_BUILD_IMAGE]"`, "[aws/codebuild/amazonlinux-x86_64-standard:5.0]"},
		"the ARN contains the id":                      {`echo "[${CODEBUILD_BUILD_ARN%"$CODEBUILD_BUILD_ID"}]"`, "[arn:aws:codebuild:eu-central-1:111122223333:build/]"},
		"the id contains the project":                  {`echo "[${CODEBUILD_BUILD_ID%%:*}]"`, "[app]"},
		"the source version is set":                    {`echo "[$CODEBUILD_SOURCE_VERSION $CODEBUILD_RESOLVED_SOURCE_VERSION]"`, "[abc abc]"},
		"commands start in the source directory":       {`test "$PWD" = "$CODEBUILD_SRC_DIR" && echo "[yes]"`, "[yes]"},
		"secondary sources have a separate directory":  {`test -d "$CODEBUILD_SRC_DIR_tools" && echo "[yes]"`, "[yes]"},
	}
	t.Setenv("LEAKED", "yes")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result, log := run(t, `
version: 0.2
env: {variables: {A: spec, B: spec, C: spec}}
phases: {build: {commands: ['`+c.command+`']}}
`, func(b *agent.Build) {
				b.Env = append(b.Env, "A=image", "B=image", "C=image", "D=image")
				b.Variables = map[string]string{"A": "project", "B": "project", "E": "$HOME/x"}
				b.Overrides = map[string]string{"A": "start"}
				b.SourceVersion = "abc"
				b.SecondarySources = map[string]string{"tools": t.TempDir()}
			})
			assert.Equal(t, agent.Succeeded, result.Status, log)
			assert.Contains(t, log, "\n"+c.want+"\n")
		})
	}
}

func TestTheIDAndTheCommandCanBeGiven(t *testing.T) {
	result, log := run(t, "version: 0.2\nphases: {build: {commands: ['echo \"[$CODEBUILD_BUILD_ID $INSIDE]\"']}}", func(b *agent.Build) {
		b.ID = "app:1"
		b.Command = func(ctx context.Context, program string, arguments ...string) *exec.Cmd {
			return exec.CommandContext(ctx, "env", append([]string{"INSIDE=yes", program}, arguments...)...)
		}
	})
	assert.Equal(t, "app:1", result.ID)
	assert.Contains(t, log, "\n[app:1 yes]\n")
}

func TestExportedVariables(t *testing.T) {
	result, log := run(t, `
version: 0.2
env:
  variables: {GIVEN: as it was}
  exported-variables: [GIVEN, SET, CHANGED, PLAIN, NEVER]
phases:
  build:
    commands: [export SET=one CHANGED=one, PLAIN=one, exit 1]
  post_build:
    commands: [export CHANGED=two]
`)
	assert.Equal(t, map[string]string{"GIVEN": "as it was", "SET": "one", "CHANGED": "two"}, result.Exported)
	assert.Contains(t, log, "Exported variable PLAIN is not set in the environment")
	assert.Contains(t, log, "Exported variable NEVER is not set in the environment")
}

func TestBuildIsRefused(t *testing.T) {
	const spec = "version: 0.2\nphases: {build: {commands: [echo]}}"
	t.Run("without a region", func(t *testing.T) {
		_, _, err := try(t, spec, func(b *agent.Build) { b.Region = "" })
		assert.ErrorContains(t, err, "Build.Region is empty")
	})
	t.Run("in a directory that is not fresh", func(t *testing.T) {
		_, _, err := try(t, spec, func(b *agent.Build) { b.Dir = "." })
		assert.ErrorContains(t, err, "is not empty")
	})
}
