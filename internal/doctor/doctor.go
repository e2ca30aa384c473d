// Package doctor checks whether builds can run on this machine and whether the cache's registry is configured
// for them, and reports what to fix.
package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// State is the result of a check.
type State string

const (
	// OK: nothing to do.
	OK State = "ok"
	// Warn: it works, but could be better.
	Warn State = "warn"
	// Fail: it does not work.
	Fail State = "fail"
	// Skipped: it could not be checked. Check.Found is the reason.
	Skipped State = "skipped"
)

// Check is the result of one check.
type Check struct {
	// Name is what was checked, in one or two words.
	Name  string `json:"name"`
	State State  `json:"state"`
	// Found is what the check found.
	Found string `json:"found"`
	// Fix is what to do. It is empty if there is nothing to do.
	Fix string `json:"fix,omitempty"`
}

// HasFailed reports whether a check failed.
func HasFailed(checks []Check) bool {
	return slices.ContainsFunc(checks, func(c Check) bool { return c.State == Fail })
}

// Write writes one line for each check, then one line for each fix.
func Write(w io.Writer, checks []Check) error {
	longest := 0
	for _, c := range checks {
		longest = max(longest, len(c.Name))
	}
	var text strings.Builder
	for _, c := range checks {
		fmt.Fprintf(&text, "%-7s  %-*s  %s\n", c.State, longest, c.Name, oneLine(c.Found))
	}
	for _, c := range checks {
		if c.Fix != "" {
			fmt.Fprintf(&text, "fix: %s: %s\n", c.Name, oneLine(c.Fix))
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// WriteJSON writes {"checks":[…]}.
func WriteJSON(w io.Writer, checks []Check) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string][]Check{"checks": checks})
}

func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, unicode.IsControl), "; ")
}
