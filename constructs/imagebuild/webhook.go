package imagebuild

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// Webhook starts a build when the Git host tells of an event. Events of pull
// requests start the pull-request project, all others the release project.
type Webhook struct {
	// Filters are groups of events; one that matches starts a build.
	// Default: pushes to FallbackBranch, and pull requests that are opened or
	// changed.
	Filters *[]*FilterGroup
}

// FilterGroup matches an event that is one of its Events and fulfils all of its
// conditions.
type FilterGroup struct {
	// Events are those that the group is about. Required.
	Events *[]awscodebuild.EventAction

	// Conditions are what has to be true of the event.
	// Default: none.
	Conditions *[]*FilterCondition
}

// FilterCondition is one condition on an event:
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_WebhookFilter.html.
type FilterCondition struct {
	// Type says what the pattern is about. Required.
	Type FilterType

	// Pattern is a regular expression, such as "^refs/heads/main$". Required.
	Pattern *string

	// Exclude matches events that the pattern does not match.
	// Default: false.
	Exclude *bool
}

// FilterType is what a condition is about.
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
	// ActorAccount is the id of the account at the Git host that acted.
	ActorAccount FilterType = "ACTOR_ACCOUNT_ID"
	// TagName is the tag of a release.
	TagName FilterType = "TAG_NAME"
	// ReleaseName is the name of a release.
	ReleaseName FilterType = "RELEASE_NAME"
)

var filterTypes = []FilterType{HeadRef, BaseRef, FilePath, CommitMessage, ActorAccount, TagName, ReleaseName}

// pullRequestEvents run code that nobody has merged, or that somebody wrote who
// may not push.
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

// groups are the filter groups of the webhook, the default ones included.
func (w *Webhook) groups(fallbackBranch string) []*FilterGroup {
	if w == nil {
		return nil
	}
	if w.Filters != nil {
		return *w.Filters
	}
	return []*FilterGroup{
		{
			Events:     &[]awscodebuild.EventAction{awscodebuild.EventAction_PUSH},
			Conditions: &[]*FilterCondition{{Type: HeadRef, Pattern: jsii.String("^refs/heads/" + regexp.QuoteMeta(fallbackBranch) + "$")}},
		},
		{Events: &[]awscodebuild.EventAction{awscodebuild.EventAction_PULL_REQUEST_CREATED, awscodebuild.EventAction_PULL_REQUEST_UPDATED}},
	}
}

// groupsOf are the groups with the events of pull requests alone, or with all
// others alone. A group of both is taken apart, which matches the same events.
func (p *ImageBuildProps) groupsOf(pullRequests bool) []*FilterGroup {
	var found []*FilterGroup
	for _, g := range p.Triggers.Webhook.groups(*p.FallbackBranch) {
		var events []awscodebuild.EventAction
		for _, event := range *g.Events {
			if isPullRequest(event) == pullRequests {
				events = append(events, event)
			}
		}
		if len(events) > 0 {
			found = append(found, &FilterGroup{Events: &events, Conditions: g.Conditions})
		}
	}
	return found
}

// webhookTriggers are the triggers of a project, or nil for no groups.
func webhookTriggers(groups []*FilterGroup, batch bool) *awscodebuild.CfnProject_ProjectTriggersProperty {
	if len(groups) == 0 {
		return nil
	}
	var rendered []any
	for _, g := range groups {
		rendered = append(rendered, g.render())
	}
	kind := "BUILD"
	if batch {
		kind = "BUILD_BATCH"
	}
	return &awscodebuild.CfnProject_ProjectTriggersProperty{Webhook: jsii.Bool(true), BuildType: &kind, FilterGroups: rendered}
}

func (g *FilterGroup) render() []any {
	var events []string
	for _, event := range *g.Events {
		events = append(events, string(event))
	}
	filters := []any{&awscodebuild.CfnProject_WebhookFilterProperty{Type: jsii.String("EVENT"), Pattern: jsii.String(strings.Join(events, ", "))}}
	for _, c := range g.conditions() {
		filter := &awscodebuild.CfnProject_WebhookFilterProperty{Type: jsii.String(string(c.Type)), Pattern: c.Pattern}
		if isTrue(c.Exclude) {
			filter.ExcludeMatchedPattern = jsii.Bool(true)
		}
		filters = append(filters, filter)
	}
	return filters
}

func (g *FilterGroup) conditions() []*FilterCondition {
	if g.Conditions == nil {
		return nil
	}
	return *g.Conditions
}

func checkWebhook(w *Webhook) []validation.Problem {
	if w == nil || w.Filters == nil {
		return nil
	}
	if len(*w.Filters) == 0 {
		return []validation.Problem{{Prop: "Triggers.Webhook.Filters", Wrong: "is empty, which would build on every event", Fix: "name the events, or leave it out"}}
	}
	var found []validation.Problem
	for i, g := range *w.Filters {
		found = append(found, checkFilterGroup(fmt.Sprintf("Triggers.Webhook.Filters[%d]", i), g)...)
	}
	return found
}

func checkFilterGroup(at string, g *FilterGroup) []validation.Problem {
	if g == nil || g.Events == nil || len(*g.Events) == 0 {
		return []validation.Problem{{Prop: at + ".Events", Wrong: "is missing", Fix: "name at least one event, such as awscodebuild.EventAction_PUSH"}}
	}
	var found []validation.Problem
	add := func(prop, wrong, fix string) {
		found = append(found, validation.Problem{Prop: at + prop, Wrong: wrong, Fix: fix})
	}
	known := slices.Concat(releaseEvents, pullRequestEvents)
	for i, event := range *g.Events {
		if !slices.Contains(known, event) {
			add(fmt.Sprintf(".Events[%d]", i), fmt.Sprintf("%q builds no image", event), fmt.Sprintf("use one of %s", known))
		}
	}
	for i, c := range g.conditions() {
		here := fmt.Sprintf(".Conditions[%d]", i)
		switch {
		case c == nil || !slices.Contains(filterTypes, c.Type):
			add(here+".Type", "is missing or unknown", fmt.Sprintf("use one of %s", filterTypes))
		case c.Pattern == nil || *c.Pattern == "":
			add(here+".Pattern", "is missing", "give a regular expression")
		case c.Type == BaseRef && slices.ContainsFunc(*g.Events, func(e awscodebuild.EventAction) bool { return !isPullRequest(e) }):
			add(here+".Type", "is about pull requests, and the group has other events", "give the events of pull requests a group of their own")
		}
	}
	return found
}
