package imagebuild

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/constructs/validation"
)

var platformForm = regexp.MustCompile(`^linux/[a-z0-9]+(?:/v[0-9]+)?$`)

// nativePlatforms are those that CodeBuild has machines for.
var nativePlatforms = []string{"linux/amd64", "linux/arm64"}

// batch tells whether each platform is built on a machine of its own.
func (o *BuildOptions) batch() bool {
	platforms := valuesOf(o.Platforms)
	slices.Sort(platforms)
	return !isTrue(o.CrossCompile) && slices.Equal(platforms, nativePlatforms)
}

func checkPlatforms(o *BuildOptions) []validation.Problem {
	if o.Platforms == nil {
		return nil
	}
	var found []validation.Problem
	platforms := valuesOf(o.Platforms)
	if len(platforms) == 0 {
		found = append(found, validation.Problem{Prop: "Build.Platforms", Wrong: "is empty", Fix: "name a platform, or leave it out"})
	}
	for i, platform := range platforms {
		at := fmt.Sprintf("Build.Platforms[%d]", i)
		switch {
		case !platformForm.MatchString(platform):
			found = append(found, validation.Problem{Prop: at, Wrong: fmt.Sprintf("%q has the wrong form", platform), Fix: "give a platform such as linux/arm64"})
		case slices.Index(platforms, platform) < i:
			found = append(found, validation.Problem{Prop: at, Wrong: fmt.Sprintf("%q is there twice", platform), Fix: "name it once"})
		case !isTrue(o.CrossCompile) && !slices.Contains(nativePlatforms, platform):
			found = append(found, validation.Problem{
				Prop: at, Wrong: fmt.Sprintf("CodeBuild has no machine for %q", platform), Fix: "set CrossCompile if the Dockerfile cross-compiles, or use linux/amd64 and linux/arm64",
			})
		}
	}
	return found
}

// checkBatchTags checks that the builds of a batch agree on the tags.
func checkBatchTags(props *ImageBuildProps) []validation.Problem {
	if !props.Build.batch() {
		return nil
	}
	var found []validation.Problem
	for i, tag := range valuesOf(props.Tags) {
		if strings.Contains(tag, "{build}") {
			found = append(found, validation.Problem{
				Prop: fmt.Sprintf("Tags[%d]", i), Wrong: "has {build}, and each platform's build has a number of its own", Fix: "use {commit} or {branch}",
			})
		}
	}
	return found
}

// checkPlatformMachine checks that one platform has a machine of its kind.
func checkPlatformMachine(props *ImageBuildProps) []validation.Problem {
	platforms := valuesOf(props.Build.Platforms)
	if isTrue(props.Build.CrossCompile) || len(platforms) != 1 || !slices.Contains(nativePlatforms, platforms[0]) || platforms[0] == "linux/"+string(props.Architecture) {
		return nil
	}
	return []validation.Problem{{
		Prop:  "Build.Platforms",
		Wrong: fmt.Sprintf("%s is not the platform of a machine whose Architecture is %q", platforms[0], props.Architecture),
		Fix:   "set Architecture to it, or set CrossCompile if the Dockerfile cross-compiles",
	}}
}

// architectures are those of the machines that builds run on.
func (p *ImageBuildProps) architectures() []Architecture {
	if p.Build.batch() {
		return []Architecture{AMD64, ARM64}
	}
	return []Architecture{p.Architecture}
}
