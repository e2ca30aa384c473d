package imagebuild

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/constructs/validation"
)

// defaultRolePath is IAM's own default.
const defaultRolePath = "/"

// resolved holds the props as plain values, with the defaults filled in. Checks, grants, variables and
// resources read these and never the props. A pointer, interface or list is nil if the prop is not set and
// has no default.
type resolved struct {
	source           ISource
	image            imageOptions
	cache            cacheOptions
	build            buildOptions
	bake             bakeOptions
	pullThrough      pullthrough.IPullThroughCache
	machine          machineOptions
	network          *networkOptions
	limits           limitOptions
	logs             logOptions
	triggers         triggerOptions
	pullRequests     pullRequestOptions
	deploy           *deployOptions
	purpose          Purpose
	reports          bool
	metricsNamespace *string
	// signingProfiles are the ARNs of AWS Signer profiles.
	signingProfiles []string
	encryptionKey   awskms.IKey
	environment     map[string]string
	rolePath        string
	helperZip       *string
}

// imageOptions are the image's repository, which is new if nil, its tags and its form.
type imageOptions struct {
	repository awsecr.IRepository
	name       *string
	tags       []string
	// app is nil if the name of the image repository gives it.
	app          *string
	compression  Compression
	attestations Attestations
}

type cacheOptions struct {
	mode           CacheMode
	repository     cacherepo.ICacheRepository
	bucket         awss3.IBucket
	prefix         string
	write          bool
	policy         CachePolicy
	compression    Compression
	mounts         mountOptions
	fallbackBranch string
}

type buildOptions struct {
	dockerfile, context string
	target, provenance  *string
	platforms           []string
	crossCompile        bool
	// batch reports whether each platform is built on a machine of its own.
	batch bool
	// arguments has a nil value where the caller gave none, which is a problem.
	arguments map[string]*string
	secrets   map[string]*Secret
	sbom      *bool
	extra     []string
}

type machineOptions struct {
	architecture Architecture
	// images are the build images by architecture.
	images       map[Architecture]string
	computeType  awscodebuild.ComputeType
	fleet        awscodebuild.IFleet
	dockerServer *dockerServerOptions
	builder      Builder
	// needsDocker is the prop that works only with Docker's own builder, or empty.
	needsDocker string
}

type dockerServerOptions struct {
	computeType    awscodebuild.DockerServerComputeType
	securityGroups []awsec2.ISecurityGroup
}

// limitOptions are the limits that CodeBuild enforces. timeout is nil for an hour, because the builds of a
// stack share one awscdk.Duration for it.
type limitOptions struct {
	timeout, queuedTimeout           awscdk.Duration
	autoRetryLimit, concurrentBuilds *float64
}

// logOptions are the log group of release builds, which is new if nil, and the retention of new log groups.
type logOptions struct {
	group        awslogs.ILogGroup
	retention    awslogs.RetentionDays
	retentionSet bool
}

type triggerOptions struct {
	// webhook reports whether the Git host starts builds.
	webhook bool
	// filters are all groups of the webhook. releaseFilters and pullRequestFilters are the same groups, split
	// by the project that their events start.
	filters, releaseFilters, pullRequestFilters []eventGroup
	schedule                                    awsevents.Schedule
	refreshOnSchedule                           bool
	// refreshSet reports whether the caller set RefreshOnSchedule.
	refreshSet bool
	baseImages []baseImage
}

type eventGroup struct {
	events     []awscodebuild.EventAction
	conditions []eventCondition
}

type eventCondition struct {
	kind    FilterType
	pattern string
	exclude bool
}

type baseImage struct {
	repository awsecr.IRepository
	tag        string
}

type pullRequestOptions struct {
	// enabled reports whether there is a project for pull requests. set reports whether the caller set
	// ImageBuildProps.PullRequests.
	enabled, set bool
	cache        cacherepo.ICacheRepository
	image        awsecr.IRepository
	// tags is nil without an image.
	tags                []string
	secrets, firstPulls bool
	// environment and extra are nil if not set, and empty if the caller set them to nothing.
	environment      map[string]string
	extra            []string
	concurrentBuilds *float64
	approval         Approval
	approverRoles    []string
	// approvalSet reports whether the caller set one of the two.
	approvalSet bool
	rolePath    string
}

