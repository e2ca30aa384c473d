package imagebuild

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrname"
	"github.com/layercache/layercache/constructs/internal/warning"
	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
)

// Triggers start builds automatically.
type Triggers struct {
	// Webhook starts a build on events of the Git host.
	// Default: no webhook.
	Webhook *Webhook

	// Schedule starts a release build at these times.
	// Default: no schedule.
	Schedule awsevents.Schedule

	// RefreshOnSchedule makes scheduled builds ignore the cache and replace it, so that they install new
	// packages of a distribution.
	// Default: false.
	RefreshOnSchedule *bool

	// BaseImages start a release build when one of them is pushed, or changes in a pull-through cache. Amazon ECR
	// sends these events to the account and region of the repository: those of one that is not in the account and
	// region of the stack start builds only if a rule there forwards them to the default event bus here.
	// Default: none.
	BaseImages *[]*BaseImage
}

// BaseImage is an image that other images are built FROM.
type BaseImage struct {
	// Repository holds the image. For an image in a pull-through cache import the repository by name:
	// awsecr.Repository_FromRepositoryName with "docker-hub/library/golang". Required.
	Repository awsecr.IRepository

	// Tag is the tag to watch.
	// Default: "latest".
	Tag *string
}

// Webhook starts a build on events of the Git host. Events of pull requests start the pull-request project,
// all others the release project.
type Webhook struct {
	// Filters are groups of events. An event that matches one group starts a build.
	// Default: pushes to FallbackBranch, and pull requests that are opened or changed.
	Filters *[]*FilterGroup
}

// FilterGroup matches an event that is one of its Events and fulfils all of its conditions.
type FilterGroup struct {
	// Events are the events that the group matches. Required.
	Events *[]awscodebuild.EventAction

	// Conditions must all be true of the event.
	// Default: none.
	Conditions *[]*FilterCondition
}

// FilterCondition is one condition on an event:
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_WebhookFilter.html.
type FilterCondition struct {
	// Type is the property of the event that the pattern is matched against. Required.
	Type FilterType

	// Pattern is a regular expression, such as "^refs/heads/main$". Required.
	Pattern *string

	// Exclude matches events that the pattern does not match.
	// Default: false.
	Exclude *bool
}

// FilterType is the property of an event that a condition is about.
type FilterType string

const (
	// HeadRef is the ref that is built, such as refs/heads/main.
	HeadRef FilterType = "HEAD_REF"
	// BaseRef is the ref that a pull request is to be merged into.
	BaseRef FilterType = "BASE_REF"
	// FilePath is the path of a changed file.
	FilePath FilterType = "FILE_PATH"
	// CommitMessage is the message of the head commit.
	CommitMessage FilterType = "COMMIT_MESSAGE"
	// ActorAccount is the id of the account at the Git host that caused the event.
	ActorAccount FilterType = "ACTOR_ACCOUNT_ID"
	// TagName is the tag of a release.
	TagName FilterType = "TAG_NAME"
	// ReleaseName is the name of a release.
	ReleaseName FilterType = "RELEASE_NAME"
)

var filterTypes = []FilterType{HeadRef, BaseRef, FilePath, CommitMessage, ActorAccount, TagName, ReleaseName}

// pullRequestEvents build code that is not merged, or whose author may not push.
var pullRequestEvents = []awscodebuild.EventAction{
	awscodebuild.EventAction_PULL_REQUEST_CREATED,
	awscodebuild.EventAction_PULL_REQUEST_UPDATED,
	awscodebuild.EventAction_PULL_REQUEST_REOPENED,
	awscodebuild.EventAction_PULL_REQUEST_CLOSED,
	awscodebuild.EventAction_PULL_REQUEST_MERGED,
}

var releaseEvents = []awscodebuild.EventAction{
	awscodebuild.EventAction_PUSH,
	awscodebuild.EventAction_RELEASED,
	awscodebuild.EventAction_PRERELEASED,
}

func isPullRequest(event awscodebuild.EventAction) bool {
	return slices.Contains(pullRequestEvents, event)
}

func isNotPullRequest(event awscodebuild.EventAction) bool { return !isPullRequest(event) }

// groupsWithEvents returns the groups with only the events that match, without groups that have none.
// Splitting a group does not change what it matches.
func groupsWithEvents(groups []eventGroup, match func(awscodebuild.EventAction) bool) []eventGroup {
	var found []eventGroup
	for _, g := range groups {
		var events []awscodebuild.EventAction
		for _, event := range g.events {
			if match(event) {
				events = append(events, event)
			}
		}
		if len(events) > 0 {
			found = append(found, eventGroup{events, g.conditions})
		}
	}
	return found
}

