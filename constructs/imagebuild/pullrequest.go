package imagebuild

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/internal/ecrname"
	"github.com/layercache/layercache/constructs/internal/warning"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
)

// PullRequests are the options of the project that builds pull requests. Its role can read the release
// builds' cache but write neither that cache nor the image repository, because the author of a pull request
// decides what its build runs.
type PullRequests struct {
	// Cache is a second cache repository, which builds of pull requests write. They read it before the
	// release builds' cache. Pull requests of several builds can share one, but no release build may use it.
	// Default: they read the release builds' cache and write none.
	Cache cacherepo.ICacheRepository

	// Image is the repository that images of pull requests are pushed to. It must not be a repository that this
	// build or another has for releases, caches or BaseImages, because a permission to push cannot be limited to
	// some tags.
	// Default: the image is built and not pushed.
	Image awsecr.IRepository

	// Tags are the tags in Image.
	// Default: "{commit}".
	Tags *[]*string

	// Secrets gives Build.Secrets to builds of pull requests, whose Dockerfile can print them.
	// Default: false.
	Secrets *bool

	// FirstPulls lets builds of pull requests make the first pull of a base image through PullThrough. Then
	// their role has ecr:CreateRepository, and the author of a pull request can create the repository of a
	// base image with any settings. Without it, a base image that no release build or Prewarm has pulled yet
	// comes from its upstream, which is slower, and fails for a private upstream or an address that names
	// PullThrough.
	// Default: false.
	FirstPulls *bool

	// Environment are further variables of builds of pull requests, in plain text: no secrets.
	// ImageBuildProps.Environment is only for release builds.
	// Default: none.
	Environment *map[string]*string

	// Extra are further arguments of docker buildx build, in the form of Build.Extra, which is only for
	// release builds: --allow or --ssh would give a pull request more than its role has.
	// Default: none.
	Extra *[]*string

	// ConcurrentBuildLimit is how many builds of pull requests may run at a time. CodeBuild does not queue
	// further builds but drops them. The limit must not exceed the quota of the account, which can be 1:
	// https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html.
	// Default: ImageBuildProps.ConcurrentBuildLimit.
	ConcurrentBuildLimit *float64

	// Approval decides which pull requests wait for a comment of an approver. It is a setting of the webhook of
	// Triggers: a webhook that is created by hand, as for GitHub Enterprise, needs --pull-request-build-policy.
	// Default: ForkApproval.
	Approval Approval

	// ApproverRoles are the roles at the Git host whose holders approve, such as "GITHUB_WRITE".
	// Default: those who may write to the repository.
	ApproverRoles *[]*string

	// RolePath is the path of the service role. It must not be a path that a cache trusts to write.
	// Default: "/".
	RolePath *string
}

// Approval is a rule for builds of pull requests:
// https://docs.aws.amazon.com/codebuild/latest/userguide/pull-request-build-policy.html.
type Approval string

const (
	// NoApproval builds every pull request without waiting.
	NoApproval Approval = "DISABLED"
	// ForkApproval makes pull requests from forks wait.
	ForkApproval Approval = "FORK_PULL_REQUESTS"
	// FullApproval makes all pull requests wait.
	FullApproval Approval = "ALL_PULL_REQUESTS"
)

var approvals = []Approval{NoApproval, ForkApproval, FullApproval}

var approverForm = regexp.MustCompile(`^(?:GITHUB|GITLAB|BITBUCKET)_[A-Z]+$`)

// addPullRequests makes the project that builds pull requests.
func (b *ImageBuild) addPullRequests(zips map[Architecture]string) {
	pulls := b.options.pullRequests
	scope := constructs.NewConstruct(b, jsii.String("PullRequest"))
	b.pullRequest = newBuildProject(scope, b.shared, b.options, pulls.rolePath, nil)
	b.noteWithheld()
	b.grantPullRequest()
	triggers := webhookTriggers(b.options.triggers.pullRequestFilters, b.IsBatch())
	if triggers == nil {
		b.warnOfNoApproval()
	} else {
		triggers.PullRequestBuildPolicy = &awscodebuild.CfnProject_PullRequestBuildPolicyProperty{
			RequiresCommentApproval: jsii.String(string(pulls.approval)),
			ApproverRoles:           stringPointers(pulls.approverRoles),
		}
	}
	var secrets map[string]*Secret
	if pulls.secrets {
		secrets = b.options.build.secrets
	}
	b.pullRequest.create(projectOptions{
		description:      "Builds pull requests with a layer cache that they cannot write (layercache)",
		variables:        b.pullRequestVariables(),
		secrets:          secrets,
		triggers:         triggers,
		helperZips:       zips,
		concurrentBuilds: pulls.concurrentBuilds,
	})
}

