package imagebuild

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/constructs/validation"
)

// PullRequests are the options of the project that builds pull requests. Its
// role reads the release builds' cache and can write neither that nor the image
// repository, as whoever opens a pull request decides what its build runs.
type PullRequests struct {
	// Cache is a cache repository that builds of pull requests write, besides
	// reading that of release builds. It must be another one.
	// Default: they read the release builds' cache and write none.
	Cache cacherepo.ICacheRepository

	// Image is the repository that images of pull requests are pushed to. It
	// must not be that of releases: a permission to push cannot be limited to
	// some tags.
	// Default: the image is built and not pushed.
	Image awsecr.IRepository

	// Tags are the tags in Image.
	// Default: "{commit}".
	Tags *[]*string

	// Secrets gives Build.Secrets to builds of pull requests, whose Dockerfile
	// can print them.
	// Default: false.
	Secrets *bool

	// FirstPulls lets builds of pull requests make the first pull of a base image
	// through PullThrough. Their role then holds ecr:CreateRepository, and with it
	// whoever opens a pull request can create the repository of a base image with
	// settings of their own. Without it, a base image that no release build or
	// Prewarm has pulled yet comes from its upstream: slower, and not at all from
	// a private upstream or by an address that names PullThrough.
	// Default: false.
	FirstPulls *bool

	// Environment are further variables of builds of pull requests, in plain text:
	// no secrets. ImageBuildProps.Environment is for release builds alone.
	// Default: none.
	Environment *map[string]*string

	// Extra are further arguments of docker buildx build, in the form of
	// Build.Extra, which is for release builds alone: --allow or --ssh would hand
	// a pull request more than its role has.
	// Default: none.
	Extra *[]*string

	// ConcurrentBuildLimit is how many builds of pull requests may run at a time.
	// CodeBuild does not queue those beyond it, they are not built, and it takes
	// no number above the quota of the account, which can be 1:
	// https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html.
	// Default: ImageBuildProps.ConcurrentBuildLimit.
	ConcurrentBuildLimit *float64

	// Approval says whose pull requests wait for a comment of an approver.
	// Default: ForkApproval.
	Approval Approval

	// ApproverRoles are the roles at the Git host whose holders approve, such as
	// "GITHUB_WRITE".
	// Default: those who may write to the repository.
	ApproverRoles *[]*string

	// RolePath is the path of the service role. It must not be one that a cache
	// trusts to write.
	// Default: "/".
	RolePath *string
}

// Approval is a rule for builds of pull requests:
// https://docs.aws.amazon.com/codebuild/latest/userguide/pull-request-build-policy.html.
type Approval string

const (
	// NoApproval builds every pull request at once.
	NoApproval Approval = "DISABLED"
	// ForkApproval has pull requests from forks wait.
	ForkApproval Approval = "FORK_PULL_REQUESTS"
	// FullApproval has all pull requests wait.
	FullApproval Approval = "ALL_PULL_REQUESTS"
)

var approvals = []Approval{NoApproval, ForkApproval, FullApproval}

var approverForm = regexp.MustCompile(`^(?:GITHUB|GITLAB|BITBUCKET)_[A-Z]+$`)

// buildsPullRequests tells whether there is a project for pull requests.
func (p *ImageBuildProps) buildsPullRequests() bool {
	return p.PullRequests != nil || len(p.groupsOf(true)) > 0
}

// pullRequests are the options with their defaults.
func (p *ImageBuildProps) pullRequests() *PullRequests {
	options := PullRequests{}
	if p.PullRequests != nil {
		options = *p.PullRequests
	}
	options.Approval = orDefault(options.Approval, ForkApproval)
	if options.RolePath == nil {
		options.RolePath = jsii.String("/")
	}
	if options.Tags == nil {
		options.Tags = jsii.Strings("{commit}")
	}
	if options.ConcurrentBuildLimit == nil {
		options.ConcurrentBuildLimit = p.ConcurrentBuildLimit
	}
	return &options
}

