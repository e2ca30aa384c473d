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

// propOfVariable names the prop for each variable that Environment must leave
// alone.
var propOfVariable = map[string]string{
	"LAYERCACHE_REPOSITORY":          "Cache",
	"LAYERCACHE_FALLBACK_REPOSITORY": "PullRequests.Cache",
	"LAYERCACHE_MODE":                "CacheMode",
	"LAYERCACHE_COMPRESSION":         "CacheCompression",
	"LAYERCACHE_S3":                  "CacheBucket",
	"LAYERCACHE_WRITE":               "CacheWrite",
	"LAYERCACHE_APP":                 "App",
	"LAYERCACHE_FALLBACK_BRANCH":     "FallbackBranch",
	"LAYERCACHE_BUILDER":             "Builder",
	"LAYERCACHE_MIRRORS":             "PullThrough",
	"LAYERCACHE_IMAGE":               "Image",
	"LAYERCACHE_TAGS":                "Tags",
	"LAYERCACHE_DOCKERFILE":          "Dockerfile",
	"LAYERCACHE_CONTEXT":             "Context",
	"LAYERCACHE_TARGET":              "Build.Target",
	"LAYERCACHE_PLATFORMS":           "Build.Platforms",
	"LAYERCACHE_PLATFORM_TAGS":       "Build.Platforms",
	"LAYERCACHE_COMMAND":             "Build.Platforms",
	"LAYERCACHE_BUILD_ARGS":          "Build.Arguments",
	"LAYERCACHE_SECRETS":             "Build.Secrets",
	"LAYERCACHE_PROVENANCE":          "Build.Provenance",
	"LAYERCACHE_SBOM":                "Build.Sbom",
	"LAYERCACHE_ARGS":                "Build.Extra",
	"LAYERCACHE_METRICS_NAMESPACE":   "MetricsNamespace",
}

// checkEnvironment checks the names of variables; prop is where they are set.
func checkEnvironment(prop string, environment *map[string]*string) []validation.Problem {
	if environment == nil {
		return nil
	}
	var problems []validation.Problem
	for name, value := range *environment {
		at := fmt.Sprintf("%s[%q]", prop, name)
		switch owner, taken := propOfVariable[name]; {
		case taken:
			problems = append(problems, validation.Problem{Prop: at, Wrong: "is set by " + owner, Fix: "set that instead"})
		case strings.HasPrefix(name, "LAYERCACHE_SECRET_"):
			problems = append(problems, validation.Problem{Prop: at, Wrong: "is set by Build.Secrets", Fix: "set that instead"})
		case !variableForm.MatchString(name) || strings.HasPrefix(name, "CODEBUILD_"):
			problems = append(problems, validation.Problem{Prop: at, Wrong: "is no name for a variable of a build", Fix: "use letters, digits and '_', and not CODEBUILD_ at the front"})
		case value == nil || *value == "":
			problems = append(problems, validation.Problem{Prop: at, Wrong: "has no value", Fix: "give it one, or leave it out"})
		}
	}
	return sorted(problems)
}
