package access

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// Absolute paths, because a synthesis changes the working directory.
var (
	script      = absolute("simulate.mjs")
	expectedDir = absolute("expected")
)

// page has the tables.
const page = "docs/security.md"

func absolute(path string) string {
	full, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return full
}

// expectations holds the expected answers of an example, by target name.
type expectations map[string]expectation

// expectation lists who may do what with one target. Everyone who is not listed is refused.
type expectation struct {
	// May lists the allowed principals by action; every action of the target must be present.
	May map[string][]string
	// Roles that only one side refuses: the role's own policy, or the resource's policy.
	ByRoleAlone     map[string][]string `yaml:"refused by the role alone"`
	ByResourceAlone map[string][]string `yaml:"refused by the resource alone"`
	// Because is a note for the page, where the reason is not obvious.
	Because string
	// Finding describes what is allowed but should not be, and how to fix it. Unwanted lists those
	// principals; each is also in May.
	Finding  string
	Unwanted map[string][]string
}

// of returns the expected answer for a cell, and whether its target and action are listed.
func (e expectations) of(c cell) (answer, bool) {
	expected, ok := e[c.target.name]
	if !ok {
		return "", false
	}
	_, known := expected.May[c.action.name]
	for _, listed := range []struct {
		names map[string][]string
		means answer
	}{{expected.May, yes}, {expected.ByRoleAlone, byRoleAlone}, {expected.ByResourceAlone, byResourceAlone}} {
		if slices.Contains(listed.names[c.action.name], c.who.name) {
			return listed.means, known
		}
	}
	return no, known
}

// readExpectations reads the expected answers of an example. Names that are not in the matrix fail the test.
func readExpectations(t *testing.T, w *matrix) expectations {
	t.Helper()
	file := filepath.Join(expectedDir, w.name+".yaml")
	text, err := os.Open(file)
	require.NoError(t, err)
	defer text.Close()
	decoder := yaml.NewDecoder(text)
	decoder.KnownFields(true)
	var all expectations
	require.NoError(t, decoder.Decode(&all), file)
	var people []string
	for _, p := range w.principals {
		people = append(people, p.name)
	}
	actions := map[string][]string{}
	for _, target := range w.targets {
		for _, a := range kinds[target.kind] {
			actions[target.name] = append(actions[target.name], a.name)
		}
	}
	for name, e := range all {
		for _, lists := range []map[string][]string{e.May, e.ByRoleAlone, e.ByResourceAlone, e.Unwanted} {
			for action, list := range lists {
				assert.Contains(t, actions[name], action, "%s: %s", file, name)
				assert.Subset(t, people, list, "%s: %s: %s", file, name, action)
			}
		}
		for action, list := range e.Unwanted {
			assert.Subset(t, e.May[action], list, "%s: %s: listed as unwanted but not under may", file, fmt.Sprint(name, ": ", action))
		}
		assert.Equal(t, e.Finding == "", e.Unwanted == nil, "%s: %s: finding and unwanted must be set together", file, name)
	}
	return all
}
