package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, set := values[name]
		return value, set
	}
}

func TestGitHubActionsGetTheSummaryAndAnnotations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.md")
	require.NoError(t, os.WriteFile(path, []byte("an earlier summary\n"), 0o600))
	r := full()
	r.Warnings = []string{"100% slow:\na, b\r\n::error::no"}
	r.Steps[2].Error = "exit code: 1\n::set-output name=a::b"
	var stdout bytes.Buffer
	require.NoError(t, r.GitHub(environment(map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": path}), &stdout))
	assert.Equal(t, "::warning title=layercache::100%25 slow: a, b ::error::no\n"+
		"::error title=layercache%3A [linux/amd64 build] RUN <<EOF …::exit code: 1 ::set-output name=a::b\n", stdout.String())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "an earlier summary\n"+string(r.Markdown()), string(content))
}

func TestNothingIsWrittenOutsideGitHubActions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.md")
	var stdout bytes.Buffer
	require.NoError(t, full().GitHub(environment(map[string]string{"GITHUB_STEP_SUMMARY": path}), &stdout))
	assert.Empty(t, stdout.String())
	assert.NoFileExists(t, path)
}

func TestASummaryStaysWithinGitHubsLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.md")
	r := full()
	for range 40000 {
		r.Steps = append(r.Steps, Step{Instruction: "RUN a rather long instruction"})
	}
	values := environment(map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": path})
	for range 2 {
		require.NoError(t, r.GitHub(values, &bytes.Buffer{}))
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(content), summaryLimit)
		assert.Greater(t, len(content), summaryLimit-200)
		assert.True(t, strings.HasSuffix(string(content), "|\n\nThis summary is cut off; report.md has all of it.\n"), "whole lines, and where the full text is")
	}
}

func TestAnnotationsAreAsManyAsGitHubShows(t *testing.T) {
	r := &Report{}
	for range 30 {
		r.Warnings = append(r.Warnings, "w")
		r.Steps = append(r.Steps, Step{Error: "e"})
	}
	var stdout bytes.Buffer
	require.NoError(t, r.GitHub(environment(map[string]string{"GITHUB_ACTIONS": "true"}), &stdout))
	assert.Equal(t, annotationLimit, strings.Count(stdout.String(), "::warning "))
	assert.Equal(t, annotationLimit, strings.Count(stdout.String(), "::error "))
}

func TestASummaryThatCannotBeWrittenIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "summary.md")
	err := full().GitHub(environment(map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": path}), &bytes.Buffer{})
	require.ErrorContains(t, err, "write the summary for GitHub Actions")
}
