package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parsedJUnit(t *testing.T, r *Report) junitSuite {
	t.Helper()
	content, err := r.JUnit()
	require.NoError(t, err)
	var suite junitSuite
	require.NoError(t, xml.Unmarshal(content, &suite), "well-formed")
	assert.Len(t, suite.Cases, suite.Tests)
	return suite
}

func TestTheReportsOfAnIndex(t *testing.T) {
	digest := "sha256:" + strings.Repeat("1", 64)
	for name, c := range map[string]struct {
		lines   []string
		digest  string
		failure error
		output  string
		message string
		exports string
	}{
		"an index was pushed": {
			[]string{"r.example/shop:v1@sha256:1", "r.example/shop:v2@sha256:1"}, digest, nil, "r.example/shop:v1@sha256:1\nr.example/shop:v2@sha256:1", "", digest,
		},
		"there was nothing to join": {nil, "", nil, "", "", "unknown"},
		"the images could not be joined": {
			[]string{"r.example/shop:v1@sha256:1"}, "", errors.New("join\nr.example/shop:v2: \x1b[31mnot found"), "r.example/shop:v1@sha256:1", "join r.example/shop:v2: not found", "unknown",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new")
			require.NoError(t, WriteIndex(dir, c.lines, c.digest, 1500*time.Millisecond, c.failure))
			content, err := os.ReadFile(filepath.Join(dir, "junit.xml"))
			require.NoError(t, err)
			var suite junitSuite
			require.NoError(t, xml.Unmarshal(content, &suite))
			require.Len(t, suite.Cases, 1)
			exports, err := os.ReadFile(filepath.Join(dir, "exports.env"))
			require.NoError(t, err)
			assert.Equal(t, "LAYERCACHE_IMAGE_DIGEST="+c.exports+"\n", string(exports))
			assert.Equal(t, 1, suite.Tests)
			assert.Equal(t, c.output, suite.Cases[0].Output)
			assert.Equal(t, "1.500", suite.Cases[0].Time)
			if c.failure == nil {
				assert.Nil(t, suite.Cases[0].Failure)
				assert.Zero(t, suite.Failures)
				return
			}
			assert.Equal(t, c.message, suite.Cases[0].Failure.Message)
			assert.Equal(t, 1, suite.Failures)
		})
	}
	err := WriteIndex("/proc/report", nil, "", 0, nil)
	assert.ErrorContains(t, err, "set LAYERCACHE_REPORT_DIR to a writable folder")
}

func TestJUnitHasTheVerdictAndAStepForEachTestCase(t *testing.T) {
	r := full()
	r.Steps = []Step{
		{Stage: "build", Instruction: "COPY . .", Cached: true, SavedSeconds: number(12)},
		{Stage: "build", Platform: "linux/arm64", Instruction: "RUN echo \"]]>\" <&1 \x1b[31m\x00\nmake", Seconds: 1.5, Error: "exit code: 2"},
		{Instruction: "RUN id"},
	}
	r.Misses, r.Mounts = []Miss{{Step: 1, Cause: "its text changed"}}, nil
	suite := parsedJUnit(t, r)
	assert.Equal(t, 4, suite.Tests)
	assert.Equal(t, 1, suite.Failures)

	verdict := suite.Cases[0]
	assert.Equal(t, "verdict", verdict.Name, "the name is the same in every build")
	assert.Contains(t, verdict.Output, "cache partly used")
	assert.Contains(t, verdict.Output, "its text changed")
	assert.Contains(t, verdict.Properties, junitProperty{"verdict", "partly-used"})

	assert.Equal(t, "COPY . .", suite.Cases[1].Name)
	assert.Equal(t, "cached: it took 12 s when it last ran", suite.Cases[1].Output)
	assert.Equal(t, []junitProperty{{"cached", "true"}}, suite.Cases[1].Properties)

	assert.Equal(t, "linux/arm64 build", suite.Cases[2].ClassName)
	assert.Equal(t, "RUN echo \"]]>\" <&1 \ufffd make", suite.Cases[2].Name)
	assert.Equal(t, "exit code: 2", suite.Cases[2].Failure.Message)
	assert.Equal(t, "1.500", suite.Cases[2].Time)
	assert.Equal(t, "failed", suite.Cases[2].Output)

	assert.Equal(t, "Dockerfile", suite.Cases[3].ClassName)
	assert.Equal(t, "ran", suite.Cases[3].Output)
}

func TestEqualInstructionsHaveDifferentNames(t *testing.T) {
	suite := parsedJUnit(t, &Report{Steps: []Step{{Stage: "a", Instruction: "RUN x"}, {Stage: "a", Instruction: "RUN x"}, {Stage: "b", Instruction: "RUN x"}}})
	assert.Equal(t, []string{"RUN x", "RUN x (2)", "RUN x"}, []string{suite.Cases[1].Name, suite.Cases[2].Name, suite.Cases[3].Name})
}

func TestJUnitStaysWithinTheLimitsOfAReportGroup(t *testing.T) {
	r := &Report{Verdict: "partly-used"}
	for i := range 2000 {
		r.Steps = append(r.Steps, Step{Instruction: fmt.Sprintf("RUN %d %s", i, strings.Repeat("ä", 2000)), Cached: i%10 != 0, Error: map[bool]string{true: strings.Repeat("e", 9000)}[i == 1990]})
	}
	suite := parsedJUnit(t, r)
	assert.Equal(t, caseLimit, suite.Tests)
	assert.Equal(t, 1, suite.Failures, "the failed step is kept")
	ran := 0
	for _, entry := range suite.Cases {
		assert.LessOrEqual(t, len([]rune(entry.Name)), 1000)
		if entry.Failure != nil {
			assert.LessOrEqual(t, len(entry.Failure.Message), 5000)
		}
		if entry.Output == "ran" || entry.Output == "failed" {
			ran++
		}
	}
	assert.Equal(t, 200, ran, "steps that ran come before cached ones")
	assert.Contains(t, suite.Cases[0].Output, "1501 more steps are in report.json")
}

// The test reads the document with an XML parser, because the decoded text is what a reader shows.
func TestHostileTextIsVisibleTextOnOneLineInJUnit(t *testing.T) {
	const evil = "\x00\x1b[1m]]></testcase>&<\"'\xff\ufffe\r\n::error::x\n##[error]y\u2028z\u202e\u009b2J\tq"
	content, err := hostile(evil).JUnit()
	require.NoError(t, err)
	shown := regexp.MustCompile(`\A[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}\x{202a}-\x{202e}\x{2066}-\x{2069}]*\z`)
	decoder := xml.NewDecoder(bytes.NewReader(content))
	texts := 0
	check := func(text, where string) {
		texts++
		assert.Regexp(t, shown, text, where)
		assert.NotContains(t, text, "##[", where)
	}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, "well-formed")
		switch token := token.(type) {
		case xml.StartElement:
			assert.Contains(t, []string{"testsuite", "testcase", "properties", "property", "failure", "system-out"}, token.Name.Local)
			for _, attribute := range token.Attr {
				check(attribute.Value, token.Name.Local+" "+attribute.Name.Local)
			}
		case xml.CharData:
			for line := range strings.Lines(strings.TrimSpace(string(token))) {
				check(strings.TrimSuffix(line, "\n"), "text")
				assert.False(t, strings.HasPrefix(line, "::"), "no line begins with a command: %q", line)
			}
		}
	}
	assert.Greater(t, texts, 20)
}
