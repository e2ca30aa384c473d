package stacks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/validation"
)

// isOn reports whether an object with the key "enabled" is set and not switched off.
func (w *WebhookConfig) isOn() bool { return w != nil && *orTrue(w.Enabled) }

// startsPullRequests reports whether events start builds of pull requests, where the place allows them.
func (b BuildConfig) startsPullRequests() bool {
	switch {
	case !*orTrue(b.PullRequests):
		return false
	case b.Source.GitHubEnterprise != "":
		// CloudFormation makes no webhook for it, but the project can exist.
		return b.PullRequests != nil
	case !b.Webhook.isOn():
		return false
	case b.Webhook.Filters == nil:
		return true
	}
	for _, group := range b.Webhook.Filters {
		for _, event := range group.Events {
			if strings.HasPrefix(event, "PULL_REQUEST_") {
				return true
			}
		}
	}
	return false
}

// webhook returns the events that start builds.
func (b BuildConfig) webhook(pullRequests bool) *imagebuild.Webhook {
	if b.Webhook.Filters != nil {
		return &imagebuild.Webhook{Filters: b.Webhook.filters(pullRequests)}
	}
	branches := b.Webhook.Branches
	if branches == nil {
		branches = []string{globQuote(orDefault(b.FallbackBranch, "main"))}
	}
	var paths []*imagebuild.FilterCondition
	if len(b.Webhook.Paths) > 0 {
		paths = append(paths, condition(imagebuild.FilePath, "^", pathPatterns(b.Webhook.Paths)))
	}
	var groups []*imagebuild.FilterGroup
	add := func(conditions []*imagebuild.FilterCondition, events ...awscodebuild.EventAction) {
		groups = append(groups, &imagebuild.FilterGroup{Events: &events, Conditions: &conditions})
	}
	if len(branches) > 0 {
		add(append([]*imagebuild.FilterCondition{condition(imagebuild.HeadRef, "^refs/heads/", patterns(branches))}, paths...), awscodebuild.EventAction_PUSH)
	}
	if len(b.Webhook.Tags) > 0 {
		add([]*imagebuild.FilterCondition{condition(imagebuild.HeadRef, "^refs/tags/", patterns(b.Webhook.Tags))}, awscodebuild.EventAction_PUSH)
	}
	if pullRequests {
		conditions := paths
		if len(b.PullRequestTargets) > 0 {
			conditions = append([]*imagebuild.FilterCondition{condition(imagebuild.BaseRef, "^refs/heads/", patterns(b.PullRequestTargets))}, paths...)
		}
		add(conditions, awscodebuild.EventAction_PULL_REQUEST_CREATED, awscodebuild.EventAction_PULL_REQUEST_UPDATED)
	}
	return &imagebuild.Webhook{Filters: &groups}
}

// pullRequestFilters returns the groups of webhook with only the events of pull requests.
func (b BuildConfig) pullRequestFilters() []*imagebuild.FilterGroup {
	var groups []*imagebuild.FilterGroup
	for _, group := range *b.webhook(true).Filters {
		events := slices.DeleteFunc(*group.Events, func(event awscodebuild.EventAction) bool { return !strings.HasPrefix(string(event), "PULL_REQUEST_") })
		if len(events) > 0 {
			groups = append(groups, &imagebuild.FilterGroup{Events: &events, Conditions: group.Conditions})
		}
	}
	return groups
}

// filters returns the filter groups of the configuration as they are, or without the events of pull requests.
func (w *WebhookConfig) filters(pullRequests bool) *[]*imagebuild.FilterGroup {
	groups := []*imagebuild.FilterGroup{}
	for _, f := range w.Filters {
		var events []awscodebuild.EventAction
		for _, event := range f.Events {
			if pullRequests || !strings.HasPrefix(event, "PULL_REQUEST_") {
				events = append(events, awscodebuild.EventAction(event))
			}
		}
		if len(events) == 0 && len(f.Events) > 0 {
			continue
		}
		conditions := []*imagebuild.FilterCondition{}
		for _, c := range f.Conditions {
			conditions = append(conditions, &imagebuild.FilterCondition{Type: imagebuild.FilterType(c.Type), Pattern: jsii.String(c.Pattern), Exclude: c.Exclude})
		}
		groups = append(groups, &imagebuild.FilterGroup{Events: &events, Conditions: &conditions})
	}
	return &groups
}

