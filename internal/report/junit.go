package report

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// The elements of a JUnit report, as far as CodeBuild's report groups read them.
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
		ClassName string        `xml:"classname,attr"`
		Name      string        `xml:"name,attr"`
		Time      string        `xml:"time,attr"`
		Failure   *junitFailure `xml:"failure,omitempty"`
		Output    string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
	}
)

// junit is the report for a CodeBuild report group: each step a test case, that says whether it was cached, and the verdict
// as the first of them.
func (r *Report) junit() ([]byte, error) {
	suite := junitSuite{Name: "layercache", Time: seconds(r.Seconds.Total)}
	verdict := junitCase{ClassName: "cache", Name: r.Line(), Time: seconds(r.OverheadSeconds)}
	suite.Cases = append(suite.Cases, verdict)
	for _, step := range r.Steps {
		suite.Cases = append(suite.Cases, junitStep(step))
		if step.Error != "" {
			suite.Failures++
		}
	}
	suite.Tests = len(suite.Cases)
	content, err := xml.MarshalIndent(suite, "", "  ")
	return append([]byte(xml.Header), append(content, '\n')...), err
}

func junitStep(step Step) junitCase {
	stage := strings.TrimSpace(step.Platform + " " + step.Stage)
	if stage == "" {
		stage = "Dockerfile"
	}
	entry := junitCase{ClassName: stage, Name: step.Instruction, Time: seconds(step.Seconds), Output: "ran"}
	if step.Cached {
		entry.Output = "cached"
	}
	if step.Error != "" {
		entry.Failure = &junitFailure{Message: step.Error}
	}
	return entry
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }
