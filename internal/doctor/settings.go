package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/doctor/spelling"
	"github.com/layercache/layercache/internal/image"
	"github.com/layercache/layercache/internal/settings"
)

const variablePrefix = "LAYERCACHE_"

// secretPrefix begins the variables in which CodeBuild projects hand over the secrets of builds.
const secretPrefix = variablePrefix + "SECRET_"

// Settings checks the LAYERCACHE_* variables of an environment, given as os.Environ gives it.
func Settings(environ []string) []Check {
	values := map[string]string{}
	var names []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = value
		if strings.HasPrefix(name, variablePrefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	checks := invalid(func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	})
	for _, name := range names {
		if problem := Misspelt(name); problem != "" {
			checks = append(checks, Check{"settings", Warn, problem, "name the variable as it is meant, or unset it"})
		}
	}
	if len(checks) == 0 {
		return []Check{{"settings", OK, fmt.Sprintf("%d LAYERCACHE_* variables, all valid", len(names)), ""}}
	}
	return checks
}

// invalid are the variables whose values are wrong, a check each.
func invalid(lookup func(string) (string, bool)) []Check {
	_, err := settings.FromEnv(lookup)
	problems := []error{err}
	if value, _ := lookup("LAYERCACHE_IMAGE"); value != "" {
		_, err := image.FromEnv(lookup, image.Words{Commit: "commit", Branch: "branch", Build: "build"})
		problems = append(problems, err)
	}
	var checks []Check
	for _, problem := range problems {
		if problem == nil {
			continue
		}
		// The first line says that the settings are wrong, each that follows how.
		for _, line := range strings.Split(problem.Error(), "\n")[1:] {
			name, _, _ := strings.Cut(line, " ")
			checks = append(checks, Check{"settings", Fail, line, "correct or unset " + name})
		}
	}
	return checks
}

// Misspelt says what may have been meant by a variable that layercache does not know; empty when it is known, or like none.
func Misspelt(name string) string {
	typed, isOurs := strings.CutPrefix(name, variablePrefix)
	known := variables()
	if !isOurs || slices.Contains(known, typed) || strings.HasPrefix(name, secretPrefix) {
		return ""
	}
	near := spelling.Near(typed, known)
	if len(near) == 0 {
		return ""
	}
	for i := range near {
		near[i] = variablePrefix + near[i]
	}
	return fmt.Sprintf("%s is no variable of layercache: did you mean %s?", name, strings.Join(near, " or "))
}

// variables are all variables that layercache reads, without their prefix: those that its readers ask for, and two that
// are read by the command line and by the buildspecs.
func variables() []string {
	names := []string{"PREWARM", "COMMAND"}
	record := func(name string) (string, bool) {
		if own, isOurs := strings.CutPrefix(name, variablePrefix); isOurs {
			names = append(names, own)
		}
		return "", false
	}
	_, _ = settings.FromEnv(record)
	_, _ = image.FromEnv(record, image.Words{})
	return names
}
