package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Leftover is something that layercache, or a deployment of it, left behind.
type Leftover struct {
	// Kind is what it is, in a few words.
	Kind string `json:"kind"`
	// Name identifies it.
	Name string `json:"name"`
	// Note is what to know before it is removed. It may be empty.
	Note string `json:"note,omitempty"`
	// Remove is the command that removes it.
	Remove string `json:"remove"`
}

// Leftovers are all that was found.
type Leftovers struct {
	Found []Leftover `json:"leftovers"`
	// NotChecked are reasons why something was not looked for.
	NotChecked []string `json:"notChecked,omitempty"`
}

func (l *Leftovers) add(kind, name, note, remove string) {
	l.Found = append(l.Found, Leftover{kind, name, note, remove})
}

func (l *Leftovers) notChecked(format string, args ...any) {
	l.NotChecked = append(l.NotChecked, fmt.Sprintf(format, args...))
}

// Join returns the leftovers of both.
func (l Leftovers) Join(other Leftovers) Leftovers {
	return Leftovers{append(l.Found, other.Found...), append(l.NotChecked, other.NotChecked...)}
}

// Write writes a line for each leftover, then the commands that remove them.
func (l Leftovers) Write(w io.Writer) error {
	var text strings.Builder
	if len(l.Found) == 0 {
		text.WriteString("nothing is left\n")
	}
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, found := range l.Found {
		fmt.Fprintf(columns, "%s\t%s", found.Kind, oneLine(found.Name))
		if found.Note != "" {
			fmt.Fprintf(columns, "\t%s", oneLine(found.Note))
		}
		fmt.Fprintln(columns)
	}
	_ = columns.Flush() // A strings.Builder cannot fail.
	for _, reason := range l.NotChecked {
		fmt.Fprintf(&text, "not checked: %s\n", oneLine(reason))
	}
	if len(l.Found) > 0 {
		text.WriteString("\nNothing was removed. These commands remove what you no longer need:\n")
	}
	for _, found := range l.Found {
		fmt.Fprintln(&text, oneLine(found.Remove))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// WriteJSON writes {"leftovers":[…],"notChecked":[…]}.
func (l Leftovers) WriteJSON(w io.Writer) error {
	if l.Found == nil {
		l.Found = []Leftover{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(l)
}
