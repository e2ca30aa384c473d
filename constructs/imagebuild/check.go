package imagebuild

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

var (
	// tagForm is the tag of the OCI distribution specification.
	tagForm      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	appForm      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	branchForm   = regexp.MustCompile(`^[^\s\x00-\x1f\x7f]{1,255}$`)
	rolePathForm = regexp.MustCompile(`^/(?:[A-Za-z0-9+=,.@_-]+/)*$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// propOfVariable names the prop for each variable that Environment must leave
// alone.
var propOfVariable = map[string]string{
	"LAYERCACHE_REPOSITORY":      "Cache",
	"LAYERCACHE_WRITE":           "CacheWrite",
	"LAYERCACHE_APP":             "App",
	"LAYERCACHE_FALLBACK_BRANCH": "FallbackBranch",
	"LAYERCACHE_MIRRORS":         "PullThrough",
	"LAYERCACHE_IMAGE":           "Image",
	"LAYERCACHE_TAG":             "Tag",
	"LAYERCACHE_DOCKERFILE":      "Dockerfile",
	"LAYERCACHE_CONTEXT":         "Context",
}

// The timeouts that CodeBuild takes, in minutes:
// https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html.
const minTimeout, maxTimeout = 5, 2160

// check returns all that is wrong with props whose defaults are set.
func check(props *ImageBuildProps) []validation.Problem {
	var problems []validation.Problem
	add := func(prop, wrong, fix string) {
		problems = append(problems, validation.Problem{Prop: prop, Wrong: wrong, Fix: fix})
	}
	if props.Source == nil {
		add("Source", "is missing", "give imagebuild.Source_Directory, Source_S3 or Source_CodeBuild")
	} else {
		problems = append(problems, props.Source.Check()...)
	}
	if props.Cache == nil {
		add("Cache", "is missing", "give a cacherepo.CacheRepository")
	}
	if props.Image != nil && props.ImageName != nil {
		add("ImageName", "is the name of a new repository, but Image gives one", "set only one of them")
	}
	problems = append(problems, checkSeparate(props)...)
	return append(problems, checkSettings(props)...)
}

// CheckSettings returns what is wrong with the props that are plain values.
// Source, Cache, Image and PullThrough need not be set.
func CheckSettings(props ImageBuildProps) []validation.Problem {
	return checkSettings(props.withDefaults())
}

func checkSettings(props *ImageBuildProps) []validation.Problem {
	problems := checkForms(props)
	problems = append(problems, checkMachine(props)...)
	problems = append(problems, checkHelperZip(props.HelperZip)...)
	return append(problems, checkEnvironment(props.Environment)...)
}

func checkForms(props *ImageBuildProps) []validation.Problem {
	var problems []validation.Problem
	for _, c := range []struct {
		prop  string
		value *string
		ok    func(string) bool
		fix   string
	}{
		{"App", props.App, appForm.MatchString, "use at most 64 letters, digits, '.', '_' and '-'"},
		{"Tag", props.Tag, tagForm.MatchString, "use at most 128 letters, digits, '.', '_' and '-'"},
		{"FallbackBranch", props.FallbackBranch, branchForm.MatchString, "give the name of a branch, such as main"},
		{"RolePath", props.RolePath, rolePathForm.MatchString, "begin and end it with a slash, such as /ci/release/"},
		{"Dockerfile", props.Dockerfile, insideSource, "give a path inside the source, from its root, such as docker/Dockerfile"},
		{"Context", props.Context, insideSource, "give a path inside the source, from its root, such as . or services/api"},
	} {
		if validation.IsLiteral(c.value) && !c.ok(*c.value) {
			problems = append(problems, validation.Problem{Prop: c.prop, Wrong: fmt.Sprintf("%q has the wrong form", *c.value), Fix: c.fix})
		}
	}
	return problems
}

// computeTypes are the sizes of privileged Linux machines. The Lambda sizes
// cannot run a builder.
var computeTypes = []awscodebuild.ComputeType{
	awscodebuild.ComputeType_SMALL,
	awscodebuild.ComputeType_MEDIUM,
	awscodebuild.ComputeType_LARGE,
	awscodebuild.ComputeType_X_LARGE,
	awscodebuild.ComputeType_X2_LARGE,
}

// insideSource tells whether p is a relative path that does not leave the
// source and cannot be taken for an option.
func insideSource(p string) bool {
	clean := path.Clean(p)
	return p != "" && !path.IsAbs(p) && clean != ".." && !strings.HasPrefix(clean, "../") &&
		!strings.HasPrefix(p, "-") && !strings.ContainsAny(p, "\x00\n\r")
}

func checkMachine(props *ImageBuildProps) []validation.Problem {
	var problems []validation.Problem
	if props.Architecture != AMD64 && props.Architecture != ARM64 {
		problems = append(problems, validation.Problem{
			Prop: "Architecture", Wrong: fmt.Sprintf("%q is unknown", props.Architecture), Fix: fmt.Sprintf("use %q or %q", AMD64, ARM64),
		})
	}
	if !slices.Contains(computeTypes, props.ComputeType) {
		problems = append(problems, validation.Problem{
			Prop: "ComputeType", Wrong: fmt.Sprintf("%q is no size that runs a builder", props.ComputeType), Fix: fmt.Sprintf("use one of %s", computeTypes),
		})
	}
	if minutes := *props.Timeout.ToMinutes(&awscdk.TimeConversionOptions{Integral: jsii.Bool(false)}); minutes < minTimeout || minutes > maxTimeout {
		problems = append(problems, validation.Problem{
			Prop: "Timeout", Wrong: fmt.Sprintf("%v minutes is out of CodeBuild's range", minutes), Fix: fmt.Sprintf("give %d to %d minutes", minTimeout, maxTimeout),
		})
	}
	return problems
}

func checkEnvironment(environment *map[string]*string) []validation.Problem {
	if environment == nil {
		return nil
	}
	var problems []validation.Problem
	for name, value := range *environment {
		at := fmt.Sprintf("Environment[%q]", name)
		switch prop, taken := propOfVariable[name]; {
		case taken:
			problems = append(problems, validation.Problem{Prop: at, Wrong: "is set by " + prop, Fix: "set that instead"})
		case !variableForm.MatchString(name) || strings.HasPrefix(name, "CODEBUILD_"):
			problems = append(problems, validation.Problem{Prop: at, Wrong: "is no name for a variable of a build", Fix: "use letters, digits and '_', and not CODEBUILD_ at the front"})
		case value == nil || *value == "":
			problems = append(problems, validation.Problem{Prop: at, Wrong: "has no value", Fix: "give it one, or leave it out"})
		}
	}
	sort.Slice(problems, func(i, j int) bool { return problems[i].Prop < problems[j].Prop })
	return problems
}

// placeholderSource stands in for a source with problems, so that the other
// problems of an app are found in the same synthesis.
func placeholderSource() awscodebuild.ISource {
	return awscodebuild.Source_GitHub(&awscodebuild.GitHubSourceProps{Owner: jsii.String("invalid"), Repo: jsii.String("invalid")})
}
