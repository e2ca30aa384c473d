// Package cli tests layercache's command line by scripts: the help, the output, the messages and the exit status of each command.
//
// The scripts are in testdata, in the language of testscript with one command more: `exits STATUS PROGRAM ARGS…`.
package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/variables"
	"github.com/layercache/layercache/test/kit/programs"
)

func TestMain(m *testing.M) { programs.Main(m, programs.Bundled, programs.Whole) }

func TestTheCommandLine(t *testing.T) {
	// In the scripts the whole program is called as a person calls it.
	bin := t.TempDir()
	for name, program := range map[string]string{"layercache": programs.Whole, "bundled": programs.Bundled} {
		require.NoError(t, os.Symlink(programs.Path(program), filepath.Join(bin, name)))
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true") // A script reaches no network.
			return nil
		},
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// exits runs a program and fails unless it ends with the status.
func exits(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%v ended with %d, expected %d", args[1:], got, want)
	}
}

// A flag for each variable, and no flag that shadows another: what a command reads, its help names.
func TestTheHelpNamesEachVariable(t *testing.T) {
	for command, read := range map[string]struct {
		variables variables.Command
		named     func(variables.Variable) string
	}{
		"build": {variables.Build, func(v variables.Variable) string { return "\n  " + v.Name + "=" }},
		"image": {variables.Image, func(v variables.Variable) string { return fmt.Sprintf("\n      --%s ", v.Flag()) }},
		"index": {variables.Index, func(v variables.Variable) string { return fmt.Sprintf("\n      --%s ", v.Flag()) }},
	} {
		t.Run(command, func(t *testing.T) {
			help, err := exec.Command(programs.Path(programs.Whole), command, "--help").Output()
			require.NoError(t, err)
			for _, v := range read.variables.Variables() {
				require.Contains(t, string(help), read.named(v))
			}
		})
	}
}
