//go:build !unit

package configuration

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConfigurationsWithEveryKeyPassCfnLint(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	require.NoError(t, err, "cfn-lint is not on PATH: run the tests with `make test`, which installs it, or `pip install cfn-lint`")
	byRegion := map[string][]string{}
	for name := range everyKey(t) {
		for _, stack := range synthesized(t, name) {
			region := *stack.Environment().Region
			byRegion[region] = append(byRegion[region], *stack.TemplateFullPath())
		}
	}
	for region, templates := range byRegion {
		output, err := exec.Command(lint, append([]string{"--regions", region, "--"}, templates...)...).CombinedOutput()
		assert.NoError(t, err, "%s", output)
		assert.Empty(t, string(output))
	}
}
