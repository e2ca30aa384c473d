package lint

import (
	"bytes"
	"io"
	"testing"
	"testing/fstest"
	"unicode"

	"github.com/stretchr/testify/require"
)

func addSamples(f *testing.F) {
	for _, source := range samples(f) {
		f.Add(source)
		f.Add(bytes.ReplaceAll(source, []byte("\n"), []byte("\r\n")))
		f.Add(append([]byte(byteOrderMark), source...))
	}
	f.Add([]byte("FROM scratch\nCOPY a /a/\nCO\\\nPY b /b/\nCOPY\t\\\n#\n\n c /c\n"))
	f.Add([]byte("#!x\n#escape=`\nFROM scratch\nCOPY <<-a <<b /c/\n\ta\nb\nCOPY --link=0 x /\n"))
}

func FuzzCheck(f *testing.F) {
	addSamples(f)
	context := &Context{Files: fstest.MapFS{".git/HEAD": {}, "src/x": {}}}
	f.Fuzz(func(t *testing.T, source []byte) {
		findings, err := Check(source, Options{Context: context})
		if err != nil {
			requirePrintable(t, err.Error())
			return
		}
		lines := 1 + bytes.Count(source, []byte("\n"))
		last := 1
		for _, finding := range findings {
			require.LessOrEqual(t, last, finding.Line)
			require.LessOrEqual(t, finding.Line, finding.EndLine)
			require.LessOrEqual(t, finding.EndLine, lines)
			last = finding.Line
			requirePrintable(t, finding.Source+finding.Message+finding.Change+finding.Effect)
			require.NotEmpty(t, finding.Change)
			require.NotEmpty(t, finding.Effect)
		}
		require.NoError(t, WriteText(io.Discard, findings))
		require.NoError(t, WriteSARIF(io.Discard, findings))
	})
}

func FuzzFix(f *testing.F) {
	addSamples(f)
	f.Fuzz(func(t *testing.T, source []byte) { checkFix(t, source) })
}

func requirePrintable(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		require.True(t, unicode.IsPrint(r), "%q in %q", r, text)
	}
}
