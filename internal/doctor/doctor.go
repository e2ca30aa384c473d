// Package doctor checks whether builds can run on this machine and whether the cache's registry is set up for them, and says
// what to fix.
package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// State is what a check came to.
type State string

const (
	// OK needs nothing.
	OK State = "ok"
	// Warn works, and could be better.
	Warn State = "warn"
	// Fail does not work.
	Fail State = "fail"
	// Skipped could not be looked at; Check.Found says why.
	Skipped State = "skipped"
)

// Check is one thing that was looked at.
type Check struct {
	// Name is what was looked at, in one word or two.
	Name string `json:"name"`
	// State is what it came to.
	State State `json:"state"`
	// Found is what is there.
	Found string `json:"found"`
	// Fix is what to do; empty when there is nothing to do.
	Fix string `json:"fix,omitempty"`
}

// HasFailed says whether a check failed.
func HasFailed(checks []Check) bool {
	return slices.ContainsFunc(checks, func(c Check) bool { return c.State == Fail })
}

// Write writes a line for each check, then a line for each thing to fix.
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