// resolve returns the values of the props; nil props are all defaults.
func resolve(props *ImageBuildProps) *resolved {
	if props == nil {
		props = &ImageBuildProps{}
	}
	r := &resolved{
		source: props.Source,
		image: imageOptions{
			repository: props.Image,
			name:       props.ImageName,
			tags:       stringsOr(props.Tags, "latest"),
			app:        props.App,

			compression:  cmp.Or(props.ImageCompression, Gzip),
			attestations: cmp.Or(props.Attestations, props.Purpose.defaultAttestations()),
		},
		cache: cacheOptions{
			mode:           cmp.Or(props.CacheMode, RegistryCache),
			repository:     props.Cache,
			bucket:         props.CacheBucket,
			prefix:         valueOr(props.CachePrefix, "layercache/"),
			write:          valueOr(props.CacheWrite, true),
			policy:         cmp.Or(props.CachePolicy, Advise),
			compression:    cmp.Or(props.CacheCompression, Auto),
			mounts:         resolveMounts(props),
			fallbackBranch: valueOr(props.FallbackBranch, "main"),
		},
		build:       resolveBuild(props),
		bake:        resolveBake(props.Bake),
		pullThrough: props.PullThrough,
		machine:     resolveMachine(props),
		network:     resolveNetwork(props.Network),
		limits: limitOptions{
			timeout:          props.Timeout,
			queuedTimeout:    props.QueuedTimeout,
			autoRetryLimit:   props.AutoRetryLimit,
			concurrentBuilds: props.ConcurrentBuildLimit,
		},
		logs: logOptions{
			group:        props.LogGroup,
			retention:    cmp.Or(props.LogRetention, awslogs.RetentionDays_ONE_MONTH),
			retentionSet: props.LogRetention != "",
		},
		purpose:          props.Purpose,
		reports:          valueOr(props.Reports, false),
		metricsNamespace: props.MetricsNamespace,
		signingProfiles:  stringsOr(props.SigningProfiles),
		encryptionKey:    props.EncryptionKey,
		environment:      stringMap(props.Environment),
		rolePath:         valueOr(props.RolePath, defaultRolePath),
		helperZip:        props.HelperZip,
	}
	r.deploy = resolveDeploy(props.BuildOnDeploy)
	r.triggers = resolveTriggers(props.Triggers, r.cache.fallbackBranch)
	r.pullRequests = resolvePullRequests(props.PullRequests, r)
	return r
}

func resolveBuild(props *ImageBuildProps) buildOptions {
	o := valueOr(props.Build, BuildOptions{})
	build := buildOptions{
		dockerfile:   valueOr(props.Dockerfile, "Dockerfile"),
		context:      valueOr(props.Context, "."),
		target:       o.Target,
		provenance:   o.Provenance,
		platforms:    stringsOr(o.Platforms),
		crossCompile: valueOr(o.CrossCompile, false),
		arguments:    valueOr(o.Arguments, nil),
		secrets:      valueOr(o.Secrets, nil),
		sbom:         o.Sbom,
		extra:        stringsOr(o.Extra),
	}
	build.batch = !build.crossCompile && slices.Equal(slices.Sorted(slices.Values(build.platforms)), nativePlatforms)
	return build
}

func resolveMachine(props *ImageBuildProps) machineOptions {
	machine := machineOptions{
		architecture: cmp.Or(props.Architecture, AMD64),
		images:       maps.Clone(defaultImages),
		computeType:  cmp.Or(props.ComputeType, awscodebuild.ComputeType_MEDIUM),
		fleet:        props.Fleet,
	}
	for architecture, id := range valueOr(props.BuildImages, nil) {
		machine.images[architecture] = valueOr(id, "")
	}
	switch {
	case props.DockerServer != nil:
		machine.needsDocker = "DockerServer"
		machine.dockerServer = &dockerServerOptions{
			computeType:    cmp.Or(props.DockerServer.ComputeType, awscodebuild.DockerServerComputeType_MEDIUM),
			securityGroups: valueOr(props.DockerServer.SecurityGroups, nil),
		}
	case props.CacheMode == ImageCache || props.CacheMode == LocalCache:
		machine.needsDocker = fmt.Sprintf("CacheMode %q", props.CacheMode)
	}
	builder := AutoBuilder
	if machine.needsDocker != "" {
		builder = DockerBuilder
	}
	machine.builder = cmp.Or(props.Builder, builder)
	return machine
}

// cdkErrorName is the name of an error at the start of a message of the CDK.
var cdkErrorName = regexp.MustCompile(`^[A-Za-z]+: `)

// cdkMessage returns the message of a CDK exception, without its name and stack.
func cdkMessage(err any) string {
	line, _, _ := strings.Cut(fmt.Sprint(err), "\n")
	return cdkErrorName.ReplaceAllString(line, "")
}