// grantPullRequest lets builds of pull requests read the release builds' cache, and write only to the
// repositories of PullRequests.
func (b *ImageBuild) grantPullRequest() {
	role, pulls := b.pullRequest.role, b.options.pullRequests
	switch {
	case pulls.image != nil:
		ecrgrant.Push(b.shared, pulls.image, role)
	case b.options.cache.mode == InlineCache || b.options.cache.mode == ImageCache:
		ecrgrant.Pull(b.shared, b.image, role)
	}
	grantCache(role, b.options.cache, false)
	if pulls.cache != nil {
		pulls.cache.GrantWrite(role)
	}
	if b.options.pullThrough != nil {
		b.options.pullThrough.GrantPull(role, &pullthrough.PullOptions{FirstPull: &pulls.firstPulls})
	}
}

// noteWithheld adds a note for each prop of release builds that builds of pull requests do not get, unless
// PullRequests sets its own, which may be empty.
func (b *ImageBuild) noteWithheld() {
	release, pulls := b.options, b.options.pullRequests
	for _, c := range []struct {
		prop, own string
		withheld  bool
	}{
		{"Environment", "PullRequests.Environment", len(release.environment) > 0 && pulls.environment == nil},
		{"Build.Extra", "PullRequests.Extra", len(release.build.extra) > 0 && pulls.extra == nil},
	} {
		if c.withheld {
			warning.Note(b, fmt.Sprintf(
				"builds of pull requests do not get %s; set %s to the values that they need, or to an empty value", c.prop, c.own))
		}
	}
}

// warnOfNoApproval says that the approval is not in force without a webhook of the stack. It is a warning if the
// caller set the approval.
func (b *ImageBuild) warnOfNoApproval() {
	pulls := b.options.pullRequests
	message := fmt.Sprintf("no webhook of this stack builds pull requests, so PullRequests.Approval is not in force. "+
		"If you create one with `aws codebuild create-webhook`, give it --filter-groups and --pull-request-build-policy '%s' (docs/how-to/pull-requests.md)",
		*b.PullRequestBuildPolicy())
	if pulls.approvalSet {
		warning.Add(b, "layercache:approval-by-hand", message)
	} else {
		warning.Note(b, message)
	}
}

// PullRequestBuildPolicy returns the approval in the form of the AWS CLI, or nil without PullRequestProject. A webhook that
// is created by hand needs it as --pull-request-build-policy.
//
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_PullRequestBuildPolicy.html
func (b *ImageBuild) PullRequestBuildPolicy() *string {
	if b.pullRequest == nil {
		return nil
	}
	pulls := b.options.pullRequests
	policy, _ := json.Marshal(struct {
		RequiresCommentApproval Approval `json:"requiresCommentApproval"`
		ApproverRoles           []string `json:"approverRoles,omitempty"`
	}{pulls.approval, pulls.approverRoles})
	return jsii.String(string(policy))
}

// pullRequestVariables returns the variables of release builds, with the differences of pull requests.
func (b *ImageBuild) pullRequestVariables() map[string]string {
	pulls, r := b.options.pullRequests, *b.options
	r.build.extra, r.environment = pulls.extra, pulls.environment
	r.metricsNamespace = nil
	v := b.variables(&r)
	v["LAYERCACHE_WRITE"], v["LAYERCACHE_PUSH"] = "false", "false"
	if pulls.image != nil {
		v["LAYERCACHE_PUSH"] = "true"
		v["LAYERCACHE_IMAGE"] = *pulls.image.RepositoryUri()
		v["LAYERCACHE_TAGS"] = strings.Join(pulls.tags, ",")
	}
	if pulls.cache != nil {
		v["LAYERCACHE_WRITE"] = "true"
		v["LAYERCACHE_FALLBACK_REPOSITORY"] = v["LAYERCACHE_REPOSITORY"]
		v["LAYERCACHE_REPOSITORY"] = *pulls.cache.RepositoryUri()
	}
	return v
}

