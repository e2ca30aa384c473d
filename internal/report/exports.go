package report

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
)

const unknown = "unknown"

// exportsFile is the file that the buildspecs source.
const exportsFile = "exports.env"

var (
	digestPattern = regexp.MustCompile(`\Asha256:[0-9a-f]{64}\z`)
	wordPattern   = regexp.MustCompile(`\A[a-z-]+\z`)
)

// exports returns shell assignments for CodeBuild's exported variables. A shell reads them, so no value may
// contain text from outside: each is a fixed word, a number or a digest.
func (r *Report) exports() []byte {
	var out []byte
	for _, variable := range []struct{ name, value string }{
		{"VERDICT", matching(wordPattern, r.Verdict)},
		{"HIT_RATIO", Decimal(r.HitRatio, 2)},
		{"EXPORTED", matching(wordPattern, r.Exported)},
		{"SECONDS", Decimal(&r.Seconds.Total, 1)},
		{"SAVED_SECONDS", Decimal(r.SavedSeconds, 1)},
		{"WORTH", r.worth()},
		{"IMAGE_DIGEST", matching(digestPattern, r.Image)},
	} {
		out = append(out, assignment(variable.name, variable.value)...)
	}
	return out
}

func assignment(name, value string) []byte {
	return fmt.Appendf(nil, "LAYERCACHE_%s=%s\n", name, value)
}

// matching returns the value if it has the pattern, otherwise "unknown".
func matching(pattern *regexp.Regexp, value string) string {
	if pattern.MatchString(value) {
		return value
	}
	return unknown
}

// Decimal returns the value with so many digits after the point, half away from zero as the pages round it, or "unknown".
func Decimal(value *float64, digits int) string {
	if value == nil {
		return unknown
	}
	power := math.Pow10(digits)
	rounded := math.Round(*value*power) / power
	if rounded == 0 {
		rounded = 0 // It may have a minus sign.
	}
	return strconv.FormatFloat(rounded, 'f', digits, 64)
}

// worth returns "keep", "drop" or "unknown".
func (r *Report) worth() string {
	if slices.Contains([]string{"keep", "drop"}, r.Worth) {
		return r.Worth
	}
	return unknown
}
