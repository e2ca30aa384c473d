package variables

import (
	"fmt"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/spelling"
)

// Similar returns the variables that were probably meant. There are none if the name is known, or similar to none: the user
// may have LAYERCACHE_* variables for other purposes.
func Similar(name string) []string {
	typed, ours := strings.CutPrefix(name, Prefix)
	if _, known := Find(name); known || !ours || strings.HasPrefix(name, SecretPrefix) {
		return nil
	}
	var known []string
	for _, v := range table {
		known = append(known, strings.TrimPrefix(v.Name, Prefix))
	}
	similar := spelling.Near(typed, known)
	for i := range similar {
		similar[i] = Prefix + similar[i]
	}
	return similar
}

// Misspelt returns a sentence with the variables of Similar, or an empty text.
func Misspelt(name string) string {
	similar := Similar(name)
	if len(similar) == 0 {
		return ""
	}
	return fmt.Sprintf("%s is not a variable of layercache: %s", name, spelling.Question(similar))
}

// MisspeltIn returns the sentences of Misspelt for an environment in the form of os.Environ, in the order of the names.
func MisspeltIn(environ []string) []string {
	var found []string
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(entry, "=")
		if sentence := Misspelt(name); sentence != "" {
			found = append(found, sentence)
		}
	}
	return found
}
