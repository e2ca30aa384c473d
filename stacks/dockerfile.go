package stacks

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
)

// predefined are the arguments that a Dockerfile need not declare:
// https://docs.docker.com/reference/dockerfile/#predefined-args. Those that begin with BUILDKIT_ are BuildKit's own.
var predefined = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY", "SOURCE_DATE_EPOCH",
	"BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT",
	"TARGETPLATFORM", "TARGETOS", "TARGETOSVERSION", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE",
}

// validateDockerfile checks that the Dockerfile has the target, and declares the arguments: BuildKit ignores others. A
// Dockerfile that BuildKit would not parse is a problem, too. One with a frontend other than Docker's is not read.
func validateDockerfile(found *validation.Problems, key, file string, b BuildConfig) {
	content, err := os.ReadFile(file)
	if err != nil {
		return // It exists, but only the build may read it.
	}
	if syntax, _, _, ok := parser.DetectSyntax(content); ok && !strings.Contains(syntax, "docker/dockerfile") {
		return
	}
	stages, arguments, err := readDockerfile(content)
	if err != nil {
		found.Add(key+".dockerfile", fmt.Sprintf("%q cannot be read: %v", file, err), "correct the Dockerfile, or give the path of another")
		return
	}
	if b.Target != "" && !hasStage(stages, b.Target) && !coveredBy(*found, key+".target") {
		fix := "name a stage with FROM … AS " + b.Target + ", or leave it out"
		if len(stages.names) > 0 {
			fix = spelling.Fix(b.Target, stages.names)
		}
		found.Add(key+".target", fmt.Sprintf("%q is not a stage of %q", b.Target, file), fix)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Arguments)) {
		at := fmt.Sprintf("%s.arguments[%q]", key, name)
		if slices.Contains(arguments, name) || isPredefined(name) || coveredBy(*found, at) {
			continue
		}
		fix := "declare it with ARG " + name + ", or leave it out"
		if similar := spelling.Near(name, arguments); len(similar) > 0 {
			fix = spelling.Question(similar)
		}
		found.Add(at, fmt.Sprintf("is not declared in %q: the build would ignore it", file), fix)
	}
}

// dockerfileStages are the stages of a Dockerfile: how many there are, and the names of those that have one.
type dockerfileStages struct {
	count int
	names []string
}

// readDockerfile returns the stages, and the names of all ARGs without duplicates.
func readDockerfile(content []byte) (stages dockerfileStages, arguments []string, err error) {
	parsed, err := parser.Parse(bytes.NewReader(content))
	if err != nil {
		return dockerfileStages{}, nil, err
	}
	all, global, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{}))
	if err != nil {
		return dockerfileStages{}, nil, err
	}
	declare := func(arg instructions.ArgCommand) {
		for _, a := range arg.Args {
			arguments = append(arguments, a.Key)
		}
	}
	for _, arg := range global {
		declare(arg)
	}
	for _, stage := range all {
		if stage.Name != "" {
			stages.names = append(stages.names, stage.Name)
		}
		for _, command := range stage.Commands {
			switch c := command.(type) {
			case *instructions.ArgCommand:
				declare(*c)
			case *instructions.OnbuildCommand:
				arguments = append(arguments, onbuildArguments(c.Expression)...)
			}
		}
	}
	stages.count = len(all)
	slices.Sort(arguments)
	return stages, slices.Compact(arguments), nil
}

// onbuildArguments returns the names that ONBUILD ARG declares in stages that begin FROM this one.
func onbuildArguments(expression string) []string {
	words := strings.Fields(expression)
	if len(words) == 0 || !strings.EqualFold(words[0], "ARG") {
		return nil
	}
	var names []string
	for _, word := range words[1:] {
		name, _, _ := strings.Cut(word, "=")
		names = append(names, name)
	}
	return names
}

// hasStage reports whether the target is the name of a stage, in any case, or its number.
func hasStage(stages dockerfileStages, target string) bool {
	if n, err := strconv.Atoi(target); err == nil {
		return n >= 0 && n < stages.count
	}
	return slices.ContainsFunc(stages.names, func(name string) bool { return strings.EqualFold(name, target) })
}

// isPredefined reports whether BuildKit takes the argument without a declaration. Proxies may be in lower case.
func isPredefined(name string) bool {
	return strings.HasPrefix(name, "BUILDKIT_") || slices.Contains(predefined, name) || slices.Contains(predefined, strings.ToUpper(name)) && strings.HasSuffix(name, "_proxy")
}
