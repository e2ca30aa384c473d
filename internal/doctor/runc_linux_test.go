package doctor

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVulnerableVersionsOfRuncAreFound(t *testing.T) {
	const of2024, of2025 = "CVE-2024-21626", "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881"
	cases := []struct {
		name, version string
		state         State
		// open has the vulnerabilities in the message.
		open []string
	}{
		{"before the fix of 2024", "1.1.11", Warn, []string{of2024, of2025}},
		{"with the first fix, in a minor release without the others", "1.1.12", Warn, []string{of2025}},
		{"the last version of a minor release before the fix", "1.2.7", Warn, []string{of2025}},
		{"the first fixed version of the oldest fixed minor release", "1.2.8", OK, nil},
		{"the last version of a newer minor release before the fix", "1.3.2", Warn, []string{of2025}},
		{"the first fixed version of a newer minor release", "1.3.3", OK, nil},
		{"a release candidate before the fix", "1.4.0-rc.2", Warn, []string{of2025}},
		{"the first fixed release candidate", "1.4.0-rc.3", OK, nil},
		{"the release that follows it", "1.4.0", OK, nil},
		{"a later minor release", "1.5.0-rc.1", OK, nil},
		{"a minor version of two digits", "1.10.0", OK, nil},
		{"an old release candidate without a dot", "1.0.0-rc95", Warn, []string{of2024, of2025}},
		{"Ubuntu's name for a fixed version", "1.3.3-0ubuntu1~24.04.2", OK, nil},
		{"Debian's name for a vulnerable version", "1.1.5+ds1", Warn, []string{of2024, of2025}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			state, found, fix := judgeRunc("runc version " + c.version)
			assert.Equal(t, c.state, state)
			for _, name := range []string{of2024, of2025} {
				assert.Equal(t, slices.Contains(c.open, name), strings.Contains(found, name), "%s in %q", name, found)
			}
			assert.Equal(t, c.state == Warn, fix != "", "fix")
		})
	}
	for _, line := range []string{"", "runc version unknown", "crun version 1.14"} {
		state, found, fix := judgeRunc(line)
		assert.Equal(t, Warn, state, line)
		assert.Contains(t, found, "unknown version", line)
		assert.NotEmpty(t, fix)
	}
}