// condition matches a property of an event with one of the patterns. prefix is the start of all of them.
func condition(kind imagebuild.FilterType, prefix string, patterns []string) *imagebuild.FilterCondition {
	pattern := patterns[0]
	if len(patterns) > 1 {
		pattern = "(" + strings.Join(patterns, "|") + ")"
	}
	return &imagebuild.FilterCondition{Type: kind, Pattern: jsii.String(prefix + pattern + "$")}
}

// patterns returns the regular expressions of globs.
func patterns(globs []string) []string {
	var all []string
	for _, glob := range globs {
		all = append(all, globPattern(glob))
	}
	return all
}

// pathPatterns returns the regular expressions of globs of paths. One without a wildcard is a file or a folder.
func pathPatterns(globs []string) []string {
	var all []string
	for _, glob := range globs {
		pattern := globPattern(strings.TrimSuffix(glob, "/"))
		if strings.HasSuffix(glob, "/") || !strings.ContainsAny(glob, "*?") {
			pattern += "(/.*)?"
		}
		all = append(all, pattern)
	}
	return all
}

var globPart = regexp.MustCompile(`\*\*/|\*\*|\*|\?|\\.|[^*?\\]+`)

// globPattern returns the regular expression of a glob, without anchors.
func globPattern(glob string) string {
	return globPart.ReplaceAllStringFunc(glob, func(part string) string {
		switch part {
		case "**/":
			return "(.*/)?"
		case "**":
			return ".*"
		case "*":
			return "[^/]*"
		case "?":
			return "[^/]"
		}
		return regexp.QuoteMeta(strings.TrimPrefix(part, `\`))
	})
}

// globQuote returns the glob that matches only the text.
func globQuote(text string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, `\`, `\\`).Replace(text)
}

// validateWebhook checks the globs. CodeBuild's own filters are checked by the construct.
func validateWebhook(found *validation.Problems, key string, b BuildConfig) {
	if w := b.Webhook; w != nil {
		if w.Filters != nil && (w.Branches != nil || w.Tags != nil || w.Paths != nil || b.PullRequestTargets != nil) {
			found.Add(key+".webhook.filters", "cannot be combined with branches, tags, paths or pullRequestTargets", "keep the filters, or the other keys")
		}
		if w.Branches != nil && len(w.Branches) == 0 && len(w.Tags) == 0 && !b.startsPullRequests() {
			found.Add(key+".webhook.branches", "is empty, so no push starts a build", "list a branch, or set webhook to false")
		}
		validateGlobs(found, key+".webhook.branches", w.Branches)
		validateGlobs(found, key+".webhook.tags", w.Tags)
		validateGlobs(found, key+".webhook.paths", w.Paths)
		if w.Paths != nil && len(w.Paths) == 0 {
			found.Add(key+".webhook.paths", "is empty, so no file starts a build", "list a path, or leave it out for all files")
		}
	}
	validateGlobs(found, key+".pullRequestTargets", b.PullRequestTargets)
}

func validateGlobs(found *validation.Problems, key string, globs []string) {
	for i, glob := range globs {
		add := func(wrong, fix string) { found.Add(fmt.Sprintf("%s[%d]", key, i), wrong, fix) }
		switch {
		case glob == "" || strings.ContainsAny(glob, "\n\r\t "):
			add(fmt.Sprintf("%q has the wrong form", glob), "give a name or a path, with * for any text")
		case strings.HasPrefix(glob, "refs/"):
			add(fmt.Sprintf("%q is a full ref", glob), "leave out refs/heads/ and refs/tags/")
		case strings.HasPrefix(glob, "/") || strings.HasPrefix(glob, "./"):
			name := strings.TrimLeft(strings.TrimPrefix(glob, "."), "/")
			add(fmt.Sprintf("%q does not start with a name", glob), fmt.Sprintf("write %q; paths start at the root of the repository", orDefault(name, "**")))
		case strings.HasPrefix(glob, "^") || strings.ContainsAny(glob, `!()[]{}|\$`):
			add(fmt.Sprintf("%q has characters of a regular expression", glob), "use only *, ** and ?, or write the regular expression in webhook.filters")
		}
	}
}
