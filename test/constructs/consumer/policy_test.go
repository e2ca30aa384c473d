package consumer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
)

// policies returns the statements of all roles' policies, one line each.
func policies(t *testing.T, assembly string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(assembly, "*.template.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(text, &template))
	var lines []string
	for _, r := range template.Resources {
		if r.Type == "AWS::IAM::Policy" {
			lines = append(lines, synthtest.Statements(r.Properties["PolicyDocument"])...)
		}
	}
	return lines
}
