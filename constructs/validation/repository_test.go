package validation

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheNamesOfRepositories(t *testing.T) {
	for _, c := range []struct {
		name, repository string
		valid            bool
	}{
		{"two letters", "ab", true},
		{"one letter", "a", false},
		{"nothing", "", false},
		{"a namespace", "team/shop/api", true},
		{"a dot, an underscore and a hyphen", "a.b_c-d", true},
		{"two underscores", "a__b", true},
		{"three underscores", "a___b", false},
		{"several hyphens", "a---b", true},
		{"two dots", "a..b", false},
		{"two kinds of separators", "a.-b", false},
		{"a separator at the end", "team/shop-", false},
		{"a slash at the end", "team/", false},
		{"capitals", "Team/shop", false},
		{"a tag", "team/shop:1", false},
		{"a line end", "team/shop\n", false},
		{"256 characters", strings.Repeat("a", 256), true},
		{"257 characters", strings.Repeat("a", 257), false},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.valid, IsRepositoryName(c.repository)) })
	}
}
