package validation

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheNamesOfRepositories(t *testing.T) {
	for _, c := range []struct {
		name, repository string
		valid, new       bool
	}{
		{"two letters", "ab", true, true},
		{"one letter", "a", false, false},
		{"nothing", "", false, false},
		{"a namespace", "team/shop/api", true, true},
		{"a dot, an underscore and a hyphen", "a.b_c-d", true, true},
		{"two underscores", "a__b", true, false},
		{"three underscores", "a___b", false, false},
		{"several hyphens", "a---b", true, false},
		{"two dots", "a..b", false, false},
		{"two kinds of separators", "a.-b", false, false},
		{"a separator at the end", "team/shop-", false, false},
		{"a slash at the end", "team/", false, false},
		{"capitals", "Team/shop", false, false},
		{"a tag", "team/shop:1", false, false},
		{"a line end", "team/shop\n", false, false},
		{"256 characters", strings.Repeat("a", 256), true, true},
		{"257 characters", strings.Repeat("a", 257), false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.valid, IsRepositoryName(c.repository))
			assert.Equal(t, c.new, IsNewRepositoryName(c.repository), "a new one")
		})
	}
}
