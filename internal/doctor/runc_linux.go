package doctor

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// escape is a fault of runc by which a step gets out of its container.
type escape struct {
	// name is that of the published advisories.
	name string
	// fixed are the first versions without it, one for each line of releases that got one, in order. Lines before the first never did.
	fixed []string
}

// escapes are those that are known, by https://github.com/opencontainers/runc/security/advisories.
var escapes = []escape{
	{"CVE-2024-21626", []string{"v1.1.12"}},
	{"CVE-2025-31133, CVE-2025-52565, CVE-2025-52881", []string{"v1.2.8", "v1.3.3", "v1.4.0-rc.3"}},
}

// runcVersion is the part of runc's version that its authors gave it: distributions add theirs, as in 1.1.12-0ubuntu2~22.04.1.
var runcVersion = regexp.MustCompile(`^runc version (\d+\.\d+\.\d+(?:-rc\.?\d+)?)`)

// judgeRunc returns the state of the runc that says this version, and what to do.
func judgeRunc(line string) (state State, found, fix string) {
	match := runcVersion.FindStringSubmatch(line)
	if match == nil {
		return Warn, "its version is not understood, so that nobody knows whether steps can get out of their containers", "install a released runc"
	}
	var open []string
	for _, each := range escapes {
		if each.in("v" + match[1]) {
			open = append(open, each.name)
		}
	}
	if len(open) == 0 {
		return OK, "", ""
	}
	return Warn, "by its version, steps can get out of their containers: " + strings.Join(open, ", "),
		"install runc 1.2.8, 1.3.3, 1.4.0 or newer; some distributions mend older versions under the same number: look in their advisories"
}

// in reports whether the version has the fault.
func (e escape) in(version string) bool {
	line := slices.IndexFunc(e.fixed, func(fixed string) bool { return semver.MajorMinor(fixed) == semver.MajorMinor(version) })
	return semver.Compare(version, e.fixed[max(line, 0)]) < 0
}
