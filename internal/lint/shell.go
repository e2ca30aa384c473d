package lint

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// shellCommand is one command of a RUN: the base name of the program, and the arguments.
type shellCommand struct {
	program string
	args    []string
}

func (c shellCommand) String() string {
	return strings.Join(append([]string{c.program}, c.args...), " ")
}

// has reports whether one of the words is an argument.
func (c shellCommand) has(words ...string) bool {
	return slices.ContainsFunc(c.args, func(arg string) bool { return slices.Contains(words, arg) })
}

// operands returns the arguments that are not flags.
func (c shellCommand) operands() []string {
	return slices.DeleteFunc(slices.Clone(c.args), func(arg string) bool { return strings.HasPrefix(arg, "-") })
}

// commands returns the commands of a RUN, as far as its text shows them; nil for other instructions.
func (in *instruction) commands() []shellCommand {
	run, ok := in.command.(*instructions.RunCommand)
	if !ok {
		return nil
	}
	if !run.PrependShell {
		return unwrap(run.CmdLine)
	}
	script := strings.Join(run.CmdLine, " ")
	if len(run.Files) > 0 && isScript(script, run.Files[0].Data) {
		script = run.Files[0].Data
	}
	return scriptCommands(script)
}

// isScript reports whether a heredoc is a shell script, and not the input of another command.
func isScript(commandLine, content string) bool {
	first, _, _ := strings.Cut(content, "\n")
	if interpreter, ok := strings.CutPrefix(first, "#!"); ok && !strings.Contains(interpreter, "sh") {
		return false
	}
	words := strings.Fields(commandLine)
	if len(words) == 2 && slices.Contains(shells, path.Base(words[0])) {
		words = words[1:]
	}
	return len(words) == 1 && parser.MustParseHeredoc(words[0]) != nil
}

func scriptCommands(script string) []shellCommand {
	var commands []shellCommand
	for _, words := range splitScript(script) {
		commands = append(commands, unwrap(words)...)
	}
	return commands
}

var (
	shells   = []string{"sh", "bash", "ash", "dash"}
	wrappers = []string{
		"sudo", "env", "exec", "time", "nice", "command", "xargs", "eval", "set", "corepack",
		"if", "then", "elif", "else", "do", "while", "until", "!", "{",
	}
)

// unwrap removes words before a program: variables, keywords of the shell, and programs that start another
// program. The argument of "sh -c" is parsed as a script.
func unwrap(words []string) []shellCommand {
	for len(words) > 0 {
		word := words[0]
		switch {
		case isAssignment(word):
			words = words[1:]
		case slices.Contains(wrappers, path.Base(word)):
			words = words[1:]
			for len(words) > 0 && strings.HasPrefix(words[0], "-") {
				words = words[1:]
			}
		case slices.Contains(shells, path.Base(word)):
			return shellScript(words)
		default:
			return []shellCommand{{program: path.Base(word), args: words[1:]}}
		}
	}
	return nil
}

// shellScript returns the commands of the script after -c. The recursion ends because an inner script is
// shorter than the outer one.
func shellScript(words []string) []shellCommand {
	for i, word := range words[1:] {
		if strings.HasPrefix(word, "-") && strings.HasSuffix(word, "c") && i+2 < len(words) {
			return scriptCommands(words[i+2])
		}
	}
	return []shellCommand{{program: path.Base(words[0]), args: words[1:]}}
}

func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
