package spelling

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNearNamesAreProposedTheClosestFirst(t *testing.T) {
	names := []string{"shop", "shop-pr", "checkout", "warehouse", "SHIP"}
	cases := []struct {
		name, typed string
		want        []string
	}{
		{"two letters changed places", "checkuot", []string{"checkout"}},
		{"a letter is missing", "shp", []string{"shop", "SHIP"}},
		{"a part of a name", "house", []string{"warehouse"}},
		{"a name with more at its end", "checkout-eu", []string{"checkout"}},
		{"another case", "ship", []string{"SHIP", "shop"}},
		{"nothing like it", "billing", nil},
		{"nothing", "", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, NearOrPart(c.typed, names))
		})
	}
}

func TestAPartOfANameIsNearOnlyWhereThatIsAskedFor(t *testing.T) {
	assert.Empty(t, Near("house", []string{"warehouse"}))
	assert.Equal(t, []string{"warehouse"}, Near("warehuose", []string{"shop", "warehouse"}))
}