// webhookTriggers returns the triggers of a project, or nil without groups.
func webhookTriggers(groups []eventGroup, batch bool) *awscodebuild.CfnProject_ProjectTriggersProperty {
	if len(groups) == 0 {
		return nil
	}
	var rendered []any
	for _, g := range groups {
		rendered = append(rendered, g.filters())
	}
	kind := "BUILD"
	if batch {
		kind = "BUILD_BATCH"
	}
	return &awscodebuild.CfnProject_ProjectTriggersProperty{Webhook: jsii.Bool(true), BuildType: &kind, FilterGroups: rendered}
}

// filters returns the group as CloudFormation's filters.
func (g eventGroup) filters() []any {
	var events []string
	for _, event := range g.events {
		events = append(events, string(event))
	}
	filters := []any{&awscodebuild.CfnProject_WebhookFilterProperty{Type: jsii.String("EVENT"), Pattern: jsii.String(strings.Join(events, ", "))}}
	for _, c := range g.conditions {
		filter := &awscodebuild.CfnProject_WebhookFilterProperty{Type: jsii.String(string(c.kind)), Pattern: jsii.String(c.pattern)}
		if c.exclude {
			filter.ExcludeMatchedPattern = jsii.Bool(true)
		}
		filters = append(filters, filter)
	}
	return filters
}

// checkSchedule checks the schedule, which EventBridge would refuse only at the deployment.
func checkSchedule(problems *validation.Problems, schedule awsevents.Schedule) {
	if schedule == nil {
		return
	}
	if wrong, fix := validation.CheckSchedule(*schedule.ExpressionString()); wrong != "" {
		problems.Add("Triggers.Schedule", wrong, fix)
	}
}

func checkFilters(problems *validation.Problems, t triggerOptions) {
	if t.webhook && len(t.filters) == 0 {
		problems.Add("Triggers.Webhook.Filters", "is empty, which would start a build on every event", "list the events, or leave it out")
	}
	for i, g := range t.filters {
		checkFilterGroup(problems, fmt.Sprintf("Triggers.Webhook.Filters[%d]", i), g)
	}
}

func checkFilterGroup(problems *validation.Problems, prop string, g eventGroup) {
	if len(g.events) == 0 {
		problems.Add(prop+".Events", "is missing", "list at least one event, such as PUSH")
		return
	}
	known := slices.Concat(releaseEvents, pullRequestEvents)
	for i, event := range g.events {
		if !slices.Contains(known, event) {
			problems.Add(fmt.Sprintf("%s.Events[%d]", prop, i), fmt.Sprintf("%q starts no image build", event), spelling.Fix(event, known))
		}
	}
	for i, c := range g.conditions {
		at := fmt.Sprintf("%s.Conditions[%d]", prop, i)
		switch {
		case !slices.Contains(filterTypes, c.kind):
			problems.Add(at+".Type", "is missing or unknown", spelling.Fix(c.kind, filterTypes))
		case c.pattern == "":
			problems.Add(at+".Pattern", "is missing", "give a regular expression")
		case c.kind == BaseRef && slices.ContainsFunc(g.events, isNotPullRequest):
			problems.Add(at+".Type", "applies only to pull requests, but the group has other events", "move the events of pull requests to a group of their own")
		}
	}
}

// checkTriggers checks that the source has webhooks, and that the build does not watch its own image, which
// would start builds without end.
func checkTriggers(problems *validation.Problems, r *resolved) {
	t := r.triggers
	if t.schedule == nil && t.refreshSet {
		problems.Add("Triggers.RefreshOnSchedule", "has no effect without a schedule", "set Triggers.Schedule, or leave it out")
	}
	if t.webhook && r.source != nil && !hasWebhooks(r.source) {
		checkNoWebhooks(problems, r.source.Kind())
	}
	for i, image := range t.baseImages {
		prop := fmt.Sprintf("Triggers.BaseImages[%d]", i)
		switch {
		case image.repository == nil:
			problems.Add(prop+".Repository", "is missing", "give the repository of the image")
		case r.image.isReleaseRepository(image.repository), r.bake.pushesTo(image.repository):
			problems.Add(prop, "is the image that is built: every build would start another one", "watch another repository")
		case validation.IsLiteral(&image.tag) && !tagForm.MatchString(image.tag):
			problems.Add(prop+".Tag", fmt.Sprintf("%q has the wrong form", image.tag), "use at most 128 letters, digits, '.', '_' and '-'")
		case slices.ContainsFunc(t.baseImages[:i], image.same):
			problems.Add(prop, "is listed twice: every push would start two builds", "remove one")
		}
	}
}

