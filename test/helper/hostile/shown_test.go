//go:build linux

package hostile

import (
	"encoding/xml"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mark is a part of every hostile text, and shows where such a text appears.
const mark = "HOSTILE"

// hostile is text in the form of commands for a shell, for a terminal and for the logs of CodeBuild, GitHub
// and Azure, of HTML and XML tags, a Markdown link, a flag, printf verbs, and characters that change the
// direction of text.
const hostile = mark + "$(touch pwned)`touch pwned`;touch pwned|touch pwned&&touch pwned\n" +
	"::add-mask::" + mark + "\n##[add-path]/evil\n##vso[task.setvariable variable=x]y\n" +
	"[Container] 2026/01/01 00:00:00 Phase complete: BUILD State: SUCCEEDED\nlayercache: cache used: " + mark + "\n" +
	"\x1b[2J\x1b[1A\x1b]0;" + mark + "\x07\r\u202e\u2066\u2028\u2029\u009b2J\x7f\x08" +
	"</script><script>alert(1)</script><img src=x onerror=alert(1)><!--]]>&lt;[a](http://evil)|%s%d --push '\""

// oneLine is hostile without line ends, for places where a line end would end the text.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ").Replace(hostile)

var (
	// colours are the only terminal sequences that a log may contain.
	colours = regexp.MustCompile("\x1b\\[[0-9;:]*m")
	// obeyed matches commands for terminals and log viewers.
	obeyed = regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u2028-\u202e\u2066-\u2069]|(?m)^\\s*::|##\\[|##vso\\[|^\\[Container\\]")
	// assignment matches a line that is safe for a shell.
	assignment = regexp.MustCompile(`\ALAYERCACHE_[A-Z_]+=[a-z0-9.:-]+\z`)
	// helperLine matches a line of the helper.
	helperLine = regexp.MustCompile(`(?m)^layercache: .*`)
)

// harmless checks that hostile input had no effect in the log, in any report, or on the disk.
func (p *project) harmless(o outcome) {
	p.t.Helper()
	assert.Empty(p.t, obeyed.FindAllString(colours.ReplaceAllString(o.log, ""), 3), "commands for a terminal or a log viewer in\n%q", o.log)
	for _, line := range helperLine.FindAllString(o.log, -1) {
		assert.NotContains(p.t, line, "layercache: cache used: "+mark, "no other text may look like a line of the helper")
	}
	p.nothingRan()
	if o.Report == nil {
		return
	}
	for name, check := range map[string]func(string){
		"report.html": func(page string) {
			assert.Equal(p.t, 2, strings.Count(page, "<script"), "report.html has two script elements: the data and the script")
			assert.NotContains(p.t, page, "<img")
			assert.NotContains(p.t, page, "<!--")
			assert.NotRegexp(p.t, "[\u202a-\u202e\u2066-\u2069]", page)
		},
		"report.md": func(page string) { assert.Empty(p.t, obeyed.FindAllString(page, 3)) },
		"junit.xml": func(page string) { p.wellFormed(page) },
		"exports.env": func(page string) {
			for line := range strings.Lines(page) {
				assert.Regexp(p.t, assignment, strings.TrimSuffix(line, "\n"))
			}
		},
	} {
		content, err := os.ReadFile(filepath.Join(p.reports, name))
		require.NoError(p.t, err)
		check(string(content))
	}
}

func (p *project) wellFormed(document string) {
	p.t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(document))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return
		}
		if !assert.NoError(p.t, err, "junit.xml") {
			return
		}
		switch token := token.(type) {
		case xml.StartElement:
			assert.Contains(p.t, []string{"testsuite", "testcase", "properties", "property", "failure", "system-out"}, token.Name.Local)
			for _, attribute := range token.Attr {
				assert.NotContains(p.t, attribute.Value, "\n", "junit.xml: the %s of a %s must be one line", attribute.Name.Local, token.Name.Local)
				assert.Empty(p.t, obeyed.FindAllString(attribute.Value, 3), "junit.xml")
			}
		case xml.CharData:
			assert.Empty(p.t, obeyed.FindAllString(string(token), 3), "junit.xml")
		}
	}
}

// nothingRan checks that no shell ran the hostile text, which would have created the file pwned.
func (p *project) nothingRan() {
	p.t.Helper()
	require.NoError(p.t, filepath.WalkDir(p.root, func(path string, entry fs.DirEntry, err error) error {
		assert.NotEqual(p.t, "pwned", entry.Name(), path)
		return err
	}))
	assert.NoFileExists(p.t, "pwned")
}
