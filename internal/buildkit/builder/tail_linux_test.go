package builder

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTail(t *testing.T) {
	for name, c := range map[string]struct {
		writes []string
		want   string
	}{
		"less than the limit":             {[]string{"ab", "cd"}, "abcd"},
		"just the limit":                  {[]string{"abcd", "efgh"}, "abcdefgh"},
		"more in several writes":          {[]string{"abcd", "efgh", "ij"}, "cdefghij"},
		"more in one write":               {[]string{"ab", "cdefghijkl"}, "efghijkl"},
		"a long write and a short one":    {[]string{"abcdefghijkl", "m"}, "fghijklm"},
		"an empty write after the limit":  {[]string{"abcdefghij", ""}, "cdefghij"},
		"nothing":                         {nil, ""},
		"a line that ends with a newline": {[]string{"starting\n", "failed\n"}, "\nfailed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			log := tail{limit: 8}
			for _, text := range c.writes {
				n, err := fmt.Fprint(&log, text)
				assert.NoError(t, err)
				assert.Equal(t, len(text), n)
			}
			assert.Equal(t, c.want, log.String())
		})
	}
}

// buildkitd of a job writes for hours.
func TestTailUsesNoMoreMemoryThanItsLimit(t *testing.T) {
	log := tail{limit: 8}
	for range 1000 {
		fmt.Fprint(&log, strings.Repeat("x", 100))
	}
	assert.LessOrEqual(t, cap(log.kept), 64)
}
