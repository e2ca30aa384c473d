package agent_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/test/localaws/agent"
)

func TestShellCarriesState(t *testing.T) {
	cases := map[string]struct {
		commands []string
		want     string
	}{
		"an exported variable":                     {[]string{"export A='x y'", `echo "[$A]"`}, "[x y]"},
		"an exported variable reaches programs":    {[]string{"export A=x", `sh -c 'echo "[$A]"'`}, "[x]"},
		"a variable that is not exported":          {[]string{"A=x", `echo "[$A]"`}, "[x]"},
		"a variable that is not exported stays so": {[]string{"A=x", "true", `echo "[$A]"; sh -c 'echo "<$A>"'`}, "[x]\n<>"},
		"a change to an exported variable":         {[]string{"export A=x", "A=y", `sh -c 'echo "[$A]"'`}, "[y]"},
		"an unset variable":                        {[]string{"export A=x", "unset A", `echo "[${A-gone}]"`}, "[gone]"},
		"a value with a line break":                {[]string{"A='x\ny'; B=1", `echo "[$A$B]"`}, "[x\ny1]"},
		"a value with every kind of quote":         {[]string{`A="it's \"\$here\" \\"`, `printf '[%s]\n' "$A"`}, `[it's "$here" \]`},
		"the working directory":                    {[]string{"mkdir -p 'a b'", "cd 'a b'", `echo "[${PWD##*/}]"`}, "[a b]"},
		"variables of a command that calls exit":   {[]string{"A=x; cd /; exit 0", `echo "[$A$PWD]"`}, "[x/]"},
		"the output of a command with a trap":      {[]string{"trap 'echo bye' EXIT; A=x", `echo "[$A]"`}, "bye"},
		"variables after a command with a trap":    {[]string{"trap 'echo bye' EXIT; A=x", `echo "[$A]"`}, "[x]"},
		"no shell options":                         {[]string{"set -eu", `echo "[$NOBODY]"`}, "[]"},
	}
	for _, shell := range []string{"bash", "/bin/sh"} {
		for name, c := range cases {
			t.Run(shell+" carries "+name, func(t *testing.T) {
				result, log := runCommands(t, shell, c.commands)
				assert.Equal(t, agent.Succeeded, result.Status, log)
				assert.Contains(t, log, "\n"+c.want+"\n")
			})
		}
	}
}

func TestShellRunsCommands(t *testing.T) {
	cases := map[string]struct {
		commands []string
		status   agent.Status
		code     int
		want     string
	}{
		"of several lines":                         {[]string{"if true; then\n  echo one\nfi\necho two"}, agent.Succeeded, 0, "one\ntwo"},
		"that read standard input, which is empty": {[]string{`cat; echo "after"`, "echo next"}, agent.Succeeded, 0, "next"},
		"that call exit 0 in the middle":           {[]string{"exit 0; echo unreached", "echo next"}, agent.Succeeded, 0, "next"},
		"that call exit 3":                         {[]string{"exit 3", "echo unreached"}, agent.Failed, 3, ""},
		"that fail under set -e":                   {[]string{"set -e; false; echo unreached"}, agent.Failed, 1, ""},
		"that call exec":                           {[]string{"A=x", "exec true", `echo "[$A]"`}, agent.Succeeded, 0, "[x]"},
		"that kill themselves":                     {[]string{"kill -9 $$"}, agent.Failed, 137, ""},
		"that are not shell syntax":                {[]string{"if then"}, agent.Failed, 2, ""},
		"that leave a process in the background":   {[]string{"sleep 60 & echo $! >pid", `kill -0 "$(cat pid)" && echo alive`}, agent.Succeeded, 0, "alive"},
		"whose last pipe element fails":            {[]string{"true | false"}, agent.Failed, 1, ""},
		"that write to standard error":             {[]string{"echo loud >&2"}, agent.Succeeded, 0, "loud"},
	}
	for _, shell := range []string{"bash", "/bin/sh"} {
		for name, c := range cases {
			t.Run(shell+" runs commands "+name, func(t *testing.T) {
				result, log := runCommands(t, shell, c.commands)
				assert.Equal(t, c.status, result.Status, log)
				assert.Equal(t, c.code, result.Phases[0].ExitCode, log)
				assert.NotContains(t, strings.ReplaceAll(log, "echo unreached", ""), "unreached")
				if c.want != "" {
					assert.Contains(t, log, "\n"+c.want+"\n")
				}
			})
		}
	}
}

func TestBashArraysAreNotCarried(t *testing.T) {
	result, log := runCommands(t, "bash", []string{"A=(x y)", `echo "[${A[1]-gone}]"`})
	assert.Equal(t, agent.Succeeded, result.Status, log)
	assert.Contains(t, log, "\n[gone]\n")
}

func runCommands(t *testing.T, shell string, commands []string) (*agent.Result, string) {
	t.Helper()
	var spec strings.Builder
	spec.WriteString("version: 0.2\nenv: {shell: " + shell + "}\nphases:\n  build:\n    commands:\n")
	for _, command := range commands {
		spec.WriteString("      - |-\n        " + strings.ReplaceAll(command, "\n", "\n        ") + "\n")
	}
	return run(t, spec.String())
}
