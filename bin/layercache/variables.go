package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/variables"
)

// flagValue holds the value of a variable's flag.
type flagValue struct {
	variables.Variable
	text string
}

func (f *flagValue) String() string { return f.text }

func (f *flagValue) Set(text string) error {
	f.text = text
	return nil
}

// Type is what the help text shows after the flag.
func (f *flagValue) Type() string {
	if slices.Contains(f.Form.Choices, "true") {
		return "bool"
	}
	return f.Form.Name
}

// addFlags gives the command a flag for each variable that it reads.
func addFlags(cmd *cobra.Command, read variables.Command) {
	column := 0
	for _, v := range read.Variables() {
		column = max(column, len(fmt.Sprintf("      --%s %s   ", v.Flag(), (&flagValue{Variable: v}).Type())))
	}
	for _, v := range read.Variables() {
		usage := strings.TrimPrefix(wrapped("\n", v.Help+defaultOf(v), helpWidth-column), "\n")
		flag := cmd.Flags().VarPF(&flagValue{Variable: v}, v.Flag(), "", usage)
		if flag.Value.Type() == "bool" {
			flag.NoOptDefVal = "true"
		}
		if len(v.Form.Choices) > 0 {
			_ = cmd.RegisterFlagCompletionFunc(v.Flag(), cobra.FixedCompletions(v.Form.Choices, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}

// lookupFlags returns a function like os.LookupEnv, for which a flag of the command takes precedence over its
// variable.
func lookupFlags(cmd *cobra.Command) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if flag := cmd.Flags().Lookup(variables.Variable{Name: name}.Flag()); flag != nil && flag.Changed {
			return flag.Value.String(), true
		}
		return os.LookupEnv(name)
	}
}

// nameFlags makes each problem name the flag if the value came from a flag.
func nameFlags(cmd *cobra.Command, problems variables.Problems) variables.Problems {
	for i, problem := range problems {
		name := variables.Variable{Name: problem.Variable}.Flag()
		if flag := cmd.Flags().Lookup(name); flag != nil && flag.Changed {
			problems[i].Variable = "--" + name
		}
	}
	return problems
}

// flagsHelp explains the flags of addFlags.
const flagsHelp = `Each flag has an environment variable: LAYERCACHE_REPORT_DIR for --report-dir, and so on.
A flag takes precedence.`

// variablesHelp lists the variables that a command reads.
func variablesHelp(read variables.Command) string {
	var text strings.Builder
	for _, v := range read.Variables() {
		fmt.Fprintf(&text, "  %s=%s%s\n", v.Name, v.Form.Name, wrapped("\n        ", v.Help+defaultOf(v), helpWidth))
	}
	return strings.TrimRight(text.String(), "\n")
}

func defaultOf(v variables.Variable) string {
	return fmt.Sprintf(" (default: %s)", cmp.Or(v.Unset, v.Default))
}

// helpWidth is the width at which help texts wrap.
const helpWidth = 100

// wrapped returns the words of a text in lines of at most the width that begin with a line break and an indentation.
func wrapped(begin, words string, width int) string {
	var text strings.Builder
	column := width
	for word := range strings.FieldsSeq(words) {
		if column+1+len(word) > width {
			text.WriteString(begin)
			column = len(begin) - 1
		} else {
			text.WriteByte(' ')
			column++
		}
		text.WriteString(word)
		column += len(word)
	}
	return text.String()
}
