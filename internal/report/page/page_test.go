package page

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostile ends scripts and comments, begins tags, and contains the page's own placeholders.
const hostile = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>{{script}}{{style}}\u2028&\"'"

func pages(t *testing.T) map[string]string {
	t.Helper()
	made := map[string]string{}
	for name, render := range map[string]func(any) ([]byte, error){"build": Build, "comparison": Comparison} {
		content, err := render(map[string]string{hostile: hostile})
		require.NoError(t, err)
		made[name] = string(content)
	}
	return made
}

func TestTextFromOutsideCannotLeaveTheData(t *testing.T) {
	for name, content := range pages(t) {
		t.Run(name, func(t *testing.T) {
			assert.NotContains(t, content, "<img")
			assert.NotContains(t, content, "<!--")
			assert.Equal(t, 2, strings.Count(content, "<script"), "the data and the script")
			assert.Equal(t, 2, strings.Count(content, "</script>"))
			assert.Contains(t, content, "{{script}}", "text that looks like a placeholder stays text")
		})
	}
}

func TestThePageAllowsOnlyItsOwnScript(t *testing.T) {
	for name, content := range pages(t) {
		t.Run(name, func(t *testing.T) {
			for element, attribute := range map[string]string{"script": "script-src", "style": "style-src"} {
				source := regexp.MustCompile(`(?s)<` + element + `>(.*?)</` + element + `>`).FindStringSubmatch(content)
				require.Len(t, source, 2)
				assert.Contains(t, content, attribute+" '"+hash(source[1])+"'")
			}
			assert.Contains(t, content, "default-src 'none'")
			assert.NotRegexp(t, `https?://`, content, "nothing is fetched")
		})
	}
}

// The scripts create elements and set text. They use no function that parses text as HTML or runs it.
func TestTheScriptsNeverParseTextAsHTML(t *testing.T) {
	for name, script := range map[string]string{"common": common, "timeline": timeline, "build": build, "comparison": comparison} {
		assert.NotRegexp(t, `innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|\.href|\.src\b`, script, name)
	}
}

func TestTextFromOutsideDoesNotChangeTheDirectionOfWriting(t *testing.T) {
	content, err := Build(map[string]string{"a": "b\u202ec\u2066d ветка"})
	require.NoError(t, err)
	assert.Contains(t, string(content), "{\"a\":\"b\ufffdc\ufffdd ветка\"}")
}

func TestDataThatCannotBeJSONIsAnError(t *testing.T) {
	_, err := Build(func() {})
	require.ErrorContains(t, err, "write the page")
}
