package lint

import (
	"fmt"
	"slices"
)

// Level is the severity of a finding.
type Level int

// The levels, in ascending order.
const (
	Info Level = iota + 1
	Warning
	Error
)

var levelNames = [...]string{Info: "info", Warning: "warning", Error: "error"}

func (l Level) String() string { return levelNames[l] }

// MarshalText returns the level's name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText parses a level's name.
func (l *Level) UnmarshalText(text []byte) error {
	i := slices.Index(levelNames[Info:], string(text))
	if i < 0 {
		return fmt.Errorf("level %q is not info, warning or error", text)
	}
	*l = Info + Level(i)
	return nil
}

// Finding is one result of a rule. Its texts contain no control characters, whatever the Dockerfile contains.
type Finding struct {
	Rule    string `json:"rule"`
	Level   Level  `json:"level"`
	File    string `json:"file"`
	Line    int    `json:"line"` // the instruction's first line, from 1
	EndLine int    `json:"endLine"`
	Source  string `json:"source"`  // the text of that line
	Message string `json:"message"` // the problem, and why it matters
	Change  string `json:"change"`  // what to change
	Effect  string `json:"effect"`  // the effect of the change
	Docs    string `json:"docs,omitempty"`
	Fixable bool   `json:"fixable"` // Fix makes the change

	at *instruction
}

// Worst returns the highest level among the findings, or 0 when there are none.
func Worst(findings []Finding) Level {
	var worst Level
	for _, f := range findings {
		worst = max(worst, f.Level)
	}
	return worst
}
