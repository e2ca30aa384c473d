package report

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/layercache/layercache/internal/report/escape"
)

const (
	// summaryLimit is GitHub's limit in bytes for the summary of one step.
	summaryLimit = 1 << 20
	// annotationLimit is how many warnings GitHub shows for one step, and how many errors.
	annotationLimit = 10
)

// GitHub appends report.md to the summary of the workflow's step, and writes annotations for warnings and failed steps
// to out, which is not stdout, where a build may write the image's id. Outside GitHub Actions it does nothing. lookup
// reads the environment, like os.LookupEnv.
//
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
func (r *Report) GitHub(lookup func(string) (string, bool), out io.Writer) error {
	if running, _ := lookup("GITHUB_ACTIONS"); running != "true" {
		return nil
	}
	warnings := r.warningsByText()
	for _, warning := range warnings[:min(len(warnings), annotationLimit)] {
		fmt.Fprintf(out, "::warning title=%s::%s\n", escape.Property("layercache"), escape.Message(warning))
	}
	failed := 0
	for _, step := range r.failedSteps() {
		if failed == annotationLimit {
			break
		}
		failed++
		title := "layercache: " + escape.Shorten(escape.Line(step.Label()), labelWidth)
		fmt.Fprintf(out, "::error title=%s::%s\n", escape.Property(title), escape.Message(step.Error))
	}
	path, _ := lookup("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	if err := appendBounded(path, r.Markdown()); err != nil {
		return fmt.Errorf("write the summary for GitHub Actions: %w", err)
	}
	return nil
}

// appendBounded appends whole lines as long as the file stays within summaryLimit.
func appendBounded(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	const rest = "\nThis summary is cut off; report.md has all of it.\n"
	if room := summaryLimit - int(info.Size()); len(content) > room {
		room -= len(rest)
		if room <= 0 {
			return nil
		}
		content = append(content[:bytes.LastIndexByte(content[:room], '\n')+1:room], rest...)
	}
	_, err = file.Write(content)
	return err
}
