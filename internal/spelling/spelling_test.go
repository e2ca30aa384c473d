package spelling

import (
	"strings"
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
		{"another case", "ship", []string{"SHIP"}},
		{"two letters swapped in a short name", "shpo", []string{"shop"}},
		{"two of five letters", "shopp-rp", []string{"shop-pr"}},
		{"no similar name", "billing", nil},
		{"an empty name", "", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, NearOrPart(c.typed, names))
		})
	}
}

// The distance of so long a name takes minutes to calculate, so this test would not end if it were.
func TestAVeryLongNameIsComparedAtOnce(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	assert.Empty(t, NearOrPart(long, []string{"shop", "checkout"}))
	assert.Equal(t, []string{"checkout", "shop"}, NearOrPart(long+"shop-checkout", []string{"shop", "checkout"}))
}

func TestOnlyNearOrPartReturnsNamesThatContainTheTypedOne(t *testing.T) {
	assert.Empty(t, Near("house", []string{"warehouse"}))
	assert.Equal(t, []string{"warehouse"}, Near("warehuose", []string{"shop", "warehouse"}))
}

func TestAFixNamesTheSimilarNamesOrElseAll(t *testing.T) {
	type size string
	sizes := []size{"SMALL", "MEDIUM", "LARGE", "X_LARGE"}
	assert.Equal(t, "did you mean MEDIUM?", Fix("medum", sizes))
	assert.Equal(t, "did you mean X_LARGE?", Fix("xlarge", sizes))
	assert.Equal(t, "did you mean MEDIUM?", Fix("CODEBUILD_MEDIUM", sizes))
	assert.Equal(t, "use one of SMALL, MEDIUM, LARGE, X_LARGE", Fix("tiny", sizes))
}