// checkPullRequests checks that release builds read nothing that pull requests write.
func checkPullRequests(problems *validation.Problems, r *resolved) {
	pulls := r.pullRequests
	if !pulls.set {
		return
	}
	if r.source != nil && !hasPullRequests(r.source) {
		problems.Add("PullRequests", fmt.Sprintf("a source of type %s has no pull requests", r.source.Kind()), "leave it out, or give a source at a Git host")
	}
	checkPullRequestRepositories(problems, r)
	if pulls.image == nil && pulls.tags != nil {
		problems.Add("PullRequests.Tags", "has no effect without PullRequests.Image", "set PullRequests.Image, or leave it out")
	}
	if pulls.secrets && r.build.secrets == nil {
		problems.Add("PullRequests.Secrets", "has no effect without Build.Secrets", "set Build.Secrets, or leave it out")
	}
	if pulls.firstPulls && r.pullThrough == nil {
		problems.Add("PullRequests.FirstPulls", "has no effect without PullThrough", "set PullThrough, or leave it out")
	}
	if pulls.approvalSet && len(r.triggers.pullRequestFilters) == 0 && r.source != nil && hasWebhooks(r.source) {
		problems.Add("PullRequests.Approval", "has no effect without a webhook that builds pull requests, nor have ApproverRoles",
			"set Triggers.Webhook with events of pull requests, or leave them out")
	}
	checkPullRequestRolePath(problems, pulls.rolePath, r.rolePath)
}

func checkPullRequestRepositories(problems *validation.Problems, r *resolved) {
	pulls, cache := r.pullRequests, r.cache.repository
	if pulls.cache != nil {
		switch {
		case r.cache.mode != RegistryCache:
			problems.Add("PullRequests.Cache", fmt.Sprintf("is not used if CacheMode is %q", r.cache.mode), "leave it out")
		case cache != nil && ecrname.Same(pulls.cache.Repository(), cache.Repository()):
			problems.Add("PullRequests.Cache", "is the cache of release builds, which pull requests must not write", "use another cache repository, or leave it out")
		}
	}
	if pulls.image != nil {
		switch {
		case r.image.isReleaseRepository(pulls.image):
			problems.Add("PullRequests.Image", "is the image repository of release builds, where a pull request could replace a release", "use another repository, or leave it out")
		case cache != nil && ecrname.Same(pulls.image, cache.Repository()), pulls.cache != nil && ecrname.Same(pulls.image, pulls.cache.Repository()):
			problems.Add("PullRequests.Image", "is a cache repository: pushing the image would overwrite the cache", "use a separate repository for the images")
		}
	}
}

// checkPullRequestSettings checks the plain values that release builds have too. An inherited limit is
// checked with those of release builds.
func checkPullRequestSettings(problems *validation.Problems, r *resolved) {
	pulls := r.pullRequests
	checkExtra(problems, "PullRequests.Extra", pulls.extra)
	checkEnvironment(problems, "PullRequests.Environment", pulls.environment)
	if pulls.concurrentBuilds != r.limits.concurrentBuilds {
		checkConcurrency(problems, "PullRequests.ConcurrentBuildLimit", pulls.concurrentBuilds)
	}
	if pulls.tags != nil {
		checkTags(problems, "PullRequests.Tags", pulls.tags)
	}
	checkApproval(problems, pulls)
}

func checkApproval(problems *validation.Problems, pulls pullRequestOptions) {
	if !slices.Contains(approvals, pulls.approval) {
		problems.Add("PullRequests.Approval", fmt.Sprintf("%q is unknown", pulls.approval), spelling.Fix(pulls.approval, approvals))
	}
	if pulls.approval == NoApproval && pulls.approverRoles != nil {
		problems.Add("PullRequests.ApproverRoles", fmt.Sprintf("has no effect if Approval is %q", NoApproval), "leave it out, or change Approval")
	}
	for i, role := range pulls.approverRoles {
		if !approverForm.MatchString(role) {
			problems.Add(fmt.Sprintf("PullRequests.ApproverRoles[%d]", i), fmt.Sprintf("%q is not a role at a Git host", role), "use one such as GITHUB_WRITE, GITLAB_MAINTAINER or BITBUCKET_ADMIN")
		}
	}
}

// checkPullRequestRolePath checks the path and that a cache which trusts the release builds' path to write
// does not also trust pull requests.
func checkPullRequestRolePath(problems *validation.Problems, path, releasePath string) {
	if validation.IsLiteral(&path) && !rolePathForm.MatchString(path) {
		problems.Add("PullRequests.RolePath", fmt.Sprintf("%q has the wrong form", path), "start and end it with a slash, such as /ci/pull-request/")
	}
	if releasePath != "/" && strings.HasPrefix(path, releasePath) {
		problems.Add("PullRequests.RolePath", fmt.Sprintf("is below RolePath %s, which a cache may trust to write", releasePath), "give a path outside of RolePath")
	}
}
