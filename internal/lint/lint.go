// Package lint gives advice on what breaks layer caching in a Dockerfile, and makes the changes that cannot alter the image.
//
// Dockerfiles are read with BuildKit's own parser, so that stages, heredocs, continued lines and escape directives mean here
// what they mean in a build.
package lint

import (
	"cmp"
	"slices"
)

// Options say what is known besides the Dockerfile's text.
type Options struct {
	// File is the Dockerfile's name in findings and errors. Default: "Dockerfile".
	File string
	// Context is the build context. Nil when it is not known: advice that needs it is left out.
	Context *Context
}

func (o Options) file() string { return cmp.Or(o.File, "Dockerfile") }

// Check returns the findings in a Dockerfile, in the order of its lines. The error says where BuildKit could not read it.
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

// checker is what a rule sees of a Dockerfile, and where it reports.
type checker struct {
	*dockerfile
	options  Options
	rule     Rule
	findings []Finding
}

// advice is the part of a finding that a rule writes.
type advice struct {
	level                   Level // default: the rule's
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