func resolveTriggers(t *Triggers, fallbackBranch string) triggerOptions {
	if t == nil {
		return triggerOptions{}
	}
	triggers := triggerOptions{
		webhook:           t.Webhook != nil,
		schedule:          t.Schedule,
		refreshOnSchedule: valueOr(t.RefreshOnSchedule, false),
		refreshSet:        t.RefreshOnSchedule != nil,
	}
	if t.Webhook != nil {
		triggers.filters = resolveFilters(t.Webhook.Filters, fallbackBranch)
		triggers.releaseFilters = groupsWithEvents(triggers.filters, isNotPullRequest)
		triggers.pullRequestFilters = groupsWithEvents(triggers.filters, isPullRequest)
	}
	for _, image := range valueOr(t.BaseImages, nil) {
		i := valueOr(image, BaseImage{})
		triggers.baseImages = append(triggers.baseImages, baseImage{i.Repository, valueOr(i.Tag, "latest")})
	}
	return triggers
}

func resolveFilters(filters *[]*FilterGroup, fallbackBranch string) []eventGroup {
	if filters == nil {
		branch := eventCondition{kind: HeadRef, pattern: branchPattern(fallbackBranch)}
		return []eventGroup{
			{events: []awscodebuild.EventAction{awscodebuild.EventAction_PUSH}, conditions: []eventCondition{branch}},
			{events: []awscodebuild.EventAction{awscodebuild.EventAction_PULL_REQUEST_CREATED, awscodebuild.EventAction_PULL_REQUEST_UPDATED}},
		}
	}
	var groups []eventGroup
	for _, filter := range *filters {
		f := valueOr(filter, FilterGroup{})
		group := eventGroup{events: valueOr(f.Events, nil)}
		for _, condition := range valueOr(f.Conditions, nil) {
			c := valueOr(condition, FilterCondition{})
			group.conditions = append(group.conditions, eventCondition{c.Type, valueOr(c.Pattern, ""), valueOr(c.Exclude, false)})
		}
		groups = append(groups, group)
	}
	return groups
}

// branchPattern returns the regular expression for the ref of a branch. A branch that CloudFormation fills in is not quoted,
// because the quoted text would no longer be replaced.
func branchPattern(branch string) string {
	if validation.IsLiteral(&branch) {
		branch = regexp.QuoteMeta(branch)
	}
	return "^refs/heads/" + branch + "$"
}

// resolvePullRequests reads release for the defaults that come from release builds.
func resolvePullRequests(set *PullRequests, release *resolved) pullRequestOptions {
	o := valueOr(set, PullRequests{})
	pulls := pullRequestOptions{
		enabled:          set != nil || len(release.triggers.pullRequestFilters) > 0,
		set:              set != nil,
		cache:            o.Cache,
		image:            o.Image,
		tags:             stringsOr(o.Tags),
		secrets:          valueOr(o.Secrets, false),
		firstPulls:       valueOr(o.FirstPulls, false),
		environment:      stringMap(o.Environment),
		extra:            stringsOr(o.Extra),
		concurrentBuilds: cmp.Or(o.ConcurrentBuildLimit, release.limits.concurrentBuilds),
		approval:         cmp.Or(o.Approval, ForkApproval),
		approverRoles:    stringsOr(o.ApproverRoles),
		approvalSet:      o.Approval != "" || o.ApproverRoles != nil,
		rolePath:         valueOr(o.RolePath, defaultRolePath),
	}
	if pulls.image != nil && pulls.tags == nil {
		pulls.tags = []string{"{commit}"}
	}
	return pulls
}

// valueOr returns the value of an optional prop, or its default.
func valueOr[T any](prop *T, otherwise T) T {
	if prop == nil {
		return otherwise
	}
	return *prop
}

// stringsOr returns the values of a list, or the defaults if it is not set. A list that is set is never nil,
// and nil values in it are empty.
func stringsOr(list *[]*string, otherwise ...string) []string {
	if list == nil {
		return otherwise
	}
	values := make([]string, 0, len(*list))
	for _, value := range *list {
		values = append(values, valueOr(value, ""))
	}
	return values
}

// stringMap returns the values of a map. A map that is set is never nil, and nil values in it are empty.
func stringMap(m *map[string]*string) map[string]string {
	if m == nil {
		return nil
	}
	values := make(map[string]string, len(*m))
	for name, value := range *m {
		values[name] = valueOr(value, "")
	}
	return values
}

// pointerTo returns a list for the CDK; nil is a list that is not set.
func pointerTo[T any](list []T) *[]T {
	if list == nil {
		return nil
	}
	return &list
}

// stringPointers returns a list for the CDK; nil is a list that is not set.
func stringPointers(list []string) *[]*string {
	if list == nil {
		return nil
	}
	return jsii.Strings(list...)
}
