package buildx

import (
	"encoding/csv"
	"slices"
	"strconv"
	"strings"
)

// Args holds the caller's arguments for `docker buildx build`, and the values in them that the helper needs.
type Args struct {
	// Rest is every argument in order and unchanged, except --progress and --quiet: the helper shows the
	// progress.
	Rest []string
	// Tags are the image names given with --tag.
	Tags []string
	// Platforms are given with --platform, split at commas.
	Platforms []string
	// Outputs are given with --output.
	Outputs []string
	// Builder is given with --builder.
	Builder string
	// Dockerfile is given with --file. Context is the positional argument. Both are empty if not given.
	Dockerfile, Context string
	// Target is given with --target.
	Target string
	// BuildArgs are given with --build-arg, as NAME=VALUE or NAME.
	BuildArgs []string
	// Caches are the registry refs given with --cache-from and --cache-to.
	Caches []string
	// Scanners are the images that generate an SBOM, given with --sbom and --attest.
	Scanners []string
	// MetadataFile is given with --metadata-file.
	MetadataFile string
	// Progress is given with --progress; HasProgress is true if it is given, perhaps as an empty value.
	Progress    string
	HasProgress bool
	// Quiet is given with --quiet.
	Quiet bool
	// OnlyChecks means that nothing is built: --check, or --call with a value other than build.
	OnlyChecks bool
	// NoCache is given with --no-cache. FreshStages are given with --no-cache-filter, split at commas.
	NoCache     bool
	FreshStages []string
}

// valueFlags are the long flags of `buildx build` that take a value in the next argument.
var valueFlags = []string{
	"add-host", "allow", "annotation", "attest", "build-arg", "build-context", "builder", "cache-from", "cache-to", "call",
	"cgroup-parent", "file", "iidfile", "label", "metadata-file", "network", "no-cache-filter", "output", "platform", "policy",
	"progress", "provenance", "resource", "sbom", "secret", "shm-size", "ssh", "tag", "target", "ulimit",
	// Hidden or inherited from the classic builder.
	"cpu-period", "cpu-quota", "cpu-shares", "cpuset-cpus", "cpuset-mems", "isolation", "memory", "memory-swap",
	"security-opt", "print", "invoke", "root", "server-config",
}

// shorthands maps the one-letter flags to their long names.
var shorthands = map[byte]string{'f': "file", 'o': "output", 't': "tag", 'q': "quiet", 'D': "debug", 'h': "help", 'c': "cpu-shares", 'm': "memory"}

// ParseArgs parses the arguments. It never fails: buildx reports unknown flags and invalid values.
func ParseArgs(arguments []string) Args {
	var a Args
	for i := 0; i < len(arguments); i++ {
		argument := arguments[i]
		if argument == "--" {
			a.Rest = append(a.Rest, arguments[i:]...)
			a.Context = arguments[len(arguments)-1]
			break
		}
		name, value, consumed := readFlag(arguments[i:])
		if name == "" && (argument == "-" || !strings.HasPrefix(argument, "-")) {
			a.Context = argument
		}
		if !a.take(name, value) {
			a.Rest = append(append(a.Rest, a.withoutQuiet(argument)), arguments[i+1:i+consumed]...)
		}
		i += consumed - 1
	}
	return a
}

// readFlag returns the first flag in arguments: its long name, its value, and the number of arguments that it
// occupies. The name is empty if the first argument is not a flag.
func readFlag(arguments []string) (name, value string, consumed int) {
	first := arguments[0]
	switch {
	case strings.HasPrefix(first, "--"):
		name, value, hasValue := strings.Cut(first[2:], "=")
		if !hasValue && slices.Contains(valueFlags, name) && len(arguments) > 1 {
			return name, arguments[1], 2
		}
		return name, value, 1
	case len(first) > 1 && first[0] == '-':
		return readShorthand(first[1:], arguments)
	}
	return "", "", 1
}

// readShorthand parses -t VALUE, -tVALUE, -t=VALUE and clusters such as -qt VALUE. For a cluster, it returns
// the flag with a value.
func readShorthand(letters string, arguments []string) (name, value string, consumed int) {
	for i := range len(letters) {
		name = shorthands[letters[i]]
		if !slices.Contains(valueFlags, name) {
			continue
		}
		if rest := strings.TrimPrefix(letters[i+1:], "="); rest != "" {
			return name, rest, 1
		}
		if len(arguments) > 1 {
			return name, arguments[1], 2
		}
	}
	if len(letters) > 1 {
		name = "" // No flag of the cluster has a value.
	}
	return name, "", 1
}

