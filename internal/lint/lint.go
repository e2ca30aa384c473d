// Package lint finds what breaks layer caching in a Dockerfile, and makes the changes that cannot alter the
// image.
//
// It parses Dockerfiles with BuildKit's own parser, so stages, heredocs, continued lines and escape
// directives are read as in a build.
package lint

import (
	"cmp"
	"slices"
)

// Options are the options of Check and Fix.
type Options struct {
	// File is the Dockerfile's name in findings and errors. Default: "Dockerfile".
	File string
	// Context is the build context. If nil, rules that need it report nothing.
	Context *Context
	// Bases lists the files of base images. If nil, nothing is known of them.
	Bases Bases
}

func (o Options) file() string { return cmp.Or(o.File, "Dockerfile") }

// Check returns the findings in a Dockerfile, in the order of its lines. The error names the line that
// BuildKit cannot parse.
func Check(source []byte, options Options) ([]Finding, error) {
	file, err := parse(source, options.file())
	if err != nil {
		return nil, err
	}
	return check(file, options), nil
}

func check(file *dockerfile, options Options) []Finding {
	c := checker{dockerfile: file, options: options}
	for _, r := range rules() {
		c.rule = r.Rule
		r.check(&c)
	}
	slices.SortStableFunc(c.findings, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return c.findings
}

// checker gives a rule access to the Dockerfile and collects its findings.
type checker struct {
	*dockerfile
	options  Options
	rule     Rule
	findings []Finding
}

// advice is the part of a finding that a rule writes.
type advice struct {
	level                   Level // default: the level of the rule
	message, change, effect string
	fixable                 bool
}

func (c *checker) report(at *instruction, a advice) {
	if at.ignores(c.rule.ID) {
		return
	}
	c.findings = append(c.findings, Finding{
		Rule: c.rule.ID, Level: cmp.Or(a.level, c.rule.Level), File: printable(c.options.file()), Line: at.line, EndLine: at.endLine,
		Source: excerpt(c.line(at.line)), Message: printable(a.message), Change: printable(a.change), Effect: printable(a.effect),
		Docs: c.rule.Docs, Fixable: a.fixable, at: at,
	})
}
