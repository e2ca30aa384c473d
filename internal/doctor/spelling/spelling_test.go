package spelling

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSimilarNamesAreReturnedTheClosestFirst(t *testing.T) {
	names := []string{"shop", "shop-pr", "checkout", "warehouse", "SHIP"}
	cases := []struct {
		name, typed string
		want        []string
	}{
		{"two letters swapped", "checkuot", []string{"checkout"}},
		{"a missing letter", "shp", []string{"shop", "SHIP"}},
		{"a part of a name", "house", []string{"warehouse"}},
		{"a longer name", "checkout-eu", []string{"checkout"}},
		{"another case", "ship", []string{"SHIP", "shop"}},
		{"no similar name", "billing", nil},
		{"an empty name", "", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, NearOrPart(c.typed, names))
		})
	}
}

func TestOnlyNearOrPartReturnsNamesThatContainTheTypedOne(t *testing.T) {
	assert.Empty(t, Near("house", []string{"warehouse"}))
	assert.Equal(t, []string{"warehouse"}, Near("warehuose", []string{"shop", "warehouse"}))
}
