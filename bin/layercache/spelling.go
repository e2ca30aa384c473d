package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/spelling"
	"github.com/layercache/layercache/internal/variables"
)

// unknownCommand returns the error for arguments that do not begin with a command, or nil. It replaces cobra's error.
func unknownCommand(root *cobra.Command, args []string) error {
	_, rest, err := root.Find(args)
	if err == nil {
		return nil
	}
	var unknown *pflag.NotExistError
	if err := root.ParseFlags(args); errors.As(err, &unknown) && strings.HasPrefix(args[0], "-") {
		return fixFlag(root, err)
	}
	typed := rest[max(0, slices.IndexFunc(rest, func(arg string) bool { return !strings.HasPrefix(arg, "-") }))]
	var names []string
	for _, command := range root.Commands() {
		if command.IsAvailableCommand() && command.Name() != "completion" {
			names = append(names, command.Name())
		}
	}
	return fmt.Errorf("unknown command %q: %s", escape.Value(typed), spelling.Fix(typed, names))
}

// fixFlag returns the error for an unknown flag, or one without its value, with what to write instead. Other errors are
// returned as they are.
func fixFlag(cmd *cobra.Command, err error) error {
	var incomplete *pflag.ValueRequiredError
	if errors.As(err, &incomplete) {
		form, _ := pflag.UnquoteUsage(incomplete.GetFlag())
		return fmt.Errorf("--%s needs a value: --%[1]s %s", incomplete.GetFlag().Name, strings.ToUpper(form))
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	typed := "--" + unknown.GetSpecifiedName()
	if letters := unknown.GetSpecifiedShortnames(); letters != "" {
		typed = "-" + letters
	}
	return fmt.Errorf("unknown flag %s: %s", escape.Value(typed), similarFlags(cmd, strings.TrimLeft(typed, "-")))
}

// similarFlags returns a question with the flags, or the command, that were probably meant.
func similarFlags(cmd *cobra.Command, typed string) string {
	if command, _, err := cmd.Root().Find([]string{typed}); err == nil && !cmd.HasParent() {
		return spelling.Question([]string{"`" + command.CommandPath() + "`"})
	}
	var names []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, "--"+flag.Name) })
	if similar := spelling.NearOrPart("--"+typed, names); len(similar) > 0 {
		return spelling.Question(similar)
	}
	return fmt.Sprintf("`%s --help` lists the flags", cmd.CommandPath())
}

// noArguments refuses arguments that are not flags.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes only flags: remove %q, or see `%s --help`", cmd.Name(), escape.Value(args[0]), cmd.CommandPath())
	}
	return nil
}

// unknownValue returns the error for a value that a flag does not have.
func unknownValue(flag, value string, values ...string) error {
	return fmt.Errorf("--%s is %q: %s", flag, escape.Value(value), spelling.Fix(value, values))
}

// warnOfMisspelt writes a warning for each variable of the environment whose name is probably misspelt.
func warnOfMisspelt(stderr io.Writer) {
	for _, warning := range variables.MisspeltIn(os.Environ()) {
		fmt.Fprintln(stderr, "layercache: warning: "+escape.Line(warning))
	}
}
