package lint

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

const linkFlag = "--link"

// Fix makes the changes that cannot alter the image: it inserts --link where this is proven to be safe. All
// other bytes are kept, including line ends and a byte order mark. It returns the fixed findings, in the
// order of their lines.
//
// It adds no syntax line, because the build would then have to pull the frontend.
func Fix(source []byte, options Options) (fixed []byte, done []Finding, err error) {
	file, err := parse(source, options.file())
	if err != nil {
		return nil, nil, err
	}
	var edits []edit
	for _, f := range check(file, options) {
		if f.Fixable {
			edits = append(edits, edit{file.linkOffset(f.at), " " + linkFlag})
			done = append(done, f)
		}
	}
	if len(done) == 0 {
		return source, nil, nil
	}
	fixed = insert(source, edits)
	if err := file.verify(fixed, done); err != nil {
		return nil, nil, fmt.Errorf("%s: nothing was fixed, because BuildKit would parse the fixed file differently: %s", printable(options.file()), printable(err.Error()))
	}
	return fixed, done, nil
}

// edit is an insertion.
type edit struct {
	offset int
	text   string
}

func insert(source []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.offset - b.offset })
	var out []byte
	last := 0
	for _, e := range edits {
		out = append(append(out, source[last:e.offset]...), e.text...)
		last = e.offset
	}
	return append(out, source[last:]...)
}

// linkOffset returns the offset for " --link", directly after the instruction's name; -1 if a line
// continuation splits the name.
func (d *dockerfile) linkOffset(in *instruction) int {
	line := d.lines[in.line-1]
	rest := bytes.TrimLeftFunc(bytes.TrimPrefix(line, []byte(byteOrderMark)), unicode.IsSpace)
	name := in.node.Value
	if !bytes.HasPrefix(rest, []byte(name)) {
		return -1
	}
	after := rest[len(name):]
	if len(after) == 0 || !strings.ContainsRune(" \t\v\f\r", rune(after[0])) && !continues(after, d.escape) {
		return -1
	}
	return d.starts[in.line-1] + len(line) - len(after)
}

// continues reports whether the line ends here with a line continuation.
func continues(rest []byte, escape rune) bool {
	return strings.TrimRight(string(rest), " \t\r\n") == string(escape)
}

// verify parses the fixed Dockerfile. It must be the same as before, except for the added flags.
func (d *dockerfile) verify(fixed []byte, done []Finding) error {
	after, err := parser.Parse(bytes.NewReader(fixed))
	if err != nil {
		return err
	}
	if after.EscapeToken != d.escape || len(after.AST.Children) != len(d.ast.Children) {
		return errors.New("it has other instructions")
	}
	linked := map[*parser.Node]bool{}
	for _, f := range done {
		linked[f.at.node] = f.Fixable
	}
	for i, node := range d.ast.Children {
		if !sameInstruction(node, after.AST.Children[i], linked[node]) {
			return fmt.Errorf("the instruction in line %d has changed", node.StartLine)
		}
	}
	return nil
}

func sameInstruction(before, after *parser.Node, linked bool) bool {
	flags := after.Flags
	if linked {
		if len(flags) == 0 || flags[0] != linkFlag {
			return false
		}
		flags = flags[1:]
	}
	a, b := *before, *after
	a.Flags, b.Flags = nil, nil
	return slices.Equal(before.Flags, flags) && a.Dump() == b.Dump() && slices.Equal(a.Heredocs, b.Heredocs)
}
