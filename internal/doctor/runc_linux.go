package doctor

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// breakout is a vulnerability of runc by which a step can escape from its container.
type breakout struct {
	// name has the IDs of the published advisories.
	name string
	// fixed has the first fixed version of each minor release, in order. Older minor releases were never
	// fixed.
	fixed []string
}

// breakouts has the known ones, from https://github.com/opencontainers/runc/security/advisories.
var breakouts = []breakout{
	{"CVE-2024-21626", []string{"v1.1.12"}},
	{"CVE-2025-31133, CVE-2025-52565, CVE-2025-52881", []string{"v1.2.8", "v1.3.3", "v1.4.0-rc.3"}},
}

// runcVersion matches the upstream version of runc, without a distribution's suffix as in
// 1.1.12-0ubuntu2~22.04.1.
var runcVersion = regexp.MustCompile(`^runc version (\d+\.\d+\.\d+(?:-rc\.?\d+)?)`)

// judgeRunc returns the state of a runc with this version line, and the fix.
func judgeRunc(line string) (state State, found, fix string) {
	match := runcVersion.FindStringSubmatch(line)
	if match == nil {
		return Warn, "unknown version, so it is not clear whether steps can escape from their containers", "install a released runc"
	}
	var open []string
	for _, each := range breakouts {
		if each.affects("v" + match[1]) {
			open = append(open, each.name)
		}
	}
	if len(open) == 0 {
		return OK, "", ""
	}
	return Warn, "in this version, steps can escape from their containers: " + strings.Join(open, ", "),
		"install runc 1.2.8, 1.3.3, 1.4.0 or newer; some distributions fix older versions under the same number: see their advisories"
}

// affects reports whether the version has the vulnerability.
func (b breakout) affects(version string) bool {
	minor := slices.IndexFunc(b.fixed, func(fixed string) bool { return semver.MajorMinor(fixed) == semver.MajorMinor(version) })
	return semver.Compare(version, b.fixed[max(minor, 0)]) < 0
}
