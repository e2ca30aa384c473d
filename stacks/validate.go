package stacks

import (
	"fmt"
	"regexp"

	"github.com/layercache/layercache/constructs/validation"
)

var nameForm = regexp.MustCompile(`^[a-z](?:-?[a-z0-9]){1,30}$`)

// problems collects problems by key.
type problems []validation.Problem

func (p *problems) add(key, wrong, fix string) {
	*p = append(*p, validation.Problem{Prop: key, Wrong: wrong, Fix: fix})
}

// Validate sets the defaults and returns all problems, with their keys. Relative paths start at the working
// directory, the directory of cdk.json.
func (c *Config) Validate() []validation.Problem {
	var found problems
	if c.Name == "" {
		c.Name = defaultName
	}
	if !nameForm.MatchString(c.Name) {
		found.add("layercache.name", fmt.Sprintf("%q has the wrong form", c.Name), "use 2 to 31 lower-case letters and digits with single '-' between them, a letter first")
	}
	c.validateAccounts(&found)
	c.validateTiers(&found)
	c.validatePullThrough(&found)
	c.validateBuilds(&found)
	return found
}
