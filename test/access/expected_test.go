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

// The paths, absolute since a synthesis changes the working directory.
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

// expectations are what is written down for an example, by the name of the
// target.
type expectations map[string]expectation

// expectation says for one target who may do what. Who is not listed may not.
type expectation struct {
	// May are the principals that may, by action; every action is there.
	May map[string][]string
	// Half are roles that are refused by one side alone: by the policy of the
	// role, or by that of the resource.
	ByRoleAlone     map[string][]string `yaml:"refused by the role alone"`
	ByResourceAlone map[string][]string `yaml:"refused by the resource alone"`
	// Because tells the reason of what is not obvious.
	Because string
	// Finding tells what is allowed and should not be, and the fix; Unwanted are
	// those among May.
	Finding  string
	Unwanted map[string][]string
}

// of is what is written down for a cell.
func (e expectations) of(c cell) (answer, bool) {
	target, ok := e[c.target.name]
	if !ok {
		return "", false
	}
	_, known := target.May[c.action.name]
	for _, listed := range []struct {
		names map[string][]string
		means answer
	}{{target.May, yes}, {target.ByRoleAlone, byRoleAlone}, {target.ByResourceAlone, byResourceAlone}} {
		if slices.Contains(listed.names[c.action.name], c.who.name) {
			return listed.means, known
		}
	}
	return no, known
}

// readExpectations reads the file of an example and refuses names that the
// world does not have.
func readExpectations(t *testing.T, w *world) expectations {
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
			assert.Subset(t, e.May[action], list, "%s: %s: unwanted, yet refused", file, fmt.Sprint(name, ": ", action))
		}
		assert.Equal(t, e.Finding == "", e.Unwanted == nil, "%s: %s: a finding names who is unwanted", file, name)
	}
	return all
}
