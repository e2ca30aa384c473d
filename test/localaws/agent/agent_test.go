package agent_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/localaws/agent"
)

// run runs a buildspec with the given changes to the build, and returns the result and the log.
func run(t *testing.T, buildspec string, changes ...func(*agent.Build)) (*agent.Result, string) {
	t.Helper()
	result, log, err := try(t, buildspec, changes...)
	require.NoError(t, err, log)
	return result, log
}

func try(t *testing.T, buildspec string, changes ...func(*agent.Build)) (*agent.Result, string, error) {
	t.Helper()
	var log bytes.Buffer
	build := newBuild(t, buildspec)
	build.Output = &log
	for _, change := range changes {
		change(&build)
	}
	result, err := build.Run(context.Background())
	return result, log.String(), err
}

func newBuild(t *testing.T, buildspec string) agent.Build {
	t.Helper()
	return agent.Build{
		Project: "app", Account: "111122223333", Region: "eu-central-1", Partition: "aws",
		Image:     "aws/codebuild/amazonlinux-x86_64-standard:5.0",
		BuildSpec: buildspec,
		Dir:       t.TempDir(),
		Env:       []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/root"},
	}
}

func statuses(result *agent.Result) map[string]agent.Status {
	found := map[string]agent.Status{}
	for _, phase := range result.Phases {
		found[phase.Name] = phase.Status
	}
	return found
}

func TestPhaseTransitions(t *testing.T) {
	const good, bad = agent.Succeeded, agent.Failed
	cases := map[string]struct {
		phases string
		want   map[string]agent.Status
		status agent.Status
	}{
		"phases run in CodeBuild's order, not in the file's": {
			`{post_build: {commands: [test -f built]}, build: {commands: [test -f ready, touch built]}, install: {commands: [touch ready]}}`,
			map[string]agent.Status{"INSTALL": good, "BUILD": good, "POST_BUILD": good}, good,
		},
		"a failed install ends the build": {
			`{install: {commands: ["false"]}, pre_build: {commands: ["true"]}, build: {commands: ["true"]}, post_build: {commands: ["true"]}}`,
			map[string]agent.Status{"INSTALL": bad}, bad,
		},
		"a failed pre_build ends the build": {
			`{pre_build: {commands: ["false"]}, build: {commands: ["true"]}, post_build: {commands: ["true"]}}`,
			map[string]agent.Status{"PRE_BUILD": bad}, bad,
		},
		"post_build runs after a failed build, which stays failed": {
			`{build: {commands: ["false"]}, post_build: {commands: ["true"]}}`,
			map[string]agent.Status{"BUILD": bad, "POST_BUILD": good}, bad,
		},
		"a failed post_build fails the build": {
			`{build: {commands: ["true"]}, post_build: {commands: ["false"]}}`,
			map[string]agent.Status{"BUILD": good, "POST_BUILD": bad}, bad,
		},
		"on-failure ABORT skips post_build": {
			`{build: {on-failure: ABORT, commands: ["false"]}, post_build: {commands: ["true"]}}`,
			map[string]agent.Status{"BUILD": bad}, bad,
		},
		"on-failure CONTINUE lets the build run after a failed install": {
			`{install: {on-failure: CONTINUE, commands: ["false"]}, build: {commands: ["true"]}}`,
			map[string]agent.Status{"INSTALL": bad, "BUILD": good}, bad,
		},
		"a failed command skips the rest of its phase": {
			`{build: {commands: ["false", touch reached]}, post_build: {commands: [test ! -f reached]}}`,
			map[string]agent.Status{"BUILD": bad, "POST_BUILD": good}, bad,
		},
		"finally runs after a failed command": {
			`{build: {commands: ["false"], finally: [touch reached]}, post_build: {commands: [test -f reached]}}`,
			map[string]agent.Status{"BUILD": bad, "POST_BUILD": good}, bad,
		},
		"finally runs in a phase that ends the build": {
			`{install: {commands: ["false"], finally: [touch "$CODEBUILD_SRC_DIR/reached"]}}`,
			map[string]agent.Status{"INSTALL": bad}, bad,
		},
		"finally runs after successful commands": {
			`{build: {commands: ["true"], finally: [touch reached]}, post_build: {commands: [test -f reached]}}`,
			map[string]agent.Status{"BUILD": good, "POST_BUILD": good}, good,
		},
		"a failed finally fails its phase": {
			`{pre_build: {commands: ["true"], finally: ["false"]}, build: {commands: ["true"]}}`,
			map[string]agent.Status{"PRE_BUILD": bad}, bad,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result, log := run(t, "version: 0.2\nphases: "+c.phases)
			assert.Equal(t, c.want, statuses(result), log)
			assert.Equal(t, c.status, result.Status)
		})
	}
}

func TestAFailedPhaseNamesTheCommand(t *testing.T) {
	result, log := run(t, `
version: 0.2
phases:
  build:
    commands: ["true", exit 3]
    finally: [exit 4]
`)
	require.Len(t, result.Phases, 1)
	assert.Equal(t, 3, result.Phases[0].ExitCode, "the exit code must be that of the first failure, not that of finally")
	assert.Equal(t, "exit 3", result.Phases[0].Command)
	assert.Contains(t, log, "Phase complete: BUILD State: FAILED")
	assert.Contains(t, log, "Error while executing command: exit 3. Reason: exit status 3")
	assert.Contains(t, log, "Command did not exit successfully exit 4 exit status 4")
}

func TestBuildSucceedingFollowsTheBuild(t *testing.T) {
	result, log := run(t, `
version: 0.2
phases:
  install: {commands: ['test "$CODEBUILD_BUILD_SUCCEEDING" = 1']}
  build:
    commands: ["false"]
    finally: ['test "$CODEBUILD_BUILD_SUCCEEDING" = 0']
  post_build: {commands: ['test "$CODEBUILD_BUILD_SUCCEEDING" = 0']}
`)
	assert.Equal(t, "false", result.Phases[1].Command, log)
	assert.Equal(t, agent.Succeeded, result.Phases[2].Status, log)
}
