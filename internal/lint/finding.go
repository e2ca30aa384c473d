package lint

import (
	"fmt"
	"slices"
)

// Level says how much a finding matters.
type Level int

// The levels. A linter's exit status usually depends on warnings and errors.
const (
	Info Level = iota + 1
	Warning
	Error
)

var levelNames = [...]string{Info: "info", Warning: "warning", Error: "error"}

func (l Level) String() string { return levelNames[l] }

// MarshalText writes the level's name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads a level's name.
func (l *Level) UnmarshalText(text []byte) error {
	i := slices.Index(levelNames[Info:], string(text))
	if i < 0 {
		return fmt.Errorf("level %q is not info, warning or error", text)
	}
	*l = Info + Level(i)
	return nil
}

// Finding is one piece of advice. Its texts hold no control characters, whatever the Dockerfile holds.
type Finding struct {
	Rule    string `json:"rule"`
	Level   Level  `json:"level"`
	File    string `json:"file"`
	Line    int    `json:"line"` // the instruction's first line, from 1
	EndLine int    `json:"endLine"`
	Source  string `json:"source"`  // that line's text
	Message string `json:"message"` // what is there, and why it matters
	Change  string `json:"change"`
	Effect  string `json:"effect"` // what to expect of the change
	Docs    string `json:"docs,omitempty"`
	Fixable bool   `json:"fixable"` // Fix makes the change

	at *instruction
}

// Worst is the highest level among the findings, 0 when there are none.
func Worst(findings []Finding) Level {
	var worst Level
	for _, f := range findings {
		worst = max(worst, f.Level)
	}
	return worst
}