// take stores the values that the helper needs. It reports whether to remove the flag from the arguments for
// buildx.
func (a *Args) take(name, value string) bool {
	switch name {
	case "tag":
		a.Tags = append(a.Tags, value)
	case "platform":
		a.Platforms = append(a.Platforms, strings.Split(value, ",")...)
	case "cache-from", "cache-to":
		a.Caches = append(a.Caches, attributes(value, "ref")...)
	case "sbom", "attest":
		a.Scanners = append(a.Scanners, attributes(value, "generator")...)
	case "output":
		a.Outputs = append(a.Outputs, value)
	case "builder":
		a.Builder = value
	case "file":
		a.Dockerfile = value
	case "target":
		a.Target = value
	case "build-arg":
		a.BuildArgs = append(a.BuildArgs, value)
	case "metadata-file":
		a.MetadataFile = value
	case "check":
		// As in buildx, --check=false does not undo an earlier --check.
		a.OnlyChecks = a.OnlyChecks || isTrue(value)
	case "call", "print":
		a.OnlyChecks = !callsBuild(value)
	case "no-cache":
		a.NoCache = isTrue(value)
	case "no-cache-filter":
		a.FreshStages = append(a.FreshStages, strings.Split(value, ",")...)
	case "progress":
		a.Progress, a.HasProgress = value, true
		return true
	case "quiet":
		a.Quiet = isTrue(value)
		return true
	}
	return false
}

// withoutQuiet removes -q from a cluster of one-letter flags, such as -qt.
func (a *Args) withoutQuiet(argument string) string {
	if len(argument) < 2 || argument[0] != '-' || argument[1] == '-' {
		return argument
	}
	for i := 1; i < len(argument); i++ {
		name := shorthands[argument[i]]
		if name == "" || slices.Contains(valueFlags, name) {
			break
		}
		if name == "quiet" {
			a.Quiet = true
			return a.withoutQuiet(argument[:i] + argument[i+1:])
		}
	}
	return argument
}

// callsBuild reports whether a value of --call means that the image is built: an empty one, or the method
// build with any options.
//
// https://github.com/docker/buildx/blob/v0.38.2/util/buildflags/callfunc.go
func callsBuild(value string) bool {
	fields, err := csv.NewReader(strings.NewReader(value)).Read()
	if err != nil {
		return value == ""
	}
	return slices.Contains(fields, "build")
}

// Display returns the arguments that set how buildx shows the build. Rest does not have them.
func (a Args) Display() []string {
	var display []string
	if a.HasProgress {
		display = append(display, "--progress="+a.Progress)
	}
	if a.Quiet {
		display = append(display, "--quiet")
	}
	return display
}

// PrintsID reports whether buildx prints the image's id at the end.
func (a Args) PrintsID() bool { return (a.Quiet || a.Progress == "quiet") && !a.OnlyChecks }

// isTrue parses the optional value of a boolean flag. An empty or invalid value is true.
func isTrue(value string) bool {
	given, err := strconv.ParseBool(value)
	return given || err != nil
}

// Images returns the full names of all images that the build could push.
func (a Args) Images() []string {
	images := slices.Clone(a.Tags)
	for _, output := range a.Outputs {
		for _, names := range attributes(output, "name") {
			images = append(images, strings.Split(names, ",")...)
		}
	}
	return images
}

// ReadsStdin reports whether the context or the Dockerfile is the standard input.
func (a Args) ReadsStdin() bool { return a.Context == "-" || a.Dockerfile == "-" }

// stdouts are the file names of the standard output.
var stdouts = []string{"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}

// WritesToStdout reports whether an argument sends output, such as an image as a tar, to the standard output.
// Otherwise buildx prints at most a message of the frontend there.
func (a Args) WritesToStdout() bool {
	for _, output := range a.Outputs {
		if output == "-" || slices.Contains(attributes(output, "dest"), "-") {
			return true
		}
	}
	return slices.ContainsFunc(a.Rest, func(argument string) bool {
		return slices.ContainsFunc(stdouts, func(name string) bool { return strings.Contains(argument, name) })
	})
}

// attributes returns the values of key in a flag value of the form KEY=VALUE,…. It returns nil for an invalid
// value, which buildx refuses.
func attributes(value, key string) []string {
	fields, err := csv.NewReader(strings.NewReader(value)).Read()
	if err != nil {
		return nil
	}
	var values []string
	for _, field := range fields {
		if name, given, ok := strings.Cut(field, "="); ok && strings.EqualFold(strings.TrimSpace(name), key) {
			values = append(values, given)
		}
	}
	return values
}
