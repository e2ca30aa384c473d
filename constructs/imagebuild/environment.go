package imagebuild

import (
	"path"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// variables are the environment variables of the project. All of them have a
// value, as the console shows and overrides only variables that have one.
func (b *ImageBuild) variables(props *ImageBuildProps) map[string]*string {
	v := map[string]*string{
		"LAYERCACHE_REPOSITORY":      props.Cache.RepositoryUri(),
		"LAYERCACHE_MODE":            jsii.String("registry"),
		"LAYERCACHE_WRITE":           jsii.String(strconv.FormatBool(*props.CacheWrite)),
		"LAYERCACHE_REFRESH":         jsii.String("false"),
		"LAYERCACHE_APP":             b.app(props),
		"LAYERCACHE_FALLBACK_BRANCH": props.FallbackBranch,
		"LAYERCACHE_BUILDER":         jsii.String("auto"),
		"LAYERCACHE_REPORT_DIR":      jsii.String("layercache-report"),
		"LAYERCACHE_IMAGE":           b.image.RepositoryUri(),
		"LAYERCACHE_TAG":             props.Tag,
		"LAYERCACHE_DOCKERFILE":      props.Dockerfile,
		"LAYERCACHE_CONTEXT":         props.Context,
	}
	if props.PullThrough != nil {
		if mirrors := props.PullThrough.Mirrors(); *mirrors != "" {
			v["LAYERCACHE_MIRRORS"] = mirrors
		}
	}
	if props.Environment != nil {
		for name, value := range *props.Environment {
			v[name] = value
		}
	}
	return v
}

func plainText(variables map[string]*string) *map[string]*awscodebuild.BuildEnvironmentVariable {
	result := map[string]*awscodebuild.BuildEnvironmentVariable{}
	for name, value := range variables {
		result[name] = &awscodebuild.BuildEnvironmentVariable{
			Value: value,
			Type:  awscodebuild.BuildEnvironmentVariableType_PLAINTEXT,
		}
	}
	return &result
}

func (b *ImageBuild) app(props *ImageBuildProps) *string {
	if props.App != nil {
		return props.App
	}
	if name := literalName(b.image); name != "" {
		return jsii.String(path.Base(name))
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
