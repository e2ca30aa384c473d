package imagebuild

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// check returns every problem of the props. The checks of a subject are in its file.
func check(scope constructs.Construct, shared *perstack.Shared, r *resolved) []validation.Problem {
	var problems validation.Problems
	if r.source == nil {
		problems.Add("Source", "is missing", "give a source, such as imagebuild.Source_GitHub or imagebuild.Source_Directory")
	} else {
		problems = append(problems, r.source.Check()...)
	}
	checkConnection(&problems, shared, r.source)
	checkCachePlace(&problems, r.cache)
	if r.image.repository != nil && r.image.name != nil {
		problems.Add("ImageName", "is the name of a new repository, but Image gives one", "set only one of them")
	}
	if name := r.image.name; validation.IsLiteral(name) && !validation.IsNewRepositoryName(*name) {
		problems.Add("ImageName", fmt.Sprintf("%q is not a name of an ECR repository", *name), newNameFix)
	}
	if r.logs.group != nil && r.logs.retentionSet {
		problems.Add("LogRetention", "is that of a new log group, but LogGroup gives one", "set only one of them")
	}
	checkImageIsNotCache(&problems, shared, r)
	checkBakeImages(&problems, shared, r)
	checkSettings(&problems, r)
	checkPlainText(&problems, scope, r)
	checkOneArchitecture(&problems, r)
	checkFleet(&problems, r)
	checkNetwork(&problems, r.network)
	checkLocalCache(&problems, r)
	checkTriggers(&problems, r)
	checkPullRequests(&problems, r)
	return problems
}

// CheckSettings returns the problems of the props that are plain values. Props that are constructs need not
// be set.
func CheckSettings(props ImageBuildProps) []validation.Problem {
	var problems validation.Problems
	checkSettings(&problems, resolve(&props))
	return problems
}

func checkSettings(problems *validation.Problems, r *resolved) {
	checkForms(problems, r)
	checkTags(problems, "Tags", r.image.tags)
	checkSigningProfiles(problems, r.signingProfiles)
	checkCache(problems, r.cache)
	checkPolicy(problems, r)
	checkImageForm(problems, r.image)
	checkPurpose(problems, r)
	checkBuild(problems, r.build)
	checkBake(problems, r)
	checkMachine(problems, r.machine)
	checkMounts(problems, r)
	checkPlatformMachine(problems, r.build, r.machine.architecture)
	checkBatchTags(problems, "Tags", r.image.tags, r.build.batch)
	checkBatchTags(problems, "PullRequests.Tags", r.pullRequests.tags, r.build.batch)
	checkLimits(problems, r.limits)
	checkSchedule(problems, r.triggers.schedule)
	checkHelperZip(problems, r)
	checkDeploy(problems, r)
	checkEnvironment(problems, "Environment", r.environment)
	checkFilters(problems, r.triggers)
	checkPullRequestSettings(problems, r)
}

var (
	appForm       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	branchForm    = regexp.MustCompile(`^[^\s\x00-\x1f\x7f]{1,255}$`)
	rolePathForm  = regexp.MustCompile(`^/(?:[A-Za-z0-9+=,.@_-]+/)*$`)
	namespaceForm = regexp.MustCompile(`^[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}$`)
	contextForm   = regexp.MustCompile(`^https://[^\s]+$`)
)

// checkForms checks strings whose form is known. Values that CloudFormation fills in are not checked.
func checkForms(problems *validation.Problems, r *resolved) {
	isContext := isInsideSource
	if r.source != nil && r.source.Kind() == kindNone {
		isContext = func(p string) bool { return isInsideSource(p) || contextForm.MatchString(p) }
	}
	for _, c := range []struct {
		prop  string
		value *string
		ok    func(string) bool
		fix   string
	}{
		{"App", r.image.app, appForm.MatchString, "use at most 64 letters, digits, '.', '_' and '-'"},
		{"FallbackBranch", &r.cache.fallbackBranch, branchForm.MatchString, "give the name of a branch, such as main"},
		{"RolePath", &r.rolePath, rolePathForm.MatchString, "start and end it with a slash, such as /ci/release/"},
		{"Dockerfile", &r.build.dockerfile, isInsideSource, "give a path inside the source, from its root, such as docker/Dockerfile"},
		{"Context", &r.build.context, isContext, "give a path inside the source, from its root, such as . or services/api"},
		{"MetricsNamespace", r.metricsNamespace, isNamespace, "use at most 255 letters, digits, '.', '_', '-', '/' and '#', and do not start it with AWS/"},
	} {
		if validation.IsLiteral(c.value) && !c.ok(*c.value) {
			problems.Add(c.prop, fmt.Sprintf("%q has the wrong form", *c.value), c.fix)
		}
	}
}

// isInsideSource reports whether p is a relative path that does not leave the source and is not read as an
// option.
func isInsideSource(p string) bool {
	clean := path.Clean(p)
	return p != "" && !path.IsAbs(p) && clean != ".." && !strings.HasPrefix(clean, "../") &&
		!strings.HasPrefix(p, "-") && !strings.Contains(p, "://") && !strings.ContainsAny(p, "\x00\n\r")
}

// isNamespace reports whether CloudWatch accepts the name of a namespace:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html.
func isNamespace(name string) bool {
	return namespaceForm.MatchString(name) && !strings.HasPrefix(name, "AWS/")
}

// checkPlainText refuses secrets in values that logs and the console show. scope resolves values that
// CloudFormation fills in.
func checkPlainText(problems *validation.Problems, scope constructs.Construct, r *resolved) {
	arguments := map[string]string{}
	for name, value := range r.build.arguments {
		arguments[name] = valueOr(value, "")
	}
	for _, c := range []struct {
		prop   string
		values map[string]string
	}{
		{"Build.Arguments", arguments},
		{"Environment", r.environment},
		{"PullRequests.Environment", r.pullRequests.environment},
	} {
		for _, name := range slices.Sorted(maps.Keys(c.values)) {
			if isSecret(scope, c.values[name]) {
				problems.Add(fmt.Sprintf("%s[%q]", c.prop, name), "is a secret, which logs and the console would show", "use Build.Secrets")
			}
		}
	}
}

// isSecret reports whether CloudFormation would read the value from a secret.
func isSecret(scope constructs.Construct, value string) bool {
	if !validation.IsLiteral(&value) {
		value = fmt.Sprint(awscdk.Stack_Of(scope).Resolve(&value))
	}
	return strings.Contains(value, "{{resolve:secretsmanager:") || strings.Contains(value, "{{resolve:ssm-secure:")
}
