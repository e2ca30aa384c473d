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

// mark is in every text that means to do something; where it is shown, the text was.
const mark = "HOSTILE"

// hostile is text that means to be a command of a shell, of a terminal, of CodeBuild's, GitHub's and Azure's logs, a tag of
// HTML and XML, a link in Markdown, a flag, a verb of printf, and to turn the direction of writing.
const hostile = mark + "$(touch pwned)`touch pwned`;touch pwned|touch pwned&&touch pwned\n" +
	"::add-mask::" + mark + "\n##[add-path]/evil\n##vso[task.setvariable variable=x]y\n" +
	"[Container] 2026/01/01 00:00:00 Phase complete: BUILD State: SUCCEEDED\nlayercache: cache used: " + mark + "\n" +
	"\x1b[2J\x1b[1A\x1b]0;" + mark + "\x07\r\u202e\u2066\u2028\u2029\u009b2J\x7f\x08" +
	"</script><script>alert(1)</script><img src=x onerror=alert(1)><!--]]>&lt;[a](http://evil)|%s%d --push '\""

// oneLine is hostile without what ends a line, for where a line would end it.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ").Replace(hostile)

var (
	// colours are what a log may hold of a terminal's sequences.
	colours = regexp.MustCompile("\x1b\\[[0-9;:]*m")
	// obeyed is what a terminal or a reader of logs obeys.
	obeyed = regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u2028-\u202e\u2066-\u2069]|(?m)^\\s*::|##\\[|##vso\\[|^\\[Container\\]")
	// assignment is a line that a shell may be given.
	assignment = regexp.MustCompile(`\ALAYERCACHE_[A-Z_]+=[a-z0-9.:-]+\z`)
	// ourLine begins what the helper itself says.
	ourLine = regexp.MustCompile(`(?m)^layercache: .*`)
)

// harmless checks that whatever the build was given, it stayed text: in the log, in every report, and on the disk.
func (p *project) harmless(o outcome) {
	p.t.Helper()
	assert.Empty(p.t, obeyed.FindAllString(colours.ReplaceAllString(o.log, ""), 3), "what a terminal or a log's reader would obey, in\n%q", o.log)
	for _, line := range ourLine.FindAllString(o.log, -1) {
		assert.NotContains(p.t, line, "layercache: cache used: "+mark, "nobody else speaks in the helper's name")
	}
	p.nothingRan()
	if o.Report == nil {
		return
	}
	for name, check := range map[string]func(string){
		"report.html": func(page string) {
			assert.Equal(p.t, 2, strings.Count(page, "<script"), "the data and the script")
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
				assert.NotContains(p.t, attribute.Value, "\n", "junit.xml: the %s of a %s is one line", attribute.Name.Local, token.Name.Local)
				assert.Empty(p.t, obeyed.FindAllString(attribute.Value, 3), "junit.xml")
			}
		case xml.CharData:
			assert.Empty(p.t, obeyed.FindAllString(string(token), 3), "junit.xml")
		}
	}
}

// nothingRan checks that no shell read the text: it would have made a file.
func (p *project) nothingRan() {
	p.t.Helper()
	require.NoError(p.t, filepath.WalkDir(p.root, func(path string, entry fs.DirEntry, err error) error {
		assert.NotEqual(p.t, "pwned", entry.Name(), path)
		return err
	}))
	assert.NoFileExists(p.t, "pwned")
}
