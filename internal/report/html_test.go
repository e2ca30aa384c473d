package report

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThePageHoldsTheReportAsData(t *testing.T) {
	content, err := full().HTML()
	require.NoError(t, err)
	data := regexp.MustCompile(`<script type="application/json" id="data">(.*)</script>`).FindSubmatch(content)
	require.Len(t, data, 2)
	var page struct {
		Line   string
		Hits   []int
		Parts  []Part
		Policy string
		Mounts string
		Report Report
	}
	require.NoError(t, json.Unmarshal(data[1], &page))
	assert.Equal(t, *full(), page.Report)
	assert.Equal(t, full().Line(), page.Line)
	assert.Equal(t, []int{1, 2}, page.Hits)
	assert.Len(t, page.Parts, 9)
	assert.Equal(t, full().PolicyLine(), page.Policy)
	assert.Equal(t, full().MountsLine(), page.Mounts)
}

func TestHostileTextStaysDataInThePage(t *testing.T) {
	clean, err := full().HTML()
	require.NoError(t, err)
	content, err := hostile("</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'--><!--").HTML()
	require.NoError(t, err)
	tag := regexp.MustCompile(`<[!/a-zA-Z]`)
	assert.Len(t, tag.FindAll(content, -1), len(tag.FindAll(clean, -1)), "as many tags as in a harmless page")
}
