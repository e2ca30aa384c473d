package stacks

import (
	"fmt"
	"regexp"

	"github.com/layercache/layercache/constructs/validation"
)

var nameForm = regexp.MustCompile(`^[a-z](?:-?[a-z0-9]){1,30}$`)

// Validate returns all problems of the configuration with its defaults, with their keys. Relative paths start
// at the working directory, the directory of cdk.json.
func (c *Config) Validate() validation.Problems {
	c = c.WithDefaults()
	var found validation.Problems
	if !nameForm.MatchString(c.Name) {
		found.Add("layercache.name", fmt.Sprintf("%q has the wrong form", c.Name), "use 2 to 31 lower-case letters and digits with single '-' between them, a letter first")
	}
	c.validateAccounts(&found)
	c.validateTiers(&found)
	c.validatePullThrough(&found)
	c.validateBuilds(&found)
	c.validateDashboard(&found)
	c.validateStacks(&found)
	return found
}
