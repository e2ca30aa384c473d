package lint

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestScriptsAreSplitIntoCommands(t *testing.T) {
	cases := []struct {
		name, script string
		want         []string
	}{
		{"operators between commands", "a 1 && b 2 || c; d | e & f", []string{"a 1", "b 2", "c", "d", "e", "f"}},
		{"lines", "a\nb \\\n 1\n\nc", []string{"a", "b 1", "c"}},
		{"quotes", `a "b; c" 'd && e' f\ g`, []string{"a b; c d && e f g"}},
		{"comments", "a # && b\nc x#y", []string{"a", "c x#y"}},
		{"a substitution is a separate command, before the outer one", `a $(b 1; c) d`, []string{"b 1", "c", "a  d"}},
		{"a substitution in quotes", `a "x $(b "1 2") y"`, []string{"b 1 2", "a x  y"}},
		{"backticks", "a `b 1`", []string{"b 1", "a "}},
		{"redirections", "a >/dev/null 2>&1 && b &>x", []string{"a >/dev/null 2>&1", "b &>x"}},
		{"variables before a command", "A=1 B='x y' a", []string{"a"}},
		{"keywords of the shell", "if ! a; then b; else c; fi; while d; do e; done", []string{"a", "b", "c", "fi", "d", "e", "done"}},
		{"programs that start another", "sudo -E /usr/bin/env a 1; xargs -r b", []string{"a 1", "b …"}},
		{"a shell's script", `sh -ec "a 1 && b"`, []string{"a 1", "b"}},
		{"a subshell", "(cd x && a); { b; }", []string{"cd x", "a", "b", "}"}},
		{"unclosed quotes and substitutions", "a \"b $(c 'd", []string{"c d", "a b "}},
		{"a backslash at the end", `a \`, []string{"a"}},
		{"nothing", " \t\n;;", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, command := range scriptCommands(c.script) {
				got = append(got, command.String())
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestManyNestedSubstitutionsEnd(t *testing.T) {
	assert.NotPanics(t, func() { scriptCommands(strings.Repeat("a $(", 1<<16)) })
	assert.NotPanics(t, func() { scriptCommands(strings.Repeat("`\"$(", 1<<16)) })
}
