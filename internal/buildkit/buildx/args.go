package buildx

import (
	"encoding/csv"
	"slices"
	"strconv"
	"strings"
)

// Args are the arguments of `docker buildx build` as the caller wrote them, and what the helper needs to know of them.
type Args struct {
	// Rest is every argument, unchanged and in order, but for --progress and --quiet: showing progress is the helper's part.
	Rest []string
	// Tags are the image names given with --tag.
	Tags []string
	// Platforms are given with --platform, the commas taken apart.
	Platforms []string
	// Outputs are given with --output.
	Outputs []string
	// Builder is given with --builder.
	Builder string
	// Dockerfile is given with --file, Context is the argument that is no flag; both are empty where they are not given.
	Dockerfile, Context string
	// BuildArgs are given with --build-arg, as NAME=VALUE or NAME.
	BuildArgs []string
	// Caches are the registry refs given with --cache-from and --cache-to.
	Caches []string
	// Scanners are the images that look for an SBOM, given with --sbom and --attest.
	Scanners []string
	// MetadataFile is given with --metadata-file.
	MetadataFile string
	// Progress is given with --progress; "quiet" stands for --quiet too.
	Progress string
	// OnlyChecks says that nothing is built (--check, or --call with another value than build).
	OnlyChecks bool
}

// valueFlags are the long flags of `buildx build` that take a value; every other long flag stands alone.
var valueFlags = []string{
	"add-host", "allow", "annotation", "attest", "build-arg", "build-context", "builder", "cache-from", "cache-to", "call",
	"cgroup-parent", "file", "iidfile", "label", "metadata-file", "network", "no-cache-filter", "output", "platform", "policy",
	"progress", "provenance", "resource", "sbom", "secret", "shm-size", "ssh", "tag", "target", "ulimit",
	// Hidden or inherited from the classic builder.
	"cpu-period", "cpu-quota", "cpu-shares", "cpuset-cpus", "cpuset-mems", "isolation", "memory", "memory-swap",
	"security-opt", "print", "invoke", "root", "server-config",
}

// shorthands are the flags of one letter and their long names.
var shorthands = map[byte]string{'f': "file", 'o': "output", 't': "tag", 'q': "quiet", 'D': "debug", 'h': "help", 'c': "cpu-shares", 'm': "memory"}

// ParseArgs reads the arguments. It never fails: what it does not know, buildx will judge.
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

// readFlag reads one flag at the start of arguments: its long name, its value, and how many arguments it fills. What is no
// flag has no name.
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

// readShorthand reads -t VALUE, -tVALUE, -t=VALUE and clusters such as -qt VALUE, of which the flag with a value counts.
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

// take keeps what the helper needs, and says whether the flag is the helper's own and not for buildx.
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
	case "build-arg":
		a.BuildArgs = append(a.BuildArgs, value)
	case "metadata-file":
		a.MetadataFile = value
	case "check":
		a.OnlyChecks = a.OnlyChecks || isTrue(value)
	case "call", "print":
		a.OnlyChecks = a.OnlyChecks || value != "build"
	case "progress":
		a.Progress = value
		return true
	case "quiet":
		if isTrue(value) {
			a.Progress = "quiet"
		}
		return true
	}
	return false
}

// withoutQuiet takes -q out of a cluster of flags of one letter, such as -qt.
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
			a.Progress = "quiet"
			return a.withoutQuiet(argument[:i] + argument[i+1:])
		}
	}
	return argument
}

// isTrue reads the value of a flag that needs none.
func isTrue(value string) bool {
	given, err := strconv.ParseBool(value)
	return given || err != nil
}

// Images are the full names of every image that the build would push.
func (a Args) Images() []string {
	images := slices.Clone(a.Tags)
	for _, output := range a.Outputs {
		for _, names := range attributes(output, "name") {
			images = append(images, strings.Split(names, ",")...)
		}
	}
	return images
}

// stdouts are names of the standard output, under which a program can open it.
var stdouts = []string{"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}

// WritesToStdout reports whether an argument asks for output there, such as an image as a tar; else buildx prints nothing but
// a message of the frontend's.
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

// attributes are the values that a flag of the form KEY=VALUE,… gives to the key; what cannot be read, buildx will refuse.
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
