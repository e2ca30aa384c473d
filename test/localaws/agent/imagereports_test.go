package agent_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/test/localaws/agent"
)

const reportGroup = "arn:aws:codebuild:eu-central-1:111122223333:report-group/Reports-1"

// A report file that is absent fails a build after its image was pushed, so each build has one.
func TestEveryBuildWithReportsHasAReport(t *testing.T) {
	const writes = `mkdir -p "$LAYERCACHE_REPORT_DIR" && echo written > "$LAYERCACHE_REPORT_DIR/junit.xml"`
	cases := map[string]struct {
		// helper is the program that the buildspec calls.
		helper    string
		reportDir string
		source    func(dir string) error
		status    agent.Status
		contains  string
	}{
		"in the default folder":               {helper: writes, status: agent.Succeeded, contains: "written"},
		"the variable names another folder":   {helper: writes, reportDir: "out/reports", status: agent.Succeeded, contains: "written"},
		"the variable names an absolute path": {helper: writes, reportDir: filepath.Join(t.TempDir(), "reports"), status: agent.Succeeded, contains: "written"},
		"the variable names the source":       {helper: writes, reportDir: ".", status: agent.Succeeded, contains: "written"},
		"the helper could write no report":    {helper: "true", status: agent.Succeeded, contains: "no junit.xml was written"},
		"the build failed with a report":      {helper: writes + "; exit 3", status: agent.Failed, contains: "written"},
		"the source has a report of that name": {
			helper: "true", status: agent.Succeeded, contains: "no junit.xml was written",
			source: func(dir string) error {
				if err := os.Mkdir(filepath.Join(dir, "layercache-junit"), 0o755); err != nil {
					return err
				}
				return os.WriteFile(filepath.Join(dir, "layercache-junit", "junit.xml"), []byte("forged"), 0o600)
			},
		},
		"there is a link of that name": {helper: `ln -s "$HOME" layercache-junit; ` + writes, status: agent.Succeeded, contains: "written"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			source, helper, home := t.TempDir(), t.TempDir(), t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(source, "Dockerfile"), nil, 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(helper, "layercache"), []byte("#!/bin/sh\n"+c.helper+"\n"), 0o600))
			if c.source != nil {
				require.NoError(t, c.source(source))
			}
			dir := "layercache-report"
			if c.reportDir != "" {
				dir = c.reportDir
			}
			result, log := run(t, buildspecs.Image+buildspecs.Reports(reportGroup), func(b *agent.Build) {
				b.Source, b.SecondarySources = source, map[string]string{"layercache": helper}
				b.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + home}
				b.Variables = map[string]string{"LAYERCACHE_REPORT_DIR": dir}
			})
			assert.Equal(t, c.status, result.Status, log)
			require.Len(t, result.Reports[reportGroup], 1, log)
			content, err := os.ReadFile(result.Reports[reportGroup][0])
			require.NoError(t, err)
			assert.Contains(t, string(content), c.contains)
			left, err := os.ReadDir(home)
			require.NoError(t, err)
			assert.Empty(t, left, "a link is not followed")
		})
	}
}
