// Package bake reads the arguments of `docker buildx bake`, and the targets that buildx prints for them.
package bake

import (
	"io"
	"path"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Args are the caller's arguments for `docker buildx bake`.
type Args struct {
	// All is every argument, unchanged.
	All []string
	// Targets are the positional arguments: targets and groups, and before them the address of a remote file.
	Targets []string
	// flags is nil if the arguments cannot be parsed.
	flags *pflag.FlagSet
}

// ParseArgs parses the arguments. It never fails: buildx reports unknown flags and invalid values.
//
// https://github.com/docker/buildx/blob/v0.38.2/commands/bake.go
func ParseArgs(arguments []string) Args {
	flags := pflag.NewFlagSet("bake", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringArrayP("file", "f", nil, "")
	for _, name := range []string{"set", "var", "allow", "policy"} {
		flags.StringArray(name, nil, "")
	}
	for _, name := range []string{"builder", "call", "list", "metadata-file", "progress", "provenance", "sbom"} {
		flags.String(name, "", "")
	}
	flags.StringP("jobs", "j", "", "")
	for _, name := range []string{"check", "list-targets", "list-variables", "load", "no-cache", "print", "pull", "push"} {
		flags.Bool(name, false, "")
	}
	flags.BoolP("debug", "D", false, "")
	flags.BoolP("help", "h", false, "")
	a := Args{All: arguments}
	if flags.Parse(arguments) == nil {
		a.flags, a.Targets = flags, flags.Args()
	}
	return a
}

// OnlyReads reports whether buildx only reads the files, or refuses the arguments: there is nothing to build and no
// builder is needed.
func (a Args) OnlyReads() bool {
	return a.flags == nil || a.isSet("help") || a.isSet("print") || a.isSet("list-targets") || a.isSet("list-variables") || a.Value("list") != ""
}

// OnlyChecks reports whether buildx only looks at the Dockerfiles: --check, or --call with another value than build.
func (a Args) OnlyChecks() bool {
	return a.isSet("check") || !slices.Contains([]string{"", "build"}, a.Value("call"))
}

func (a Args) isSet(name string) bool {
	set, _ := a.flags.GetBool(name)
	return set
}

// NoCache reports whether --no-cache is given.
func (a Args) NoCache() bool { return a.isSet("no-cache") }

// Value returns the value of a flag, or "".
func (a Args) Value(name string) string {
	value, _ := a.flags.GetString(name)
	return value
}

// Has reports whether a flag is given.
func (a Args) Has(name string) bool { return a.flags.Changed(name) }

// Values returns the values of a flag that may be given more than once.
func (a Args) Values(name string) []string {
	values, _ := a.flags.GetStringArray(name)
	return values
}

// ReadsStdin reports whether a bake file is the standard input.
func (a Args) ReadsStdin() bool { return slices.Contains(a.Values("file"), "-") }

// Remote reports whether the bake file is in a Git repository or at an address. buildx then needs a builder to read it.
func (a Args) Remote() bool {
	return len(a.Targets) > 0 && strings.ContainsAny(a.Targets[0], ":/")
}

// Print returns the arguments that print the targets.
func (a Args) Print() []string {
	return slices.Concat([]string{"bake", "--print"}, a.without("progress", "metadata-file", "builder"), []string{"--"}, a.Targets)
}

// OfFile returns the arguments with one local bake file in place of all, and without its variables. It leaves
// out each --set that applies to none of the targets in it, such as that of a target which others inherit: the
// file has its values already, and buildx refuses a --set without a target.
func (a Args) OfFile(file string, targets []string) Args {
	flags := slices.DeleteFunc(a.without("file", "var"), func(flag string) bool {
		override, isSet := strings.CutPrefix(flag, "--set=")
		pattern, _, _ := strings.Cut(override, ".")
		return isSet && !slices.ContainsFunc(targets, func(target string) bool {
			matches, err := path.Match(pattern, target)
			return matches || err != nil // buildx reports a malformed pattern.
		})
	})
	return ParseArgs(slices.Concat([]string{"--file=" + file}, flags, a.Positional()))
}

// Flags returns the flags for a call that builds. They do not include --progress, nor the outputs that --set gives to
// a target in replaced. The caller sets those outputs: buildx takes all that are given, and would push the image twice.
func (a Args) Flags(replaced ...string) []string {
	return withoutOutputs(a.without("progress", "builder"), func(target string) bool { return slices.Contains(replaced, target) })
}

// FlagsForOutputs is Flags for a call whose caller sets the tags and the outputs of each target with --set.
func (a Args) FlagsForOutputs() []string {
	return slices.DeleteFunc(a.without("progress", "builder", "load"), func(flag string) bool {
		override, found := strings.CutPrefix(flag, "--set=")
		key, _, _ := strings.Cut(override, "=")
		_, attribute, _ := strings.Cut(strings.TrimSuffix(key, "+"), ".")
		return found && slices.Contains([]string{"tag", "tags", "output", "outputs", "load"}, attribute)
	})
}

// CacheOnlyFlags returns the flags for a call that repeats the build of some targets without running a step again. The
// caller of it replaces the outputs with --set.
func (a Args) CacheOnlyFlags() []string {
	flags := a.without("progress", "builder", "metadata-file", "no-cache", "provenance", "sbom", "push", "load")
	return withoutOutputs(flags, func(string) bool { return true })
}

// withoutOutputs returns the flags without each --set of an output for a target, or a pattern, that is left out.
func withoutOutputs(flags []string, leftOut func(target string) bool) []string {
	return slices.DeleteFunc(flags, func(flag string) bool {
		override, isSet := strings.CutPrefix(flag, "--set=")
		key, _, _ := strings.Cut(override, "=")
		target, attribute, _ := strings.Cut(strings.TrimSuffix(key, "+"), ".")
		return isSet && attribute == "output" && leftOut(target)
	})
}

// Positional returns the end of a call: the targets, and before them the address of a remote file.
func (a Args) Positional() []string { return append([]string{"--"}, a.Targets...) }

// PositionalOf is Positional for other targets.
func (a Args) PositionalOf(targets []string) []string {
	positional := []string{"--"}
	for _, argument := range a.Targets {
		if strings.ContainsAny(argument, ":/") {
			positional = append(positional, argument)
		}
	}
	return append(positional, targets...)
}

// without returns the flags, in a form of their own, without some.
func (a Args) without(names ...string) []string {
	var arguments []string
	a.flags.Visit(func(flag *pflag.Flag) {
		if slices.Contains(names, flag.Name) {
			return
		}
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			arguments = append(arguments, "--"+flag.Name+"="+value)
		}
	})
	return arguments
}
