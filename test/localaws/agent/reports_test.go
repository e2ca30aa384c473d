package agent_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/test/localaws/agent"
)

func TestReports(t *testing.T) {
	result, log := run(t, `
version: 0.2
phases:
  build: {commands: [mkdir -p out/deep, touch out/a.xml out/deep/b.xml out/c.txt]}
reports:
  flat: {files: ["*.xml"], base-directory: out, file-format: JUNITXML}
  deep: {files: ["**/*.xml"], base-directory: out}
  named: {files: [out/c.txt]}
  missing: {files: ["*.json"]}
`)
	below := func(names ...string) []string {
		for i, name := range names {
			names[i] = filepath.Join(result.SourceDir, name)
		}
		return names
	}
	assert.Equal(t, map[string][]string{
		"flat":  below("out/a.xml"),
		"deep":  below("out/a.xml", "out/deep/b.xml"),
		"named": below("out/c.txt"),
	}, result.Reports)
	assert.Contains(t, log, "No matching report files found for report group missing")
	assert.Equal(t, agent.Failed, result.Status, "a report group without files fails the build")
}
