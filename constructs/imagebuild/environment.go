package imagebuild

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
	"github.com/layercache/layercache/internal/variables"
)

// variables returns the environment variables of release builds. Every variable has a value, because the
// console shows and overrides only variables with a value.
func (b *ImageBuild) variables(r *resolved) map[string]string {
	v := map[string]string{
		"LAYERCACHE_WRITE":           strconv.FormatBool(r.cache.write),
		"LAYERCACHE_REFRESH":         "false",
		"LAYERCACHE_APP":             *b.app,
		"LAYERCACHE_FALLBACK_BRANCH": r.cache.fallbackBranch,
		"LAYERCACHE_REPORT_DIR":      "layercache-report",
		"LAYERCACHE_IMAGE":           *b.image.RepositoryUri(),
		"LAYERCACHE_PUSH":            "true",
		"LAYERCACHE_TAGS":            strings.Join(r.image.tags, ","),
	}
	if r.pullThrough != nil {
		if mirrors := r.pullThrough.Mirrors(); *mirrors != "" {
			v["LAYERCACHE_MIRRORS"] = *mirrors
		}
	}
	if r.metricsNamespace != nil {
		v["LAYERCACHE_METRICS_NAMESPACE"] = *r.metricsNamespace
	}
	maps.Copy(v, machineVariables(r.machine, r.build.batch))
	maps.Copy(v, cacheVariables(r.cache))
	maps.Copy(v, imageFormVariables(r.image))
	maps.Copy(v, buildVariables(b, r.build))
	maps.Copy(v, bakeVariables(b, r.bake))
	maps.Copy(v, r.environment)
	return v
}

func plainTextVariables(values map[string]string) map[string]*awscodebuild.BuildEnvironmentVariable {
	environment := map[string]*awscodebuild.BuildEnvironmentVariable{}
	for name, value := range values {
		environment[name] = &awscodebuild.BuildEnvironmentVariable{Value: value}
	}
	return environment
}

var variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// checkEnvironment checks the names and values of variables; prop is where they are set.
func checkEnvironment(problems *validation.Problems, prop string, environment map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		at := fmt.Sprintf("%s[%q]", prop, name)
		switch known, _ := variables.Find(name); {
		case known.Prop != "":
			problems.Add(at, "is set by "+known.Prop, "set that instead")
		case name == variables.Ticket:
			problems.Add(at, "is set by BuildOnDeploy", "leave it out")
		case strings.HasPrefix(name, variables.SecretPrefix):
			problems.Add(at, "is set by Build.Secrets", "set that instead")
		case !variableForm.MatchString(name) || strings.HasPrefix(name, "CODEBUILD_"):
			problems.Add(at, "is not a valid name of a variable", "use letters, digits and '_', and do not start it with CODEBUILD_")
		case len(variables.Similar(name)) > 0:
			problems.Add(at, "is not a variable of layercache", spelling.Question(variables.Similar(name)))
		case environment[name] == "":
			problems.Add(at, "has no value", "set a value, or leave it out")
		}
	}
}
