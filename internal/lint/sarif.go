package lint

import (
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// The parts of a SARIF log that WriteSARIF uses.
//
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string             `json:"id"`
		ShortDescription sarifText          `json:"shortDescription"`
		FullDescription  sarifText          `json:"fullDescription"`
		HelpURI          string             `json:"helpUri,omitempty"`
		Configuration    sarifConfiguration `json:"defaultConfiguration"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysicalLocation `json:"physicalLocation"`
	}
	sarifPhysicalLocation struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int       `json:"startLine"`
		EndLine   int       `json:"endLine"`
		Snippet   sarifText `json:"snippet"`
	}
)

// escapeLinks escapes text from the Dockerfile for messages, where [text](address) is a link.
//
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html (3.11.6, messages with embedded links)
var escapeLinks = strings.NewReplacer("[", "\\[", "]", "\\]", "\\", "\\\\")

// WriteSARIF writes findings as SARIF 2.1.0, which code scanning services read.
func WriteSARIF(w io.Writer, findings []Finding) error {
	driver := sarifDriver{Name: "layercache lint", InformationURI: "https://github.com/layercache/layercache/blob/main/docs/lint.md"}
	for _, r := range Rules() {
		driver.Rules = append(driver.Rules, sarifRule{
			ID: r.ID, ShortDescription: sarifText{r.Title}, FullDescription: sarifText{r.Why}, HelpURI: r.Docs,
			Configuration: sarifConfiguration{sarifLevel(r.Level)},
		})
	}
	run := sarifRun{Tool: sarifTool{driver}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	for _, f := range findings {
		run.Results = append(run.Results, sarifResult{
			RuleID:    f.Rule,
			RuleIndex: slices.IndexFunc(driver.Rules, func(r sarifRule) bool { return r.ID == f.Rule }),
			Level:     sarifLevel(f.Level),
			Message:   sarifText{escapeLinks.Replace(f.Message + ". Change: " + f.Change + ". Effect: " + f.Effect + ".")},
			Locations: []sarifLocation{{sarifPhysicalLocation{
				ArtifactLocation: sarifArtifact{fileURI(f.File)},
				Region:           sarifRegion{StartLine: f.Line, EndLine: f.EndLine, Snippet: sarifText{f.Source}},
			}}},
		})
	}
	return encode(w, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

func sarifLevel(l Level) string {
	if l == Info {
		return "note"
	}
	return l.String()
}

// fileURI returns a file name as a URI reference. Relative names stay relative.
func fileURI(name string) string {
	name = filepath.ToSlash(name)
	if strings.HasPrefix(name, "/") {
		return (&url.URL{Scheme: "file", Path: name}).String()
	}
	return (&url.URL{Path: name}).String()
}
