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
	// environment holds the assignments before the program.
	environment []string
	// kept reports whether the output may go anywhere but to the log of the build.
	kept bool
	// fallback reports whether the command runs only if a variable is not set.
	fallback bool
}

func (c shellCommand) String() string {
	return strings.ReplaceAll(strings.Join(append([]string{c.program}, c.args...), " "), literalDollar, "$")
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
		return execCommands(run.CmdLine)
	}
	if in.shell != "" {
		return []shellCommand{{program: in.shell, args: run.CmdLine}}
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

// execCommands returns the commands of the exec form. Without a shell, nothing is expanded.
func execCommands(words []string) []shellCommand {
	commands := unwrap(words)
	if len(words) > 0 && slices.Contains(shells, path.Base(words[0])) {
		return commands
	}
	for i := range commands {
		for j, arg := range commands[i].args {
			commands[i].args[j] = strings.ReplaceAll(arg, "$", literalDollar)
		}
	}
	return commands
}

func scriptCommands(script string) []shellCommand {
	var commands []shellCommand
	split := splitScript(script)
	kept := keptOutputs(split)
	for i, command := range split {
		inner := unwrap(command.words)
		for j := range inner {
			inner[j].kept = inner[j].kept || kept[i]
			inner[j].fallback = inner[j].fallback || command.fallback
		}
		commands = append(commands, inner...)
	}
	return commands
}

// keptOutputs reports for each command whether its output may go anywhere but to the log of the build.
func keptOutputs(commands []scriptCommand) []bool {
	kept := make([]bool, len(commands))
	byOuter := map[int]bool{}                     // whether a command keeps what is in its substitutions, by its id
	for i, c := range slices.Backward(commands) { // A command comes after those in its substitutions.
		kept[i] = c.piped || redirects(c.words) || byOuter[c.outer]
		if c.id > 0 {
			byOuter[c.id] = kept[i] || !slices.Contains([]string{"echo", "printf", ":"}, c.words[0])
		}
	}
	return kept
}

// redirects reports whether the output goes to a file.
func redirects(words []string) bool {
	for i, word := range words {
		_, target, ok := strings.Cut(strings.TrimPrefix(word, "&"), ">")
		target = strings.TrimPrefix(target, ">")
		if target == "" && i+1 < len(words) {
			target = words[i+1]
		}
		if ok && target != "" && !strings.HasPrefix(target, "&") && !slices.Contains(unkept, target) {
			return true
		}
	}
	return false
}

// unkept lists targets of redirections that keep nothing.
var unkept = []string{"/dev/null", "/dev/stderr", "/dev/stdout", "/dev/tty", "/dev/fd/1", "/dev/fd/2", "/proc/self/fd/1", "/proc/self/fd/2"}

var shells = []string{"sh", "bash", "ash", "dash"}

// wrappers are the words that may stand before a program: keywords of the shell, and programs that start another
// program.
var wrappers = map[string]wrapper{
	"sudo": {"CDRTUghprtu", 0}, "doas": {"Cu", 0}, "env": {"CSu", 0}, "exec": {"a", 0}, "time": {"fo", 0}, "nice": {"n", 0}, "ionice": {"cn", 0},
	"nohup": {}, "stdbuf": {"eio", 0}, "timeout": {"ks", 1}, "xargs": {"EILPadns", 0}, "gosu": {"", 1}, "su-exec": {"", 1},
	"command": {}, "corepack": {}, "busybox": {},
	"if": {}, "then": {}, "elif": {}, "else": {}, "do": {}, "while": {}, "until": {}, "!": {}, "{": {},
}

// wrapper is a word before a program: the letters of its options whose value is the next word, and the number of its
// operands.
type wrapper struct {
	withValue string
	operands  int
}

// inner returns the words of the program that the wrapper starts.
func (w wrapper) inner(words []string) []string {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		option := words[0]
		words = words[1:]
		if !strings.HasPrefix(option, "--") && strings.ContainsAny(option[len(option)-1:], w.withValue) && len(words) > 0 {
			words = words[1:]
		}
	}
	return words[min(w.operands, len(words)):]
}

// unwrap removes words before a program: variables, keywords of the shell, and programs that start another
// program. The argument of "sh -c" is parsed as a script.
func unwrap(words []string) []shellCommand {
	var environment []string
	for len(words) > 0 {
		word := words[0]
		switch {
		case isAssignment(word):
			environment = append(environment, word)
			words = words[1:]
		case word == "command" && len(words) > 1 && strings.HasPrefix(strings.ToLower(words[1]), "-v"):
			return []shellCommand{{program: word, args: words[1:]}} // It only looks for the program.
		case isWrapper(word):
			words = wrappers[path.Base(word)].inner(words[1:])
			if path.Base(word) == "xargs" && len(words) > 0 {
				words = append(slices.Clone(words), moreWords)
			}
		case slices.Contains(shells, path.Base(word)):
			return shellScript(words)
		default:
			return []shellCommand{{program: path.Base(word), args: slices.Clone(words[1:]), environment: environment}}
		}
	}
	return nil
}

// moreWords stands for the words that xargs adds.
const moreWords = "…"

func isWrapper(word string) bool {
	_, ok := wrappers[path.Base(word)]
	return ok
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