// checkNoWebhooks adds the problem of a webhook for a source that has none.
func checkNoWebhooks(problems *validation.Problems, kind string) {
	wrong, fix := fmt.Sprintf("a source of type %s has no webhooks", kind), "leave it out, or give a source at a Git host"
	switch kind {
	case kindGitHubEnterprise:
		wrong = "CloudFormation cannot create webhooks for GitHub Enterprise"
		fix = "leave it out, set PullRequests if their builds need a project, and create the webhooks with `aws codebuild create-webhook` and --filter-groups, " +
			"without which every pull request starts a release build (docs/how-to/pull-requests.md)"
	case kindCodeCommit:
		fix = "leave it out, and start Project() with the repository's OnCommit"
	}
	problems.Add("Triggers.Webhook", wrong, fix)
}

// addRules makes the EventBridge rules for the schedule and the base images.
func (b *ImageBuild) addRules() {
	t := b.options.triggers
	if t.schedule == nil && len(t.baseImages) == 0 {
		return
	}
	start := b.newStarter()
	if t.schedule != nil {
		awsevents.NewCfnRule(b, jsii.String("Schedule"), &awsevents.CfnRuleProps{
			Description:        jsii.String("Starts a build on a schedule (layercache)"),
			ScheduleExpression: t.schedule.ExpressionString(),
			Targets:            start.target(t.refreshOnSchedule),
		})
	}
	for i, image := range t.baseImages {
		account := b.warnOfElsewhere(i, image.repository)
		id := image.ruleID(i)
		if b.Node().TryFindChild(&id) != nil { // Of a repository in another account, or of team-go beside team/go.
			id = numberedRuleID(i)
		}
		awsevents.NewCfnRule(b, &id, &awsevents.CfnRuleProps{
			Description:  jsii.String("Starts a build when a base image changes (layercache)"),
			EventPattern: image.eventPattern(account),
			Targets:      start.target(false),
		})
	}
}

// warnOfElsewhere returns the account whose events the rule of a base image waits for, and warns if they do not
// arrive by themselves:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html.
func (b *ImageBuild) warnOfElsewhere(index int, repository awsecr.IRepository) (account *string) {
	account, region := ecrname.Registry(repository)
	if ecrname.Differ(account, b.shared.Account()) || ecrname.Differ(region, b.shared.Region()) {
		warning.Add(b, fmt.Sprintf("layercache:base-image-elsewhere-%d", index), fmt.Sprintf(
			"Triggers.BaseImages[%d] is in another account or region than the stack, and Amazon ECR sends the events of a repository only there. "+
				"No push starts a build until a rule of EventBridge there forwards the events to the default event bus of the stack's account and region. "+
				"Or watch a repository there, such as one of a pull-through cache", index))
	}
	return account
}

// eventPattern matches a push of the image, and its refresh by a pull-through cache:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html.
func (i baseImage) eventPattern(account *string) map[string]any {
	return map[string]any{
		"source":      []string{"aws.ecr"},
		"detail-type": []string{"ECR Image Action", "ECR Pull Through Cache Action"},
		"account":     []*string{account},
		"detail": map[string]any{
			"repository-name": []*string{i.repository.RepositoryName()},
			"image-tag":       []string{i.tag},
			"$or": []map[string]any{
				{"action-type": []string{"PUSH"}, "result": []string{"SUCCESS"}},
				{"sync-status": []string{"SUCCESS"}},
			},
		},
	}
}

// same reports whether both are known to be the same tag of one repository.
func (i baseImage) same(other baseImage) bool {
	if i.tag != other.tag || !ecrname.Same(i.repository, other.repository) {
		return false
	}
	account, region := ecrname.Registry(i.repository)
	otherAccount, otherRegion := ecrname.Registry(other.repository)
	return *account == *otherAccount && *region == *otherRegion
}

// ruleID returns the id of the rule. If the name and tag are known at synthesis, it does not change when
// other images are added or removed.
func (i baseImage) ruleID(index int) string {
	name := ecrname.Literal(i.repository)
	if name == "" || !validation.IsLiteral(&i.tag) {
		return numberedRuleID(index)
	}
	return "BaseImage-" + strings.ReplaceAll(name, "/", "-") + "-" + i.tag
}

func numberedRuleID(index int) string { return fmt.Sprintf("BaseImage%d", index) }
