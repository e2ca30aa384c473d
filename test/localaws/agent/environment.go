package agent

import (
	"crypto/rand"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// newID returns a new build id, PROJECT:UUID.
func (b Build) newID() string {
	var random [16]byte
	rand.Read(random[:])
	random[6], random[8] = random[6]&0x0f|0x40, random[8]&0x3f|0x80
	return fmt.Sprintf("%s:%x-%x-%x-%x-%x", b.Project, random[:4], random[4:6], random[6:8], random[8:10], random[10:])
}

// environment returns the environment of the first command. Later sources override earlier ones: the build
// image, CodeBuild itself, the buildspec, the project, the build graph of a batch, the start of the build.
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
func (b Build) environment(spec *buildspec, from sources, id string) map[string]string {
	env := map[string]string{}
	for _, pair := range b.Env {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	maps.Copy(env, b.ownVariables(from, id))
	maps.Copy(env, spec.variables)
	maps.Copy(env, b.Variables)
	maps.Copy(env, spec.graph[b.BatchIdentifier].variables)
	maps.Copy(env, b.Overrides)
	return env
}

// ownVariables returns the variables that CodeBuild itself sets.
func (b Build) ownVariables(from sources, id string) map[string]string {
	_, uuid, _ := strings.Cut(id, ":")
	env := map[string]string{
		"AWS_REGION":                 b.Region,
		"AWS_DEFAULT_REGION":         b.Region,
		"CODEBUILD_BUILD_ARN":        fmt.Sprintf("arn:%s:codebuild:%s:%s:build/%s", b.Partition, b.Region, b.Account, id),
		"CODEBUILD_BUILD_ID":         id,
		"CODEBUILD_BUILD_IMAGE":      b.Image,
		"CODEBUILD_BUILD_NUMBER":     strconv.Itoa(max(b.Number, 1)),
		"CODEBUILD_BUILD_SUCCEEDING": "1",
		"CODEBUILD_INITIATOR":        "layercache",
		"CODEBUILD_LOG_PATH":         uuid,
		"CODEBUILD_SRC_DIR":          from.primary,
		"CODEBUILD_START_TIME":       strconv.FormatInt(time.Now().UnixMilli(), 10),
	}
	if b.SourceVersion != "" {
		env["CODEBUILD_SOURCE_VERSION"] = b.SourceVersion
		env["CODEBUILD_RESOLVED_SOURCE_VERSION"] = b.SourceVersion
	}
	for identifier, dir := range from.secondary {
		env["CODEBUILD_SRC_DIR_"+identifier] = dir
	}
	return env
}

// exported returns the values of the buildspec's exported-variables. A variable that a command assigned
// without `export` is not in the environment and so not exported.
func exported(spec *buildspec, shell *shell, output *log) map[string]string {
	values := map[string]string{}
	for _, name := range spec.exported {
		value, ok := shell.env[name]
		if !ok {
			output.line("Exported variable %s is not set in the environment of the last command", name)
			continue
		}
		values[name] = value
	}
	return values
}
