package imagebuild

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// BuildOptions are options of docker buildx build:
// https://docs.docker.com/reference/cli/docker/buildx/build/.
type BuildOptions struct {
	// Target is the stage to build.
	// Default: the last.
	Target *string

	// Platforms are those of the image. Exactly linux/amd64 and linux/arm64 are
	// built side by side, each on a machine of its own architecture, and joined
	// into one index; the project is then started with StartBuildBatch.
	// Default: that of the build machine.
	Platforms *[]*string

	// CrossCompile builds all Platforms on the one machine. Its Dockerfile
	// compiles for $TARGETPLATFORM in stages FROM --platform=$BUILDPLATFORM, as
	// CodeBuild has no emulation.
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

	// Sbom adds a list of the software in the image to it.
	// Default: that of buildx.
	Sbom *bool

	// Extra are further arguments, each as one string, such as
	// "--label=team=shop". Builds of pull requests are given
	// PullRequests.Extra instead.
	// Default: none.
	Extra *[]*string
}

var (
	targetForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	argumentForm   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	provenanceForm = regexp.MustCompile(`^[a-z][A-Za-z0-9=,._/:-]*$`)
)

// ownFlags are set by other props, or would undo what the helper does.
var ownFlags = map[string]string{
	"--tag": "Tags", "--file": "Dockerfile", "--target": "Build.Target",
	"--platform": "Build.Platforms", "--build-arg": "Build.Arguments", "--secret": "Build.Secrets",
	"--provenance": "Build.Provenance", "--sbom": "Build.Sbom", "--attest": "Build.Provenance and Build.Sbom",
	"--cache-from": "CacheMode", "--cache-to": "CacheMode", "--no-cache": "the variable LAYERCACHE_REFRESH",
	"--builder": "Builder", "--push": "Image", "--output": "Image", "--load": "Image",
}

func checkBuild(o *BuildOptions) []validation.Problem {
	var found []validation.Problem
	add := func(prop, wrong, fix string) {
		found = append(found, validation.Problem{Prop: "Build." + prop, Wrong: wrong, Fix: fix})
	}
	if validation.IsLiteral(o.Target) && !targetForm.MatchString(*o.Target) {
		add("Target", fmt.Sprintf("%q has the wrong form", *o.Target), "give the name of a stage")
	}
	if validation.IsLiteral(o.Provenance) && !provenanceForm.MatchString(*o.Provenance) {
		add("Provenance", fmt.Sprintf("%q has the wrong form", *o.Provenance), "give a value of --provenance, such as mode=max or false")
	}
	if o.Arguments != nil {
		for _, name := range slices.Sorted(maps.Keys(*o.Arguments)) {
			switch {
			case !argumentForm.MatchString(name):
				add(fmt.Sprintf("Arguments[%q]", name), "is no name of an ARG", "use letters, digits and '_'")
			case (*o.Arguments)[name] == nil:
				add(fmt.Sprintf("Arguments[%q]", name), "has no value", "give it one, or leave it out")
			}
		}
	}
	found = append(found, checkExtra("Build.Extra", o.Extra)...)
	found = append(found, checkPlatforms(o)...)
	return append(found, checkSecrets(o.Secrets)...)
}

// checkExtra checks further arguments; prop is where they are set.
func checkExtra(prop string, arguments *[]*string) []validation.Problem {
	var found []validation.Problem
	for i, extra := range valuesOf(arguments) {
		at := fmt.Sprintf("%s[%d]", prop, i)
		flag, _, _ := strings.Cut(extra, "=")
		switch owner, own := ownFlags[flag]; {
		case own:
			found = append(found, validation.Problem{Prop: at, Wrong: flag + " is set by " + owner, Fix: "set that instead"})
		case !strings.HasPrefix(extra, "--") || extra == "--":
			found = append(found, validation.Problem{
				Prop: at, Wrong: fmt.Sprintf("%q is no long option", extra), Fix: "give option and value as one string, such as --label=team=shop",
			})
		}
	}
	return found
}

// variables are those of the options that are set. A batch sets the platforms
// of each of its builds itself.
func (o *BuildOptions) variables(scope constructs.Construct) map[string]*string {
	v := map[string]*string{}
	if o.Target != nil {
		v["LAYERCACHE_TARGET"] = o.Target
	}
	if o.Platforms != nil && !o.batch() {
		v["LAYERCACHE_PLATFORMS"] = jsii.String(strings.Join(valuesOf(o.Platforms), ","))
	}
	if o.Arguments != nil && len(*o.Arguments) > 0 {
		v["LAYERCACHE_BUILD_ARGS"] = jsonOf(scope, *o.Arguments)
	}
	if o.Provenance != nil {
		v["LAYERCACHE_PROVENANCE"] = o.Provenance
	}
	if o.Sbom != nil {
		v["LAYERCACHE_SBOM"] = jsii.String(fmt.Sprint(*o.Sbom))
	}
	if extra := valuesOf(o.Extra); len(extra) > 0 {
		v["LAYERCACHE_ARGS"] = jsonOf(scope, extra)
	}
	return v
}

// jsonOf is JSON in which values that CloudFormation fills in are quoted too.
func jsonOf(scope constructs.Construct, value any) *string {
	return awscdk.Stack_Of(scope).ToJsonString(value, nil)
}

func valuesOf(list *[]*string) []string {
	if list == nil {
		return nil
	}
	var values []string
	for _, value := range *list {
		if value == nil {
			value = jsii.String("")
		}
		values = append(values, *value)
	}
	return values
}
