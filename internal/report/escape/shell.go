package escape

import (
	"regexp"
	"strings"
)

// plainWord matches arguments that a shell takes as they are.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

// Shell returns the argument for a command line of a shell, in quotes if it needs them.
func Shell(argument string) string {
	if plainWord.MatchString(argument) {
		return argument
	}
	return "'" + strings.ReplaceAll(argument, "'", `'\''`) + "'"
}