// addPullRequests makes the project that builds pull requests.
func (b *ImageBuild) addPullRequests(props *ImageBuildProps, helpers map[Architecture]string) {
	options := props.pullRequests()
	scope := constructs.NewConstruct(b, jsii.String("PullRequest"))
	u := newUnit(scope, b.shared, props, options.RolePath, nil)
	switch {
	case options.Image != nil:
		ecrgrant.Push(b.shared, options.Image, u.role)
	case props.CacheMode == InlineCache || props.CacheMode == ImageCache:
		ecrgrant.Pull(b.shared, b.image, u.role)
	}
	b.noteWithheld(props)
	b.grantCache(u.role, props, false)
	if options.Cache != nil {
		options.Cache.GrantWrite(u.role)
	}
	if props.PullThrough != nil {
		props.PullThrough.GrantPull(u.role, &pullthrough.PullOptions{FirstPull: jsii.Bool(isTrue(options.FirstPulls))})
	}
	triggers := webhookTriggers(props.groupsOf(true), props.Build.batch())
	if triggers != nil {
		triggers.PullRequestBuildPolicy = options.policy()
	}
	secrets := props.Build.Secrets
	if !isTrue(options.Secrets) {
		secrets = nil
	}
	u.addProject(&plan{
		description: "Builds pull requests with a layer cache that they cannot write (layercache)",
		variables:   b.pullRequestVariables(props, options),
		secrets:     secrets,
		triggers:    triggers,
		helpers:     helpers,
		concurrent:  options.ConcurrentBuildLimit,
	})
	b.pullRequest = u
}

// noteWithheld names the props of release builds that builds of pull requests
// are not given, unless PullRequests sets its own, were it to nothing.
func (b *ImageBuild) noteWithheld(props *ImageBuildProps) {
	options := props.pullRequests()
	for _, c := range []struct {
		prop, own string
		withheld  bool
	}{
		{"Environment", "PullRequests.Environment", props.Environment != nil && len(*props.Environment) > 0 && options.Environment == nil},
		{"Build.Extra", "PullRequests.Extra", len(valuesOf(props.Build.Extra)) > 0 && options.Extra == nil},
	} {
		if c.withheld {
			awscdk.Annotations_Of(b).AddInfo(jsii.String(fmt.Sprintf(
				"builds of pull requests are not given %s: set %s to what they need, or to an empty value", c.prop, c.own)))
		}
	}
}

func (o *PullRequests) policy() *awscodebuild.CfnProject_PullRequestBuildPolicyProperty {
	return &awscodebuild.CfnProject_PullRequestBuildPolicyProperty{
		RequiresCommentApproval: jsii.String(string(o.Approval)),
		ApproverRoles:           o.ApproverRoles,
	}
}

// pullRequestVariables are those of release builds with what differs.
func (b *ImageBuild) pullRequestVariables(props *ImageBuildProps, o *PullRequests) map[string]*string {
	build, own := *props.Build, *props
	build.Extra = o.Extra
	own.Build, own.Environment = &build, o.Environment
	v := b.variables(&own)
	delete(v, "LAYERCACHE_METRICS_NAMESPACE")
	v["LAYERCACHE_WRITE"] = jsii.String("false")
	v["LAYERCACHE_PUSH"] = jsii.String("false")
	if o.Image != nil {
		v["LAYERCACHE_PUSH"] = jsii.String("true")
		v["LAYERCACHE_IMAGE"] = o.Image.RepositoryUri()
		v["LAYERCACHE_TAGS"] = jsii.String(strings.Join(valuesOf(o.Tags), ","))
	}
	if o.Cache != nil {
		v["LAYERCACHE_WRITE"] = jsii.String("true")
		v["LAYERCACHE_FALLBACK_REPOSITORY"] = v["LAYERCACHE_REPOSITORY"]
		v["LAYERCACHE_REPOSITORY"] = o.Cache.RepositoryUri()
	}
	return v
}

