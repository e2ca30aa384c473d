package imagebuild

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/layercache/layercache/constructs/validation"
)

// BuildOptions are options of docker buildx build:
// https://docs.docker.com/reference/cli/docker/buildx/build/.
type BuildOptions struct {
	// Target is the stage to build.
	// Default: the last.
	Target *string

	// Platforms are the platforms of the image. Exactly linux/amd64 and linux/arm64 are built side by side,
	// each on a machine of its own architecture, and joined into one index. Then StartBuildBatch starts the
	// project.
	// Default: the platform of the build machine.
	Platforms *[]*string

	// CrossCompile builds all Platforms on one machine. The Dockerfile compiles for $TARGETPLATFORM in stages
	// FROM --platform=$BUILDPLATFORM, because CodeBuild has no emulation.
	// Default: false.
	CrossCompile *bool

	// Arguments are the values of ARG instructions, in plain text: no secrets.
	// Default: none.
	Arguments *map[string]*string

	// Secrets are mounted for RUN --mount=type=secret,id=ID, by ID.
	// Default: none.
	Secrets *map[string]*Secret

	// Provenance is the value of --provenance, such as "mode=max" or "false".
	// Default: that of buildx.
	Provenance *string

	// Sbom adds a software bill of materials to the image.
	// Default: that of buildx.
	Sbom *bool

	// Extra are further arguments of release builds, each as one string, such as "--label=team=shop". Builds
	// of pull requests use PullRequests.Extra.
	// Default: none.
	Extra *[]*string
}

var (
	targetForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	argumentForm   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	provenanceForm = regexp.MustCompile(`^[a-z][A-Za-z0-9=,._/:-]*$`)
	platformForm   = regexp.MustCompile(`^linux/[a-z0-9]+(?:/v[0-9]+)?$`)
)

// nativePlatforms are the platforms that CodeBuild has machines for.
var nativePlatforms = []string{"linux/amd64", "linux/arm64"}

// reservedFlags are flags that other props set, or that would undo what the helper does, with the prop to
// use.
var reservedFlags = map[string]string{
	"--tag": "Tags", "--file": "Dockerfile", "--target": "Build.Target",
	"--platform": "Build.Platforms", "--build-arg": "Build.Arguments", "--secret": "Build.Secrets",
	"--provenance": "Build.Provenance", "--sbom": "Build.Sbom", "--attest": "Build.Provenance and Build.Sbom",
	"--cache-from": "CacheMode", "--cache-to": "CacheMode", "--no-cache": "the variable LAYERCACHE_REFRESH",
	"--builder": "Builder", "--push": "Image", "--output": "Image", "--load": "Image",
}

// checkBuild checks the plain values of Build.
func checkBuild(problems *validation.Problems, b buildOptions) {
	if validation.IsLiteral(b.target) && !targetForm.MatchString(*b.target) {
		problems.Add("Build.Target", fmt.Sprintf("%q has the wrong form", *b.target), "give the name of a stage")
	}
	if validation.IsLiteral(b.provenance) && !provenanceForm.MatchString(*b.provenance) {
		problems.Add("Build.Provenance", fmt.Sprintf("%q has the wrong form", *b.provenance), "give a value of --provenance, such as mode=max or false")
	}
	for _, name := range slices.Sorted(maps.Keys(b.arguments)) {
		prop := fmt.Sprintf("Build.Arguments[%q]", name)
		switch {
		case !argumentForm.MatchString(name):
			problems.Add(prop, "is not a valid name of an ARG", "use letters, digits and '_'")
		case b.arguments[name] == nil:
			problems.Add(prop, "has no value", "set a value, or leave it out")
		}
	}
	checkExtra(problems, "Build.Extra", b.extra)
	checkPlatforms(problems, b)
	checkSecrets(problems, b.secrets)
}

// checkExtra checks further arguments of buildx; prop is where they are set.
func checkExtra(problems *validation.Problems, prop string, arguments []string) {
	for i, argument := range arguments {
		at := fmt.Sprintf("%s[%d]", prop, i)
		flag, _, _ := strings.Cut(argument, "=")
		switch owner, reserved := reservedFlags[flag]; {
		case reserved:
			problems.Add(at, flag+" is set by "+owner, "set that instead")
		case !strings.HasPrefix(argument, "--") || argument == "--":
			problems.Add(at, fmt.Sprintf("%q is not a long option", argument), "write option and value as one string, such as --label=team=shop")
		}
	}
}

func checkPlatforms(problems *validation.Problems, b buildOptions) {
	if b.platforms != nil && len(b.platforms) == 0 {
		problems.Add("Build.Platforms", "is empty", "list a platform, or leave it out")
	}
	for i, platform := range b.platforms {
		at := fmt.Sprintf("Build.Platforms[%d]", i)
		switch {
		case !platformForm.MatchString(platform):
			problems.Add(at, fmt.Sprintf("%q has the wrong form", platform), "give a platform such as linux/arm64")
		case slices.Index(b.platforms, platform) < i:
			problems.Add(at, fmt.Sprintf("%q is listed twice", platform), "list it once")
		case !b.crossCompile && !slices.Contains(nativePlatforms, platform):
			problems.Add(at, fmt.Sprintf("CodeBuild has no machine for %q", platform),
				"set CrossCompile if the Dockerfile cross-compiles, or use linux/amd64 and linux/arm64")
		}
	}
}

// checkPlatformMachine checks that a single platform is the one of the machine.
func checkPlatformMachine(problems *validation.Problems, b buildOptions, architecture Architecture) {
	if b.crossCompile || len(b.platforms) != 1 || !slices.Contains(nativePlatforms, b.platforms[0]) || b.platforms[0] == "linux/"+string(architecture) {
		return
	}
	problems.Add("Build.Platforms", fmt.Sprintf("%s does not match Architecture %q", b.platforms[0], architecture),
		"change Architecture, or set CrossCompile if the Dockerfile cross-compiles")
}

// checkBatchTags checks that all builds of a batch push the same tags; prop is where they are set.
func checkBatchTags(problems *validation.Problems, prop string, tags []string, batch bool) {
	for i, tag := range tags {
		if batch && strings.Contains(tag, "{build}") {
			problems.Add(fmt.Sprintf("%s[%d]", prop, i), "contains {build}, which differs between the platforms' builds", "use {commit} or {branch}")
		}
	}
}

// buildVariables returns the variables of the options that are set. The builds of a batch set the platform
// themselves.
func buildVariables(scope constructs.Construct, b buildOptions) map[string]string {
	v := map[string]string{
		"LAYERCACHE_DOCKERFILE": b.dockerfile,
		"LAYERCACHE_CONTEXT":    b.context,
	}
	if b.target != nil {
		v["LAYERCACHE_TARGET"] = *b.target
	}
	if len(b.platforms) > 0 && !b.batch {
		v["LAYERCACHE_PLATFORMS"] = strings.Join(b.platforms, ",")
	}
	if len(b.arguments) > 0 {
		v["LAYERCACHE_BUILD_ARGS"] = jsonText(scope, b.arguments)
	}
	if b.provenance != nil {
		v["LAYERCACHE_PROVENANCE"] = *b.provenance
	}
	if b.sbom != nil {
		v["LAYERCACHE_SBOM"] = fmt.Sprint(*b.sbom)
	}
	if len(b.extra) > 0 {
		v["LAYERCACHE_ARGS"] = jsonText(scope, b.extra)
	}
	return v
}

// jsonText returns JSON in which values that CloudFormation fills in are quoted too.
func jsonText(scope constructs.Construct, value any) string {
	return *awscdk.Stack_Of(scope).ToJsonString(value, nil)
}
