package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// shell runs the commands of a build one after another and passes the working directory and the variables
// from each to the next.
//
// CodeBuild's documentation claims that all commands of a buildspec 0.2 run in one instance of the shell. Its
// error messages (".../script.sh: line 4") and lost arrays show that its agent writes each command into a
// separate script and passes the variables on. This agent does the same: `exit` ends the command and not the
// build, and shell functions and arrays are lost.
type shell struct {
	path   string
	dir    string
	cwd    string
	env    map[string]string
	group  *group
	output *log
	// command creates the command that starts the shell.
	command func(ctx context.Context, program string, arguments ...string) *exec.Cmd
}

func newShell(name, dir, cwd string, env map[string]string, output *log) (*shell, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("agent: the buildspec's env.shell is %s, which is not installed: %w", name, err)
	}
	printer, err := exec.LookPath("env")
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	s := &shell{path: path, dir: dir, cwd: cwd, env: env, output: output, command: exec.CommandContext}
	for script, text := range scripts(s, name, printer) {
		if err := os.WriteFile(s.file(script), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("agent: %w", err)
		}
	}
	s.group, err = newGroup()
	return s, err
}

func (s *shell) file(name string) string { return filepath.Join(s.dir, name) }

// scripts returns the scripts around every command: wrapper.sh restores the variables and runs the command.
// save.sh saves the variables and the working directory, even if the command calls exit.
func scripts(s *shell, name, printer string) map[string]string {
	set := "set"
	if name == "bash" {
		// In POSIX mode, bash does not print functions.
		set = "(set -o posix; set)"
	}
	save := `{ set -- "$?"; set +eux; } 2>/dev/null
` + set + " >" + quote(s.file("variables")) + `
` + quote(printer) + " -0 >" + quote(s.file("environment")) + `
pwd >` + quote(s.file("cwd")) + `
exit "$1"
`
	wrapper := ". " + quote(s.file("carried.sh")) + `
trap ` + quote(". "+quote(s.file("save.sh"))) + ` EXIT
. ` + quote(s.file("command.sh")) + `
. ` + quote(s.file("save.sh")) + `
`
	return map[string]string{"carried.sh": "", "save.sh": save, "wrapper.sh": wrapper}
}

// quote returns the text as one word for the shell.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// run runs one command and returns its exit code. For a command that was killed by a signal, this is 128 plus
// the signal's number.
func (s *shell) run(ctx context.Context, command string) (int, error) {
	if err := s.prepare(command); err != nil {
		return 1, err
	}
	cmd := s.command(ctx, s.path, s.file("wrapper.sh"))
	cmd.Dir = s.cwd
	cmd.Env = s.environ()
	cmd.Stdout = s.output.pipe
	cmd.Stderr = s.output.pipe
	s.group.adopt(cmd)
	err := cmd.Run()
	if ctx.Err() != nil {
		// The shell ends immediately; its child processes may need time to clean up.
		s.group.Close()
	}
	s.carry()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return exitCode(exit), nil
	default:
		return 1, fmt.Errorf("agent: %w", err)
	}
}

// prepare writes the command's script and removes the files that the previous command saved. If the command
// is killed, the state before it remains.
func (s *shell) prepare(command string) error {
	for _, name := range []string{"variables", "environment", "cwd"} {
		if err := os.RemoveAll(s.file(name)); err != nil {
			return fmt.Errorf("agent: %w", err)
		}
	}
	if err := os.WriteFile(s.file("command.sh"), []byte(command+"\n"), 0o600); err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	return nil
}

// failing sets CODEBUILD_BUILD_SUCCEEDING to 0 for the following commands.
func (s *shell) failing() { s.env["CODEBUILD_BUILD_SUCCEEDING"] = "0" }

// Close stops all remaining processes of the commands.
func (s *shell) Close() { s.group.Close() }