// checkPullRequests checks that nothing that pull requests write is read by
// release builds.
func checkPullRequests(props *ImageBuildProps) []validation.Problem {
	if props.PullRequests == nil {
		return nil
	}
	var found []validation.Problem
	add := func(prop, wrong, fix string) {
		found = append(found, validation.Problem{Prop: "PullRequests" + prop, Wrong: wrong, Fix: fix})
	}
	o := props.pullRequests()
	if props.Source != nil && !hasPullRequests(props.Source) {
		add("", fmt.Sprintf("a source of type %s has no pull requests", props.Source.Kind()), "leave it out, or give a source at a Git host")
	}
	if o.Cache != nil {
		switch {
		case props.CacheMode != RegistryCache:
			add(".Cache", fmt.Sprintf("is not used when CacheMode is %q", props.CacheMode), "leave it out")
		case props.Cache != nil && sameRepository(o.Cache.Repository(), props.Cache.Repository()):
			add(".Cache", "is the release builds' cache, which pull requests must not write", "give another cache repository, or leave it out")
		}
	}
	if o.Image != nil {
		switch {
		case props.isImage(o.Image):
			add(".Image", "is the release builds' image repository, in which a pull request could replace a release", "give another repository, or leave it out")
		case props.Cache != nil && sameRepository(o.Image, props.Cache.Repository()), o.Cache != nil && sameRepository(o.Image, o.Cache.Repository()):
			add(".Image", "is a cache repository: pushing the image would overwrite the cache", "give the images a repository of their own")
		}
	}
	if o.Image == nil && props.PullRequests.Tags != nil {
		add(".Tags", "has no repository to push to", "set PullRequests.Image")
	}
	if isTrue(o.Secrets) && props.Build.Secrets == nil {
		add(".Secrets", "there are none", "set Build.Secrets, or leave it out")
	}
	if isTrue(o.FirstPulls) && props.PullThrough == nil {
		add(".FirstPulls", "there is no pull-through cache", "set PullThrough, or leave it out")
	}
	return append(found, checkApproval(props, o)...)
}

// checkPullRequestSettings checks the plain values that release builds have
// under other props.
func checkPullRequestSettings(o *PullRequests) []validation.Problem {
	if o == nil {
		return nil
	}
	found := checkExtra("PullRequests.Extra", o.Extra)
	found = append(found, checkEnvironment("PullRequests.Environment", o.Environment)...)
	return append(found, checkConcurrency("PullRequests.ConcurrentBuildLimit", o.ConcurrentBuildLimit)...)
}

func checkApproval(props *ImageBuildProps, o *PullRequests) []validation.Problem {
	found := checkTags("PullRequests.Tags", o.Tags)
	add := func(prop, wrong, fix string) {
		found = append(found, validation.Problem{Prop: "PullRequests" + prop, Wrong: wrong, Fix: fix})
	}
	if !slices.Contains(approvals, o.Approval) {
		add(".Approval", fmt.Sprintf("%q is unknown", o.Approval), fmt.Sprintf("use one of %s", approvals))
	}
	if o.Approval == NoApproval && o.ApproverRoles != nil {
		add(".ApproverRoles", "have nothing to approve", "leave it out, or set Approval")
	}
	for i, role := range valuesOf(o.ApproverRoles) {
		if !approverForm.MatchString(role) {
			add(fmt.Sprintf(".ApproverRoles[%d]", i), fmt.Sprintf("%q is no role at a Git host", role), "use one such as GITHUB_WRITE, GITLAB_MAINTAINER or BITBUCKET_ADMIN")
		}
	}
	if validation.IsLiteral(o.RolePath) && !rolePathForm.MatchString(*o.RolePath) {
		add(".RolePath", fmt.Sprintf("%q has the wrong form", *o.RolePath), "begin and end it with a slash, such as /ci/pull-request/")
	}
	if *props.RolePath != "/" && strings.HasPrefix(*o.RolePath, *props.RolePath) {
		add(".RolePath", fmt.Sprintf("is below %s, which a cache may trust to write", *props.RolePath), "give a path outside of RolePath")
	}
	return found
}
