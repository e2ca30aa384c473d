package lint

import "strings"

// literalDollar stands for a dollar sign that the shell does not expand. A Dockerfile cannot contain it.
const literalDollar = "\x00"

// scriptCommand is a command of a script.
type scriptCommand struct {
	words []string
	id    int // counts from 1; zero if no command is nested in this one
	outer int // the id of the command whose substitution contains this one; zero if there is none
	piped bool
	// fallback reports whether the command runs only if a variable is not set, as in ${A:-$(date)}.
	fallback bool
}

// splitScript splits a shell script into commands and their words, without quotes. It understands quotes,
// escapes, comments, command substitutions and the operators between commands. It expands nothing.
func splitScript(script string) []scriptCommand {
	s := splitter{script: script}
	for s.pos < len(script) {
		s.step()
	}
	for len(s.around) > 0 {
		s.leave()
	}
	s.endCommand(false)
	return s.commands
}

type splitter struct {
	script   string
	pos      int
	commands []scriptCommand
	ids      int
	frame
	around []frame // the commands around the current substitution
}

// frame is the state of the current command.
type frame struct {
	words    []string
	word     []byte
	inWord   bool
	inDouble bool // between double quotes
	backtick bool // the frame is a substitution in backticks
	id       int
	outer    int
	fallback bool
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
	case c == ')' && len(s.around) > 0 && !s.backtick:
		s.leave()
	case c == '&' && s.isRedirection():
		s.word = append(s.word, c)
	case strings.IndexByte("\n;&|()", c) >= 0:
		s.endCommand(c == '|' && !strings.HasPrefix(s.script[s.pos:], "|"))
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
	switch c := s.script[s.pos]; c {
	case '\n':
	case '$':
		s.word = append(s.word, literalDollar...)
		s.inWord = true
	default:
		s.word = append(s.word, c)
		s.inWord = true
	}
	s.pos++
}

func (s *splitter) singleQuoted() {
	text, _, _ := strings.Cut(s.script[s.pos:], "'")
	s.word = append(s.word, strings.ReplaceAll(text, "$", literalDollar)...)
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
	if s.id == 0 {
		s.ids++
		s.id = s.ids
	}
	word := string(s.word)
	inner.outer = s.id
	inner.fallback = s.fallback || strings.LastIndex(word, "${") > strings.LastIndex(word, "}")
	s.around = append(s.around, s.frame)
	s.frame = inner
}

// leave ends a substitution. Its result is part of the surrounding word.
func (s *splitter) leave() {
	s.endCommand(false)
	s.frame = s.around[len(s.around)-1]
	s.around = s.around[:len(s.around)-1]
	s.inWord = true
}

func (s *splitter) endWord() {
	if s.inWord {
		s.words = append(s.words, string(s.word))
	}
	s.word = s.word[:0]
	s.inWord = false
}

func (s *splitter) endCommand(piped bool) {
	s.endWord()
	if len(s.words) > 0 {
		s.commands = append(s.commands, scriptCommand{words: s.words, id: s.id, outer: s.outer, piped: piped, fallback: s.fallback})
	}
	s.words, s.id = nil, 0
}
