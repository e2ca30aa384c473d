package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/image"
	"github.com/layercache/layercache/internal/variables"
)

// Settings checks the LAYERCACHE_* variables of an environment in the form of os.Environ.
func Settings(environ []string) []Check {
	given := map[string]string{}
	var names []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		given[name] = value
		if strings.HasPrefix(name, variables.Prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var checks []Check
	for _, problem := range invalidValues(func(name string) (string, bool) {
		value, ok := given[name]
		return value, ok
	}) {
		checks = append(checks, Check{"settings", Fail, problem.Error(), "correct or unset " + problem.Variable})
	}
	for _, name := range names {
		if problem := variables.Misspelt(name); problem != "" {
			checks = append(checks, Check{"settings", Warn, problem, "correct the variable's name, or unset it"})
		}
	}
	if len(checks) == 0 {
		return []Check{{"settings", OK, fmt.Sprintf("%d LAYERCACHE_* variables, all valid", len(names)), ""}}
	}
	return checks
}

// invalidValues returns the problems of the values. It checks those of an image only if LAYERCACHE_IMAGE is
// set.
func invalidValues(lookup func(string) (string, bool)) variables.Problems {
	read := variables.Build
	imageName, _ := lookup("LAYERCACHE_IMAGE")
	if imageName != "" {
		read = variables.Image
	}
	values, problems := variables.Read(lookup, read.Variables())
	_, together := variables.SettingsFrom(values)
	problems = append(problems, together...)
	if imageName != "" {
		_, ofImage := image.From(values, image.Words{Commit: "commit", Branch: "branch", Build: "build"}, lookup)
		problems = append(problems, ofImage...)
	}
	return problems
}
