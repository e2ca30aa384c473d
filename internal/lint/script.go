package lint

import "strings"

// splitScript splits a shell script into commands and their words, without quotes. It understands quotes,
// escapes, comments, command substitutions and the operators between commands. It expands nothing.
func splitScript(script string) [][]string {
	s := splitter{script: script}
	for s.pos < len(script) {
		s.step()
	}
	for len(s.outer) > 0 {
		s.leave()
	}
	s.endCommand()
	return s.commands
}

type splitter struct {
	script   string
	pos      int
	commands [][]string
	frame
	outer []frame // the commands around the current substitution
}

// frame is the state of the current command.
type frame struct {
	words    []string
	word     []byte
	inWord   bool
	inDouble bool // between double quotes
	backtick bool // the frame is a substitution in backticks
}

func (s *splitter) step() {
	c := s.script[s.pos]
	s.pos++
	switch {
	case c == '\\':
		s.escaped()
	case c == '`':
		if s.backtick {
			s.leave()
		} else {
			s.enter(frame{backtick: true})
		}
	case c == '$' && strings.HasPrefix(s.script[s.pos:], "("):
		s.pos++
		s.enter(frame{})
	case c == '"':
		s.inDouble, s.inWord = !s.inDouble, true
	case s.inDouble:
		s.word = append(s.word, c)
	case c == '\'':
		s.singleQuoted()
	case c == '#' && !s.inWord:
		s.comment()
	case c == ' ' || c == '\t' || c == '\r':
		s.endWord()
	case c == ')' && len(s.outer) > 0 && !s.backtick:
		s.leave()
	case c == '&' && s.isRedirection():
		s.word = append(s.word, c)
	case strings.IndexByte("\n;&|()", c) >= 0:
		s.endCommand()
	default:
		s.word = append(s.word, c)
		s.inWord = true
	}
}

// escaped adds the character after a backslash unchanged. A backslash at the end of a line joins it to the
// next line.
func (s *splitter) escaped() {
	if s.pos == len(s.script) {
		return
	}
	if c := s.script[s.pos]; c != '\n' {
		s.word = append(s.word, c)
		s.inWord = true
	}
	s.pos++
}

func (s *splitter) singleQuoted() {
	text, _, _ := strings.Cut(s.script[s.pos:], "'")
	s.word = append(s.word, text...)
	s.inWord = true
	s.pos = min(s.pos+len(text)+1, len(s.script))
}

func (s *splitter) comment() {
	text, _, _ := strings.Cut(s.script[s.pos:], "\n")
	s.pos += len(text)
}

// isRedirection reports whether the last "&" belongs to a redirection, as in 2>&1 and &>file.
func (s *splitter) isRedirection() bool {
	before := s.pos >= 2 && (s.script[s.pos-2] == '>' || s.script[s.pos-2] == '<')
	return before || strings.HasPrefix(s.script[s.pos:], ">")
}

func (s *splitter) enter(inner frame) {
	s.outer = append(s.outer, s.frame)
	s.frame = inner
}

// leave ends a substitution. Its result is part of the surrounding word.
func (s *splitter) leave() {
	s.endCommand()
	s.frame = s.outer[len(s.outer)-1]
	s.outer = s.outer[:len(s.outer)-1]
	s.inWord = true
}

func (s *splitter) endWord() {
	if s.inWord {
		s.words = append(s.words, string(s.word))
	}
	s.word = s.word[:0]
	s.inWord = false
}

func (s *splitter) endCommand() {
	s.endWord()
	if len(s.words) > 0 {
		s.commands = append(s.commands, s.words)
	}
	s.words = nil
}
