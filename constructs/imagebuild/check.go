package imagebuild

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

var (
	// tagForm is the tag of the OCI distribution specification.
	tagForm       = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	appForm       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	branchForm    = regexp.MustCompile(`^[^\s\x00-\x1f\x7f]{1,255}$`)
	rolePathForm  = regexp.MustCompile(`^/(?:[A-Za-z0-9+=,.@_-]+/)*$`)
	variableForm  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	namespaceForm = regexp.MustCompile(`^[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}$`)
	contextForm   = regexp.MustCompile(`^https://[^\s]+$`)
)

// check returns all that is wrong with props whose defaults are set.
func check(scope constructs.Construct, props *ImageBuildProps) []validation.Problem {
	var problems []validation.Problem
	add := func(prop, wrong, fix string) {
		problems = append(problems, validation.Problem{Prop: prop, Wrong: wrong, Fix: fix})
	}
	if props.Source == nil {
		add("Source", "is missing", "give a source, such as imagebuild.Source_GitHub or imagebuild.Source_Directory")
	} else {
		problems = append(problems, props.Source.Check()...)
	}
	problems = append(problems, checkCachePlace(props)...)
	if props.Image != nil && props.ImageName != nil {
		add("ImageName", "is the name of a new repository, but Image gives one", "set only one of them")
	}
	if props.LogGroup != nil && props.LogRetention != "" {
		add("LogRetention", "is that of a new log group, but LogGroup gives one", "set only one of them")
	}
	problems = append(problems, checkSeparate(sharedOf(scope), props)...)
	problems = append(problems, checkSettings(props)...)
	problems = append(problems, checkPlainText(scope, props)...)
	problems = append(problems, checkSharedMachine(props)...)
	problems = append(problems, checkNetwork(props.Network)...)
	problems = append(problems, checkWebhook(props.Triggers.Webhook)...)
	problems = append(problems, checkTriggers(props)...)
	return append(problems, checkPullRequests(props)...)
}

// CheckSettings returns what is wrong with the props that are plain values.
// Props that are constructs need not be set.
func CheckSettings(props ImageBuildProps) []validation.Problem {
	return checkSettings(props.withDefaults())
}

func checkSettings(props *ImageBuildProps) []validation.Problem {
	problems := checkForms(props)
	problems = append(problems, checkTags("Tags", props.Tags)...)
	problems = append(problems, checkCache(props)...)
	problems = append(problems, checkBuild(props.Build)...)
	problems = append(problems, checkMachine(props)...)
	problems = append(problems, checkHelperZip(props)...)
	problems = append(problems, checkEnvironment("Environment", props.Environment)...)
	return append(problems, checkPullRequestSettings(props.PullRequests)...)
}

func checkForms(props *ImageBuildProps) []validation.Problem {
	var problems []validation.Problem
	inside := insideSource
	if props.Source != nil && props.Source.Kind() == kindNone {
		inside = func(p string) bool { return insideSource(p) || contextForm.MatchString(p) }
	}
	for _, c := range []struct {
		prop  string
		value *string
		ok    func(string) bool
		fix   string
	}{
		{"App", props.App, appForm.MatchString, "use at most 64 letters, digits, '.', '_' and '-'"},
		{"FallbackBranch", props.FallbackBranch, branchForm.MatchString, "give the name of a branch, such as main"},
		{"RolePath", props.RolePath, rolePathForm.MatchString, "begin and end it with a slash, such as /ci/release/"},
		{"Dockerfile", props.Dockerfile, insideSource, "give a path inside the source, from its root, such as docker/Dockerfile"},
		{"Context", props.Context, inside, "give a path inside the source, from its root, such as . or services/api"},
		{"MetricsNamespace", props.MetricsNamespace, isNamespace, "use at most 255 letters, digits, '.', '_', '-', '/' and '#', and not AWS/ at the front"},
	} {
		if validation.IsLiteral(c.value) && !c.ok(*c.value) {
			problems = append(problems, validation.Problem{Prop: c.prop, Wrong: fmt.Sprintf("%q has the wrong form", *c.value), Fix: c.fix})
		}
	}
	return problems
}

// tagWords stand for what is known when the build runs.
var tagWords = strings.NewReplacer("{commit}", "c", "{branch}", "b", "{build}", "1")

func checkTags(prop string, tags *[]*string) []validation.Problem {
	values := valuesOf(tags)
	if len(values) == 0 {
		return []validation.Problem{{Prop: prop, Wrong: "is empty", Fix: "give a tag, or leave it out"}}
	}
	var problems []validation.Problem
	for i, tag := range values {
		if validation.IsLiteral(&tag) && !tagForm.MatchString(tagWords.Replace(tag)) {
			problems = append(problems, validation.Problem{
				Prop:  fmt.Sprintf("%s[%d]", prop, i),
				Wrong: fmt.Sprintf("%q has the wrong form", tag),
				Fix:   "use at most 128 letters, digits, '.', '_' and '-', and the words {commit}, {branch} and {build}",
			})
		}
	}
	return problems
}

// insideSource tells whether p is a relative path that does not leave the
// source and cannot be taken for an option.
func insideSource(p string) bool {
	clean := path.Clean(p)
	return p != "" && !path.IsAbs(p) && clean != ".." && !strings.HasPrefix(clean, "../") &&
		!strings.HasPrefix(p, "-") && !strings.Contains(p, "://") && !strings.ContainsAny(p, "\x00\n\r")
}

// isNamespace knows CloudWatch's rules:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html.
func isNamespace(name string) bool {
	return namespaceForm.MatchString(name) && !strings.HasPrefix(name, "AWS/")
}

// checkPlainText refuses secrets in values that everybody sees. scope resolves
// the values that CloudFormation fills in.
func checkPlainText(scope constructs.Construct, props *ImageBuildProps) []validation.Problem {
	var problems []validation.Problem
	for _, c := range []struct {
		prop   string
		values *map[string]*string
	}{
		{"Build.Arguments", props.Build.Arguments}, {"Environment", props.Environment},
		{"PullRequests.Environment", props.pullRequests().Environment},
	} {
		if c.values == nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(*c.values)) {
			if isSecret(scope, (*c.values)[name]) {
				problems = append(problems, validation.Problem{
					Prop: fmt.Sprintf("%s[%q]", c.prop, name), Wrong: "is a secret, and logs and the console would show it", Fix: "use Build.Secrets",
				})
			}
		}
	}
	return problems
}

// isSecret tells whether CloudFormation would take the value from a secret.
func isSecret(scope constructs.Construct, value *string) bool {
	if value == nil {
		return false
	}
	text := *value
	if *awscdk.Token_IsUnresolved(value) {
		text = fmt.Sprint(awscdk.Stack_Of(scope).Resolve(value))
	}
	return strings.Contains(text, "{{resolve:secretsmanager:") || strings.Contains(text, "{{resolve:ssm-secure:")
}

func sorted(problems []validation.Problem) []validation.Problem {
	slices.SortFunc(problems, func(a, b validation.Problem) int { return strings.Compare(a.Prop, b.Prop) })
	return problems
}

// placeholderSource stands in for a source with problems, so that the other
// problems of an app are found in the same synthesis.
func placeholderSource() awscodebuild.ISource {
	return awscodebuild.Source_GitHub(&awscodebuild.GitHubSourceProps{Owner: jsii.String("invalid"), Repo: jsii.String("invalid")})
}
