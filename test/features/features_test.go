// Package features checks docs/features.md against the tests that it names.
package features

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var link = regexp.MustCompile("\\[`((?:Test|Example)\\w+)`\\]\\(([^)]+)\\)")

func TestEveryFeatureNamesTestsThatAreThere(t *testing.T) {
	const page = "../../docs/features.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	rows := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| feature |") {
			continue
		}
		rows++
		links := link.FindAllStringSubmatch(line, -1)
		assert.NotEmpty(t, links, line)
		for _, l := range links {
			source, err := os.ReadFile(filepath.Join(filepath.Dir(page), l[2]))
			require.NoError(t, err, line)
			assert.Contains(t, string(source), "func "+l[1]+"(", l[2])
		}
	}
	assert.NotZero(t, rows)
}
