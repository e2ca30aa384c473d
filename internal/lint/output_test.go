package lint

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "update the golden files and docs/lint.md")

func requireGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "go test ./internal/lint -update updates the file")
}

func sampleFindings(t *testing.T) []Finding {
	findings, err := Check(samples(t)["python.Dockerfile"], Options{File: "my service/Dockerfile", Context: &Context{Files: fstest.MapFS{"requirements.txt": {}}}})
	require.NoError(t, err)
	fixable, err := Check(samples(t)["go-scratch.Dockerfile"], Options{File: "Dockerfile"})
	require.NoError(t, err)
	return append(findings, fixable...)
}

func TestOutputs(t *testing.T) {
	formats := map[string]func(io.Writer, []Finding) error{"findings.txt": WriteText, "findings.json": WriteJSON, "findings.sarif": WriteSARIF}
	for name, write := range formats {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, write(&out, sampleFindings(t)))
			requireGolden(t, "testdata/"+name, out.String())
		})
	}
}

func TestEveryFormatCanShowNoFindings(t *testing.T) {
	cases := map[string]struct {
		write func(io.Writer, []Finding) error
		want  string
	}{
		"text":  {WriteText, "no findings\n"},
		"json":  {WriteJSON, "\"findings\": []"},
		"sarif": {WriteSARIF, "\"results\": []"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, c.write(&out, nil))
			assert.Contains(t, out.String(), c.want)
		})
	}
}

func TestJSONFindingsCanBeReadBack(t *testing.T) {
	var out bytes.Buffer
	findings := sampleFindings(t)
	require.NoError(t, WriteJSON(&out, findings))
	var read struct{ Findings []Finding }
	require.NoError(t, json.Unmarshal(out.Bytes(), &read))
	for i := range findings {
		findings[i].at = nil
	}
	assert.Equal(t, findings, read.Findings)
	assert.Error(t, json.Unmarshal([]byte(`"fatal"`), new(Level)))
}

// Code scanning services require these parts of a SARIF log.
func TestSARIFHasTheRequiredStructure(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, WriteSARIF(&out, sampleFindings(t)))
	var log sarifLog
	decoder := json.NewDecoder(&out)
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&log))
	assert.Equal(t, "2.1.0", log.Version)
	require.Len(t, log.Runs, 1)
	rules := log.Runs[0].Tool.Driver.Rules
	require.Len(t, rules, len(Rules()))
	require.NotEmpty(t, log.Runs[0].Results)
	for _, result := range log.Runs[0].Results {
		assert.Equal(t, result.RuleID, rules[result.RuleIndex].ID)
		assert.Contains(t, []string{"error", "warning", "note"}, result.Level)
		assert.NotEmpty(t, result.Message.Text)
		place := result.Locations[0].PhysicalLocation
		assert.GreaterOrEqual(t, place.Region.StartLine, 1)
		assert.GreaterOrEqual(t, place.Region.EndLine, place.Region.StartLine)
		_, err := url.Parse(place.ArtifactLocation.URI)
		assert.NoError(t, err)
	}
	assert.Equal(t, "my%20service/Dockerfile", log.Runs[0].Results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI)
}

// A Dockerfile that means to put a link into a message, a command for the log's reader into its line, and lines of its own.
func TestTextOfTheDockerfileStaysText(t *testing.T) {
	const hostile = `[click](https://evil.example)\##[error]x ##vso[task.setvariable]y`
	findings, err := Check([]byte("FROM [click](https://evil.example)\nRUN apt-get update # "+hostile+"\n"), Options{File: "::error::a\n::b/Dockerfile\x1b[2J"})
	require.NoError(t, err)
	require.NotEmpty(t, findings)
	findings = append(findings, Finding{Rule: "unpinned-base", Level: Warning, File: "Dockerfile", Line: 1, EndLine: 1, Source: hostile, Message: hostile, Change: hostile, Effect: hostile})
	var sarif, text, object bytes.Buffer
	require.NoError(t, WriteSARIF(&sarif, findings))
	require.NoError(t, WriteText(&text, findings))
	require.NoError(t, WriteJSON(&object, findings))
	var log sarifLog
	require.NoError(t, json.Unmarshal(sarif.Bytes(), &log))
	results := log.Runs[0].Results
	assert.Contains(t, results[len(results)-1].Message.Text, `\[click\](https://evil.example)\\##\[error\]x`)
	for _, result := range results {
		assert.NotRegexp(t, `(^|[^\\])(\\\\)*\[[^\]]*\]\(`, result.Message.Text, "a link")
	}
	assert.NotContains(t, text.String(), "##[")
	assert.NotContains(t, text.String(), "##vso[")
	assert.NotContains(t, text.String(), "\x1b")
	for line := range strings.Lines(text.String()) {
		assert.False(t, strings.HasPrefix(line, "::"), line)
	}
	assert.Contains(t, object.String(), "[click](https://evil.example)", "JSON holds the text as it is: it says nothing of links")
}

