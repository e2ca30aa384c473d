package lint

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

const byteOrderMark = "\uFEFF"

// maxSize is the largest Dockerfile in bytes that is read. BuildKit itself only limits lines, to 64 KiB.
const maxSize = 4 << 20

// dockerfile is a parsed Dockerfile.
type dockerfile struct {
	source []byte
	lines  [][]byte // with their line ends
	starts []int    // the offset of each line
	ast    *parser.Node
	escape rune
	syntax string // the frontend in the syntax line; empty without one
	first  *instruction
	args   map[string]string // ARGs before the first FROM that have a default
	stages []*stage
}

// stage is a build stage.
type stage struct {
	from     *instruction
	name     string // lower case; empty for a stage without a name
	base     string // as written
	platform string
	parent   *stage         // the stage in its FROM; nil for an image
	own      []*instruction // the instructions of the stage, in order
	triggers []*instruction // its ONBUILD instructions, without the word ONBUILD
	shell    string         // see instruction
}

// instruction is an instruction, or the one inside an ONBUILD.
type instruction struct {
	node          *parser.Node
	command       any // a type of package instructions
	line, endLine int
	comments      []string
	shell         string // the program of a SHELL above it, if its language is not known; else empty
}

// parse parses a Dockerfile with BuildKit's parser. name is its name in errors.
func parse(source []byte, name string) (*dockerfile, error) {
	if len(source) > maxSize {
		return nil, fmt.Errorf("%s: longer than %d bytes, too long for a Dockerfile: is it the right file? Move embedded content into files of the context",
			printable(name), maxSize)
	}
	if i := bytes.IndexByte(source, 0); i >= 0 {
		return nil, fmt.Errorf("%s:%d: contains a NUL byte, so it is not UTF-8 text: save the Dockerfile as UTF-8", printable(name), 1+bytes.Count(source[:i], []byte("\n")))
	}
	result, err := parser.Parse(bytes.NewReader(source))
	if err != nil {
		return nil, located(err, name)
	}
	syntax, _, _, _ := parser.DetectSyntax(source)
	d := &dockerfile{
		source: source, lines: bytes.SplitAfter(source, []byte("\n")), ast: result.AST, escape: result.EscapeToken,
		syntax: syntax, args: map[string]string{},
	}
	start := 0
	for _, line := range d.lines {
		d.starts = append(d.starts, start)
		start += len(line)
	}
	for _, node := range result.AST.Children {
		if err := d.add(node); err != nil {
			return nil, located(err, name)
		}
	}
	if len(d.stages) == 0 {
		return nil, fmt.Errorf("%s: no FROM: a Dockerfile needs at least one stage", printable(name))
	}
	return d, nil
}

func (d *dockerfile) add(node *parser.Node) error {
	command, err := parseInstruction(node)
	if err != nil {
		return err
	}
	in := &instruction{node: node, command: command, line: node.StartLine, endLine: node.EndLine, comments: node.PrevComment}
	if d.first == nil {
		d.first = in
	}
	if from, ok := command.(*instructions.Stage); ok {
		s := &stage{from: in, name: from.Name, base: from.BaseName, platform: from.Platform, parent: d.stageNamed(from.BaseName)}
		if s.parent != nil {
			s.shell = s.parent.shell
		}
		d.stages = append(d.stages, s)
		return nil
	}
	if len(d.stages) == 0 {
		arg, ok := command.(*instructions.ArgCommand)
		if !ok {
			return parser.WithLocation(fmt.Errorf("%s before the first FROM: only ARG is allowed there", node.Value), node.Location())
		}
		d.addArgs(arg)
		return nil
	}
	current := d.stages[len(d.stages)-1]
	if shell, ok := command.(*instructions.ShellCommand); ok {
		current.shell = unknownShell(shell.Shell)
	}
	in.shell = current.shell
	current.own = append(current.own, in)
	if _, ok := command.(*instructions.OnbuildCommand); ok {
		current.addTrigger(in)
	}
	return nil
}

// unknownShell returns the program of a SHELL if none of its words is a shell whose commands are read here; else empty.
func unknownShell(words []string) string {
	known := append([]string{"zsh", "ksh", "mksh", "pwsh", "powershell", "powershell.exe", "cmd", "cmd.exe"}, shells...)
	if len(words) == 0 || slices.ContainsFunc(words, func(word string) bool { return slices.Contains(known, strings.ToLower(path.Base(word))) }) {
		return ""
	}
	return path.Base(words[0])
}

// parseInstruction parses one instruction. It passes an empty linter, because BuildKit v0.33.0 panics without
// one at a comment "# check=…" above the instruction.
func parseInstruction(node *parser.Node) (any, error) {
	return instructions.ParseInstructionWithLinter(node, linter.New(&linter.Config{}))
}

func (d *dockerfile) addArgs(arg *instructions.ArgCommand) {
	for _, a := range arg.Args {
		if a.Value == nil {
			continue
		}
		if value, ok := d.expand(*a.Value); ok {
			d.args[a.Key] = value
		}
	}
}

// addTrigger parses the instruction after ONBUILD. BuildKit parses it only in the builds that use the image,
// so a syntax error is ignored here.
func (s *stage) addTrigger(onbuild *instruction) {
	if onbuild.node.Next == nil || len(onbuild.node.Next.Children) != 1 {
		return
	}
	node := *onbuild.node.Next.Children[0]
	node.Heredocs, node.StartLine, node.EndLine = onbuild.node.Heredocs, onbuild.line, onbuild.endLine
	command, err := parseInstruction(&node)
	if err != nil {
		return
	}
	s.triggers = append(s.triggers, &instruction{node: &node, command: command, line: onbuild.line, endLine: onbuild.endLine, comments: onbuild.comments})
}

// stageNamed returns the last stage so far with the name, or nil.
func (d *dockerfile) stageNamed(name string) *stage {
	for i := len(d.stages) - 1; i >= 0; i-- {
		if d.stages[i].name != "" && strings.EqualFold(d.stages[i].name, name) {
			return d.stages[i]
		}
	}
	return nil
}

// sequences returns the lists of instructions that run one after the other: those of each stage, and its
// triggers, which run in builds that use the image.
func (d *dockerfile) sequences() [][]*instruction {
	var all [][]*instruction
	for _, s := range d.stages {
		all = append(all, s.own, s.triggers)
	}
	return all
}

// line returns the text of a line, counted from 1.
func (d *dockerfile) line(number int) string {
	if number < 1 || number > len(d.lines) {
		return ""
	}
	return string(bytes.TrimPrefix(bytes.TrimRight(d.lines[number-1], "\r\n"), []byte(byteOrderMark)))
}

// flag returns the value of a flag, and whether the instruction has it.
func (in *instruction) flag(name string) (value string, ok bool) {
	for _, flag := range in.node.Flags {
		key, value, _ := strings.Cut(flag, "=")
		if key == "--"+name {
			return value, true
		}
	}
	return "", false
}

// text returns the text of the instruction, with its heredocs.
func (in *instruction) text() string {
	text := in.node.Original
	for _, heredoc := range in.node.Heredocs {
		text += heredoc.Content
	}
	return text
}

// located adds file name and line to an error of BuildKit's parser.
func located(err error, name string) error {
	var at *parser.LocationError
	if errors.As(err, &at) && len(at.Locations) > 0 && len(at.Locations[0]) > 0 {
		return fmt.Errorf("%s:%d: BuildKit cannot parse this: %s", printable(name), max(1, at.Locations[0][0].Start.Line), printable(err.Error()))
	}
	return fmt.Errorf("%s: BuildKit cannot parse this: %s", printable(name), printable(err.Error()))
}
