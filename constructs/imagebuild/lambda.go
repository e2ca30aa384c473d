package imagebuild

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/warning"
	"github.com/layercache/layercache/constructs/validation"
)

// lambdaVariables give the image the form that AWS Lambda accepts: a manifest of one platform with gzip layers.
// Attestations would make it an index: https://github.com/aws/aws-lambda-roadmap/issues/82.
var lambdaVariables = map[string]string{
	"LAYERCACHE_ATTESTATIONS":      "none",
	"LAYERCACHE_IMAGE_COMPRESSION": "gzip",
}

// prepareForLambda makes release builds push an image that AWS Lambda accepts, or reports what prevents it.
// given names the image as in ImageUri.
func (b *ImageBuild) prepareForLambda(given *string) {
	if !b.formForLambda(given) {
		return
	}
	if tag := b.tagOrDigest(given); validation.IsLiteral(tag) && !isDigest(*tag) {
		warning.Add(b, lambdaByTag, fmt.Sprintf(
			"a function has the image by the tag %q: the function cannot be deployed before a build has pushed it, and a later push does not update it. "+
				"Set BuildOnDeploy and give no tag; or build first, and deploy the digest that the build exports as LAYERCACHE_IMAGE_DIGEST; or update the function with RollOutToFunction", *tag))
	}
}

// lambdaByTag is the id of the warning of a function that has the image by a tag.
const lambdaByTag = "layercache:lambda-by-tag"

// formForLambda sets the form of the image that AWS Lambda accepts. It returns false if there are problems, which it
// reports.
func (b *ImageBuild) formForLambda(given *string) bool {
	if b.release.environment == nil {
		// The props have problems, and the project is a placeholder.
		return false
	}
	problems := b.lambdaProblems(given)
	for _, problem := range problems {
		// Two functions with one image have the same problem.
		if !slices.Contains(b.lambdaRefusals, problem) {
			b.lambdaRefusals = append(b.lambdaRefusals, problem)
			validation.Report(b, []validation.Problem{problem})
		}
	}
	if len(problems) > 0 {
		return false
	}
	b.release.setVariables(lambdaVariables)
	b.deployed.setInputs(b.release)
	return true
}

func (b *ImageBuild) lambdaProblems(given *string) []validation.Problem {
	var problems validation.Problems
	build, image := b.options.build, b.options.image
	platformsFix := ""
	if !b.isOnePlatform(given) {
		platformsFix = "build one platform"
		if build.batch {
			platformsFix += ", or give the tag of one platform, such as latest-linux-amd64"
		}
	}
	if image.attestations == ImageManifestAttestations {
		// The default, which lambdaVariables replaces.
		image.attestations = NoAttestations
	}
	lambda.check(&problems, build, image, platformsFix)
	return problems
}

// isOnePlatform reports whether a build for several platforms pushes the image of one platform under this
// name: by digest, or by the tag that a batch gives to each platform.
func (b *ImageBuild) isOnePlatform(given *string) bool {
	if given == nil {
		return false
	}
	if !validation.IsLiteral(given) || isDigest(*given) {
		return true
	}
	return b.options.build.batch && slices.ContainsFunc(b.options.build.platforms, func(platform string) bool {
		return strings.HasSuffix(*given, "-"+strings.ReplaceAll(platform, "/", "-"))
	})
}

func isDigest(tagOrDigest string) bool { return strings.HasPrefix(tagOrDigest, "sha256:") }

// setVariables sets variables of a project that exists already.
func (p *buildProject) setVariables(values map[string]string) {
	maps.Copy(p.environment, plainTextVariables(values))
	var list []any
	for _, name := range slices.Sorted(maps.Keys(p.environment)) {
		variable := p.environment[name]
		kind := variable.Type
		if kind == "" {
			kind = "PLAINTEXT"
		}
		list = append(list, map[string]any{"Name": name, "Type": string(kind), "Value": variable.Value})
	}
	p.cfnProject().AddPropertyOverride(jsii.String("Environment.EnvironmentVariables"), list)
}
