package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// update is the variable that makes the tests rewrite their snapshots.
const update = "LAYERCACHE_UPDATE_SNAPSHOTS"

func TestMarkdownEqualsTheSnapshots(t *testing.T) {
	failed := full()
	failed.ExitCode, failed.Steps[2].Error = 1, "exit code: 1"
	for name, r := range map[string]*Report{"full": full(), "minimal": minimal(), "failed": failed} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".md")
			if os.Getenv(update) != "" {
				require.NoError(t, os.WriteFile(path, r.Markdown(), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(r.Markdown()), "if the change is intended, run this test with %s=true", update)
		})
	}
}

func TestFromIsTheBaseAndNotAStepThatRan(t *testing.T) {
	r := minimal()
	r.Steps = []Step{{Stage: "a", Instruction: "FROM golang"}, {Stage: "a", Instruction: "RUN make"}, {Stage: "b", Instruction: "FROM gone", Error: "not found"}}
	assert.Contains(t, string(r.Markdown()), "| `FROM golang` | base | 0.00 |")
	assert.Contains(t, string(r.Markdown()), "| `RUN make` | ran | 0.00 |")
	assert.Contains(t, string(r.Markdown()), "| `FROM gone` | failed | 0.00 |")
}

// 5 of 8 steps are 0.625, which the page shows as 63 %.
func TestTheHitRatioIsRoundedAsOnThePage(t *testing.T) {
	ratio := 0.625
	r := full()
	r.HitRatio = &ratio
	assert.Contains(t, string(r.Markdown()), "(hit ratio 0.63)")
	for value, want := range map[float64]string{0.625: "0.63", -0.001: "0.00", -0.625: "-0.63", 1: "1.00"} {
		assert.Equal(t, want, Decimal(&value, 2))
	}
}

func TestHostileTextStaysTextInMarkdown(t *testing.T) {
	const evil = "x\n# h\n| a | b |\n<script>a()</script> [l](javascript:a) ![i](http://e) ` `` www.e.com\x1b[0m"
	content := string(hostile(evil).Markdown())
	inCode := strings.Count(content, "``` x # h")
	assert.Positive(t, inCode)
	for _, line := range strings.Split(content, "\n") {
		for i, part := range strings.Split(line, "```") {
			if i%2 == 1 {
				continue
			}
			for _, bad := range []string{"<script", "[l](", "![i]", "http://", "www.e", "| a |"} {
				assert.NotContains(t, part, bad)
			}
		}
		assert.NotRegexp(t, `^(# h|\| a \|)`, line)
	}
}
