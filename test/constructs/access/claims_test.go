package access

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestExpectedAnswersSupportTheClaimsOfThePage(t *testing.T) {
	for _, w := range matrices(t) {
		written := readExpectations(t, w)
		may := func(p principal, a string, on target) bool {
			answer, _ := written.of(cell{who: p, action: action{name: a}, target: on})
			return answer == yes
		}
		for _, on := range w.targets {
			for _, a := range kinds[on.kind] {
				for _, p := range w.principals {
					what := strings.Join([]string{w.name, on.name, a.name, p.name}, ": ")
					if p.name == "stranger" || strings.HasSuffix(p.name, "elsewhere") {
						assert.False(t, may(p, a.name, on), "%s: strangers must not be allowed anything", what)
					}
					if p.fromTemplate && !harmless(a.name) {
						assert.False(t, may(p, a.name, on), "%s: no role of the templates may be allowed this", what)
					}
					if strings.Contains(p.name, "pull request") && a.name == "create the repository" {
						assert.False(t, may(p, a.name, on), "%s: a pull request could choose the settings of a base image's repository", what)
					}
					if p.source == nil && on.kind == "role" {
						assert.False(t, may(p, a.name, on), "%s: only a service may assume a role", what)
					}
					if !strings.Contains(p.name, "pull request") || a.name != "push" && a.name != "overwrite a tag" || !may(p, a.name, on) {
						continue
					}
					for _, other := range w.principals {
						reads := strings.Contains(other.name, "release") && (may(other, "pull", on) || may(other, "later pull", on))
						assert.False(t, reads, "%s: a pull request can write what %s reads", what, other.name)
					}
				}
			}
		}
	}
}

// harmless reports whether roles of the templates may be allowed the action. All others administer or destroy
// resources.
func harmless(action string) bool {
	switch action {
	case "delete an image", "change the policy", "delete", "change", "replace", "list", "read its settings", "read earlier values":
		return false
	}
	return true
}