func TestTheURIOfAFile(t *testing.T) {
	for name, want := range map[string]string{
		"Dockerfile": "Dockerfile", "a b/c#d": "a%20b/c%23d", "/tmp/x": "file:///tmp/x", "a:b": "./a:b", "../x": "../x",
	} {
		assert.Equal(t, want, fileURI(name))
	}
}

func TestTheWorstLevel(t *testing.T) {
	assert.Equal(t, Level(0), Worst(nil))
	assert.Equal(t, Warning, Worst([]Finding{{Level: Info}, {Level: Warning}, {Level: Info}}))
}

// docs/lint.md lists the rules.
func TestTheDocumentationHasEveryRule(t *testing.T) {
	var b strings.Builder
	b.WriteString(documentationHead)
	for _, r := range Rules() {
		source := "Docker's documentation"
		if strings.HasPrefix(r.Docs, "https://docs.aws.amazon.com/") {
			source = "AWS's documentation"
		}
		b.WriteString("\n## " + r.ID + "\n\n" + r.Title + " (" + r.Level.String() + ").\n\n" + r.Why + "\n\n[" + source + "](" + r.Docs + ")\n")
	}
	requireGolden(t, "../../docs/lint.md", b.String())
}

const documentationHead = "# Rules of `layercache lint`\n\n" +
	"`layercache lint [FILE]` parses a Dockerfile with BuildKit's own parser and reports what breaks caching: the line, the\n" +
	"reason, the change and its effect. `FILE` is a Dockerfile, a folder that has one, or `-` for the standard input; the default is the\n" +
	"Dockerfile in the current folder. The exit status is 1 if a finding has the level `--fail-on` (default `warning`) or higher.\n\n" +
	"A comment above an instruction silences rules for it: `# layercache:ignore unpinned-base, time-dependent-run`.\n\n" +
	"`--fix` inserts `--link` where the image provably stays the same. No other byte of the file changes; its owner, mode and links\n" +
	"stay too.\n\n" +
	"- *Syntax line*: `--fix` adds none, because the build would then have to pull the frontend. Without one, `--link` needs BuildKit 0.10\n" +
	"  or Docker 23; with one, `--fix` requires Docker's frontend 1.4 or later.\n" +
	"- *Check*: `--fix` parses the result with BuildKit's parser before it writes the file.\n\n" +
	"The proof requires that all files below the layer are known: `COPY --link` would replace a symlink, or a folder with another\n" +
	"owner or mode, on the path to the destination.\n\n" +
	"- *When it is possible*: before the first `RUN` or `ADD` of a stage, if the stage is `FROM scratch` or `FROM` an image whose list of\n" +
	"  files can be read. Below an image that a build argument chooses, nothing is proven.\n" +
	"- *What is read*: the headers in the image's layers, from its registry or the mirrors in `LAYERCACHE_MIRRORS`, for linux/amd64 and\n" +
	"  linux/arm64 unless `FROM` has a platform. This downloads the layers and keeps nothing.\n" +
	"- *Limits*: 1 GB and two minutes for an image.\n" +
	"- *When it is read*: with `--fix`. `--base-images=never` reads no image, `--base-images=always` reads them without `--fix` too;\n" +
	"  otherwise `lint` makes no connection.\n" +
	"- *Moving tags*: the fix is proven for the image that the registry has now. Pin a digest if its tag may get another layout.\n" +
	"- *Without proof*: the finding says what to check before you add the flag.\n\n" +
	"Without `--context`, the context is the Dockerfile's folder, or the nearest above it in the Git repository that has what the\n" +
	"Dockerfile copies. If that is not clear, the rules that need the context report nothing.\n\n" +
	"A warning is given only where every command that matters is known: a script may install packages, read a build argument or check\n" +
	"out a commit. [Evidence](evidence/lint.md): the warnings for twelve public projects, each judged by hand.\n\n" +
	"This file is generated by `go test ./internal/lint -update`.\n"
