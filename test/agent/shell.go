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

// shell runs the commands of a build one after another and carries the working directory and the variables from each to the next.
//
// CodeBuild's documentation says that all commands of a buildspec 0.2 run in one instance of the shell. Its agent writes each
// command into a script of its own and carries the variables, as its error messages (".../script.sh: line 4") and lost arrays show.
// So does this one: `exit` ends the command and not the build, and shell functions and arrays are not carried.
type shell struct {
	path   string
	dir    string
	cwd    string
	env    map[string]string
	group  *group
	output *log
	// command makes the command that starts the shell.
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

// scripts are the files around every command: wrapper.sh takes up the carried variables and runs the command; save.sh
// writes down what has become of the variables and the working directory, also when the command calls exit.
func scripts(s *shell, name, printer string) map[string]string {
	set := "set"
	if name == "bash" {
		// In POSIX mode bash leaves its functions out.
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

// quote makes one word of a text for the shell.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// run runs one command and answers its exit code; one that was killed by a signal has 128 and the signal's number.
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
		// The shell ends at once; what it ran may need a while to clean up.
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

// prepare writes the command's script and removes what the command before it left, so that a command which is killed
// carries nothing and the state before it stays.
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

// failing tells the commands that follow that the build is failing.
func (s *shell) failing() { s.env["CODEBUILD_BUILD_SUCCEEDING"] = "0" }

// Close stops every process that the commands left behind.
func (s *shell) Close() { s.group.Close() }
