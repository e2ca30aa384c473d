package report

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/layercache/layercache/internal/report/escape"
)

// Limits of a CodeBuild report group. If there are more test cases it keeps the failed ones and drops others.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/test-report.html
// https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
const (
	caseLimit    = 500
	nameLimit    = 900
	messageLimit = 4900
)

// The elements of a JUnit report that CodeBuild's report groups read.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html
type (
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

// JUnit returns junit.xml for a CodeBuild report group: the verdict as the first test case, then each step.
// Names stay the same from build to build, because CodeBuild shows trends by name; whether a step was cached
// is in its output and in a property.
func (r *Report) JUnit() ([]byte, error) {
	suite := junitSuite{Name: "layercache", Time: seconds(r.Seconds.Total)}
	shown := r.shownCases()
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
	suite.Tests = len(suite.Cases)
	content, err := xml.MarshalIndent(suite, "", "  ")
	return append([]byte(xml.Header), append(content, '\n')...), err
}

// shownCases returns the indexes of the steps that become test cases: all, or if there are too many those
// that ran before those that were cached.
func (r *Report) shownCases() []int {
	room := caseLimit - 1
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
		Properties: []junitProperty{{"verdict", matching(wordPattern, r.Verdict)}, {"exported", matching(wordPattern, r.Exported)}, {"hitRatio", decimal(r.HitRatio, 2)}, {"worth", r.worth()}},
		Output:     escape.Shorten(strings.Join(output, "\n"), messageLimit),
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
