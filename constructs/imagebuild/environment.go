package imagebuild

import (
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/variables"
)

// variables are the environment variables of the project of release builds. All
// of them have a value, as the console shows and overrides only variables that
// have one.
func (b *ImageBuild) variables(props *ImageBuildProps) map[string]*string {
	v := map[string]*string{
		"LAYERCACHE_WRITE":           jsii.String(strconv.FormatBool(*props.CacheWrite)),
		"LAYERCACHE_REFRESH":         jsii.String("false"),
		"LAYERCACHE_APP":             b.app,
		"LAYERCACHE_FALLBACK_BRANCH": props.FallbackBranch,
		"LAYERCACHE_BUILDER":         jsii.String(string(props.Builder)),
		"LAYERCACHE_REPORT_DIR":      jsii.String("layercache-report"),
		"LAYERCACHE_IMAGE":           b.image.RepositoryUri(),
		"LAYERCACHE_PUSH":            jsii.String("true"),
		"LAYERCACHE_TAGS":            jsii.String(strings.Join(b.tags, ",")),
		"LAYERCACHE_DOCKERFILE":      props.Dockerfile,
		"LAYERCACHE_CONTEXT":         props.Context,
	}
	if props.PullThrough != nil {
		if mirrors := props.PullThrough.Mirrors(); *mirrors != "" {
			v["LAYERCACHE_MIRRORS"] = mirrors
		}
	}
	if props.MetricsNamespace != nil {
		v["LAYERCACHE_METRICS_NAMESPACE"] = props.MetricsNamespace
	}
	maps.Copy(v, cacheVariables(props))
	maps.Copy(v, props.Build.variables(b))
	if props.Environment != nil {
		maps.Copy(v, *props.Environment)
	}
	return v
}

func plainText(variables map[string]*string) map[string]*awscodebuild.BuildEnvironmentVariable {
	result := map[string]*awscodebuild.BuildEnvironmentVariable{}
	for name, value := range variables {
		result[name] = plainVariable(value)
	}
	return result
}

func plainVariable(value *string) *awscodebuild.BuildEnvironmentVariable {
	return &awscodebuild.BuildEnvironmentVariable{Value: value}
}

// appOf is the first part of the cache's tags; id is that of the construct, in
// which the CDK replaces slashes.
func (b *ImageBuild) appOf(id string, props *ImageBuildProps) *string {
	switch {
	case props.App != nil:
		return props.App
	case props.Image == nil && validation.IsLiteral(props.ImageName):
		return jsii.String(path.Base(*props.ImageName))
	case props.Image != nil && literalName(props.Image) != "":
		return jsii.String(path.Base(literalName(props.Image)))
	case !strings.Contains(id, "/"):
		return &id
	}
	return b.Node().Id()
}

// literalName is the name of a repository as far as it is known at synthesis:
// the name of an imported one, or the physical name a new one was given.
func literalName(repository awsecr.IRepository) string {
	name := repository.RepositoryName()
	if cfn, ok := repository.Node().DefaultChild().(awsecr.CfnRepository); ok {
		name = cfn.RepositoryName()
	}
	if !validation.IsLiteral(name) {
		return ""
	}
	return *name
}

// checkEnvironment checks the names of variables; prop is where they are set.
func checkEnvironment(prop string, environment *map[string]*string) []validation.Problem {
	if environment == nil {
		return nil
	}
	var problems []validation.Problem
	for name, value := range *environment {
		at := fmt.Sprintf("%s[%q]", prop, name)
		switch known, _ := variables.Find(name); {
		case known.Prop != "":
			problems = append(problems, validation.Problem{Prop: at, Wrong: "is set by " + known.Prop, Fix: "set that instead"})
		case strings.HasPrefix(name, variables.SecretPrefix):
			problems = append(problems, validation.Problem{Prop: at, Wrong: "is set by Build.Secrets", Fix: "set that instead"})
		case !variableForm.MatchString(name) || strings.HasPrefix(name, "CODEBUILD_"):
			problems = append(problems, validation.Problem{Prop: at, Wrong: "is no name for a variable of a build", Fix: "use letters, digits and '_', and not CODEBUILD_ at the front"})
		case value == nil || *value == "":
			problems = append(problems, validation.Problem{Prop: at, Wrong: "has no value", Fix: "give it one, or leave it out"})
		}
	}
	return sorted(problems)
}
