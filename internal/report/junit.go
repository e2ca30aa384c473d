package report

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/safewrite"
)

// junitFile is the name of the report that CodeBuild's report groups read.
const junitFile = "junit.xml"

// Limits of a CodeBuild report group. If there are more test cases it keeps the failed ones and drops others.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/test-report.html
// https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
const (
	caseLimit    = 500
	mountLimit   = 50
	nameLimit    = 900
	messageLimit = 4900
)

// The elements of a JUnit report that CodeBuild's report groups read.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		ClassName  string          `xml:"classname,attr"`
		Name       string          `xml:"name,attr"`
		Time       string          `xml:"time,attr"`
		Properties []junitProperty `xml:"properties>property,omitempty"`
		Failure    *junitFailure   `xml:"failure,omitempty"`
		Output     string          `xml:"system-out,omitempty"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
	}
)

// JUnit returns junit.xml for a CodeBuild report group: the verdict as the first test case, then each step
// and each cache mount.
// Names stay the same from build to build, because CodeBuild shows trends by name; whether a step was cached
// is in its output and in a property.
//
// A report with targets has a suite for each of them, and one more with the verdict on all.
func (r *Report) JUnit() ([]byte, error) {
	if len(r.Targets) == 0 {
		return r.junitSuite("layercache", caseLimit).xml()
	}
	suites := junitSuites{Suites: []junitSuite{r.junitSuite("layercache", caseLimit)}}
	limit := max(1, (caseLimit-len(suites.Suites[0].Cases))/len(r.Targets))
	for _, target := range r.Targets {
		suites.Suites = append(suites.Suites, target.junitSuite(escape.Shorten(escape.Line(target.Target), nameLimit), limit))
	}
	return inXML(suites)
}

// junitSuite returns the suite of one build, with at most limit test cases.
func (r *Report) junitSuite(name string, limit int) junitSuite {
	suite := junitSuite{Name: name, Time: seconds(r.Seconds.Total)}
	shown := r.shownCases(limit)
	suite.Cases = append(suite.Cases, r.junitVerdict(len(r.Steps)-len(shown)))
	names := map[string]int{}
	for _, i := range shown {
		entry := junitStep(r.Steps[i])
		key := entry.ClassName + "\n" + entry.Name
		if names[key]++; names[key] > 1 {
			entry.Name += fmt.Sprintf(" (%d)", names[key])
		}
		if entry.Failure != nil {
			suite.Failures++
		}
		suite.Cases = append(suite.Cases, entry)
	}
	for _, mount := range r.shownMounts() {
		suite.Cases = append(suite.Cases, junitMount(mount))
	}
	suite.Tests = len(suite.Cases)
	return suite
}

func (s junitSuite) xml() ([]byte, error) {
	s.Tests = len(s.Cases)
	return inXML(s)
}

func inXML(root any) ([]byte, error) {
	content, err := xml.MarshalIndent(root, "", "  ")
	return append([]byte(xml.Header), append(content, '\n')...), err
}

// WriteIndex writes junit.xml and exports.env for `layercache index` to dir, which it creates if necessary: one
// test case with the lines of the log, and the digest of the index. failure is nil if the index was pushed or there
// was nothing to join.
func WriteIndex(dir string, lines []string, digest string, took time.Duration, failure error) error {
	entry := junitCase{ClassName: "index", Name: "join", Time: seconds(took.Seconds())}
	var output []string
	for _, line := range lines {
		output = append(output, escape.Line(line))
	}
	entry.Output = escape.Shorten(strings.Join(output, "\n"), messageLimit)
	suite := junitSuite{Name: "layercache", Time: entry.Time}
	if failure != nil {
		suite.Failures = 1
		entry.Failure = &junitFailure{Message: escape.Shorten(escape.Line(failure.Error()), messageLimit)}
	}
	suite.Cases = []junitCase{entry}
	content, err := suite.xml()
	if err != nil {
		return err
	}
	folder, err := safewrite.Folder(dir, true)
	if err != nil {
		return writeError(err)
	}
	defer folder.Close()
	for name, content := range map[string][]byte{junitFile: content, exportsFile: assignment("IMAGE_DIGEST", matching(digestPattern, digest))} {
		if err := safewrite.Replace(folder, name, content); err != nil {
			return writeError(err)
		}
	}
	return nil
}

// shownCases returns the indexes of the steps that become test cases: all, or if there are too many those
// that ran before those that were cached.
func (r *Report) shownCases(limit int) []int {
	room := limit - 1 - len(r.shownMounts())
	ran := 0
	for _, step := range r.Steps {
		if !step.Cached {
			ran++
		}
	}
	cachedRoom := max(0, room-ran)
	var shown []int
	for i, step := range r.Steps {
		if step.Cached {
			if cachedRoom == 0 {
				continue
			}
			cachedRoom--
		} else if len(shown) >= room && step.Error == "" {
			continue
		}
		shown = append(shown, i)
	}
	return shown
}

// junitVerdict returns the test case of the verdict. omitted is the number of steps without a test case.
func (r *Report) junitVerdict(omitted int) junitCase {
	output := []string{r.Line(), r.worthSentence()}
	for _, line := range []string{r.PolicyLine(), r.MountsLine()} {
		if line != "" {
			output = append(output, line)
		}
	}
	for _, miss := range r.FirstMisses() {
		output = append(output, r.missSentence(miss))
	}
	if r.Frontend != "" {
		output = append(output, "the step names come from the frontend "+escape.Line(r.Frontend))
	}
	if omitted > 0 {
		output = append(output, fmt.Sprintf("%d more steps are in report.json: a CodeBuild report has room for %d test cases", omitted, caseLimit))
	}
	return junitCase{
		ClassName: "cache", Name: "verdict", Time: seconds(r.OverheadSeconds),
		Properties: []junitProperty{{"verdict", matching(wordPattern, r.Verdict)}, {"exported", matching(wordPattern, r.Exported)}, {"hitRatio", Decimal(r.HitRatio, 2)}, {"worth", r.worth()}},
		Output:     escape.Shorten(strings.Join(output, "\n"), messageLimit),
	}
}

func (r *Report) shownMounts() []Mount { return r.Mounts[:min(len(r.Mounts), mountLimit)] }

// junitMount returns the test case of a cache mount. Its time is how long the restore took. A problem with a mount fails
// no build, and so not the test case.
func junitMount(mount Mount) junitCase {
	return junitCase{
		ClassName: "cache mounts", Name: escape.Shorten(escape.Line(mount.ID), nameLimit), Time: seconds(mount.RestoreSeconds),
		Properties: []junitProperty{{"restored", fmt.Sprint(mount.Restored)}, {"saved", fmt.Sprint(mount.Saved)}},
		Output:     escape.Shorten(mount.words(), messageLimit),
	}
}

func junitStep(step Step) junitCase {
	output := step.result()
	if step.SavedSeconds != nil {
		output += fmt.Sprintf(": it took %s when it last ran", duration(*step.SavedSeconds))
	}
	entry := junitCase{
		ClassName: escape.Line(step.Place()), Name: escape.Shorten(escape.Line(step.Instruction), nameLimit), Time: seconds(step.Seconds),
		Properties: []junitProperty{{"cached", fmt.Sprint(step.Cached)}},
		Output:     output,
	}
	if step.Error != "" {
		entry.Failure = &junitFailure{Message: escape.Shorten(escape.Line(step.Error), messageLimit)}
	}
	return entry
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }
