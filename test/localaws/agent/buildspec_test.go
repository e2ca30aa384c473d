package agent_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBuildspecIsRefused(t *testing.T) {
	const phases = "\nphases: {build: {commands: [echo]}}"
	cases := map[string]struct{ buildspec, want string }{
		"for another version":                    {"version: 0.1" + phases, `version is "0.1": this agent supports 0.2`},
		"without a version":                      {"env: {}" + phases, `version is ""`},
		"without phases":                         {"version: 0.2", "phases is required"},
		"when it is empty":                       {"", "the buildspec is empty"},
		"when it is not YAML":                    {"version: [", "is not YAML"},
		"for an unknown key":                     {"version: 0.2\nstages: {}" + phases, "line 2: stages is not a key of a buildspec"},
		"for an unknown phase":                   {"version: 0.2\nphases: {deploy: {commands: [echo]}}", "phases.deploy is not a key"},
		"for a misspelt key of a phase":          {"version: 0.2\nphases: {build: {command: [echo]}}", "phases.build.command is not a key"},
		"for a phase without commands":           {"version: 0.2\nphases: {build: {finally: [echo]}}", "phases.build.commands is required"},
		"for commands that are not a list":       {"version: 0.2\nphases: {build: {commands: echo}}", "phases.build.commands is not a list"},
		"for a command that YAML reads as a map": {"version: 0.2\nphases: {build: {commands: [echo a: b]}}", "phases.build.commands[0] is not a string"},
		"for a key given twice":                  {"version: 0.2\nversion: 0.2" + phases, "version is given twice"},
		"for artifacts":                          {"version: 0.2\nartifacts: {}" + phases, "artifacts is a feature of CodeBuild that this agent does not have"},
		"for a cache":                            {"version: 0.2\ncache: {}" + phases, "cache is a feature"},
		"for secrets":                            {"version: 0.2\nenv: {secrets-manager: {A: b}}" + phases, "env.secrets-manager is a feature"},
		"for runtime versions":                   {"version: 0.2\nphases: {install: {runtime-versions: {go: 1}, commands: [echo]}}", "phases.install.runtime-versions is a feature"},
		"for another user":                       {"version: 0.2\nphases: {build: {run-as: me, commands: [echo]}}", "phases.build.run-as is a feature"},
		"for retries":                            {"version: 0.2\nphases: {build: {on-failure: RETRY-2, commands: [echo]}}", "does not support RETRY"},
		"for an unknown on-failure":              {"version: 0.2\nphases: {build: {on-failure: stop, commands: [echo]}}", `on-failure is "stop"`},
		"for a shell of another system":          {"version: 0.2\nenv: {shell: powershell.exe}" + phases, "on Linux, use bash or /bin/sh"},
		"for a variable with a reserved name":    {"version: 0.2\nenv: {variables: {CODEBUILD_X: y}}" + phases, "reserved"},
		"for an exported AWS variable":           {"version: 0.2\nenv: {exported-variables: [AWS_REGION]}" + phases, "AWS_REGION cannot be exported"},
		"for a report group without files":       {"version: 0.2\nreports: {group: {file-format: JUNITXML}}" + phases, "reports.group.files is required"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, log, err := try(t, c.buildspec)
			assert.ErrorContains(t, err, c.want)
			assert.Empty(t, log, "nothing may run")
		})
	}
}

func TestBuildspecProblemsAreListedTogether(t *testing.T) {
	_, _, err := try(t, "version: 0.1\ncache: {}\nphases: {build: {run-as: me}}")
	assert.Len(t, strings.Split(err.Error(), "\n"), 4, err)
}

func TestBuildspecMayUseAnchors(t *testing.T) {
	result, log := run(t, "version: 0.2\nphases: {install: &a {commands: [echo same]}, build: *a}")
	assert.Len(t, result.Phases, 2)
	assert.Equal(t, 2, strings.Count(log, "\nsame\n"))
}
