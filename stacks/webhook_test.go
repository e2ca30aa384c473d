package stacks

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGlobsOfPaths(t *testing.T) {
	for glob, c := range map[string]struct{ yes, no []string }{
		"api/**":                {[]string{"api/main.go", "api/v1/a.go"}, []string{"api", "apis/main.go", "web/api/main.go"}},
		"api":                   {[]string{"api", "api/main.go", "api/v1/a.go"}, []string{"apis", "web/api"}},
		"api/":                  {[]string{"api/main.go"}, []string{"apis/main.go"}},
		"go.mod":                {[]string{"go.mod"}, []string{"goXmod", "tools/go.mod"}},
		"*.go":                  {[]string{"main.go"}, []string{"api/main.go", "main.gox"}},
		"**/*.go":               {[]string{"main.go", "api/v1/main.go"}, []string{"main.gox"}},
		"services/*/Dockerfile": {[]string{"services/api/Dockerfile"}, []string{"services/Dockerfile", "services/a/b/Dockerfile"}},
		"v?.txt":                {[]string{"v1.txt"}, []string{"v.txt", "v12.txt", "v/.txt"}},
		"a+b (1)":               {[]string{"a+b (1)"}, []string{"aab (1)"}},
	} {
		pattern := regexp.MustCompile(*condition("FILE_PATH", "^", pathPatterns([]string{glob, "other"})).Pattern)
		for _, path := range append(c.yes, "other") {
			assert.True(t, pattern.MatchString(path), "%s: %s matches %s", glob, pattern, path)
		}
		for _, path := range c.no {
			assert.False(t, pattern.MatchString(path), "%s: %s does not match %s", glob, pattern, path)
		}
	}
}

// groupsOf returns the filter groups of a build as lines.
func groupsOf(b BuildConfig, pullRequests bool) []string {
	var lines []string
	for _, group := range *b.webhook(pullRequests).Filters {
		line := fmt.Sprint(*group.Events)
		for _, c := range *group.Conditions {
			line += fmt.Sprintf(" %s %s", c.Type, *c.Pattern)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestEventsThatStartBuilds(t *testing.T) {
	const pulls = "[PULL_REQUEST_CREATED PULL_REQUEST_UPDATED]"
	for name, c := range map[string]struct {
		build BuildConfig
		want  []string
	}{
		"a webhook alone": {
			BuildConfig{Webhook: &WebhookConfig{}},
			[]string{"[PUSH] HEAD_REF ^refs/heads/main$", pulls},
		},
		"the branch of the cache, which may look like a glob": {
			BuildConfig{FallbackBranch: "release/1.*", Webhook: &WebhookConfig{}},
			[]string{`[PUSH] HEAD_REF ^refs/heads/release/1\.\*$`, pulls},
		},
		"branches": {
			BuildConfig{FallbackBranch: "trunk", Webhook: &WebhookConfig{Branches: []string{"trunk", "release/*"}}},
			[]string{"[PUSH] HEAD_REF ^refs/heads/(trunk|release/[^/]*)$", pulls},
		},
		"only tags": {
			BuildConfig{Webhook: &WebhookConfig{Branches: []string{}, Tags: []string{"v*"}}},
			[]string{"[PUSH] HEAD_REF ^refs/tags/v[^/]*$", pulls},
		},
		"paths, which are of branches and pull requests": {
			BuildConfig{Webhook: &WebhookConfig{Tags: []string{"v1"}, Paths: []string{"api/**"}}},
			[]string{"[PUSH] HEAD_REF ^refs/heads/main$ FILE_PATH ^api/.*$", "[PUSH] HEAD_REF ^refs/tags/v1$", pulls + " FILE_PATH ^api/.*$"},
		},
		"pull requests into some branches": {
			BuildConfig{PullRequestTargets: []string{"main"}, Webhook: &WebhookConfig{Paths: []string{"a"}}},
			[]string{"[PUSH] HEAD_REF ^refs/heads/main$ FILE_PATH ^a(/.*)?$", pulls + " BASE_REF ^refs/heads/main$ FILE_PATH ^a(/.*)?$"},
		},
		"CodeBuild's own filters": {
			BuildConfig{Webhook: &WebhookConfig{Filters: []FilterConfig{
				{Events: []string{"PUSH", "PULL_REQUEST_MERGED"}, Conditions: []ConditionConfig{{Type: "HEAD_REF", Pattern: "main"}}},
				{Events: []string{"PULL_REQUEST_CREATED"}},
			}}},
			[]string{"[PUSH PULL_REQUEST_MERGED] HEAD_REF main", "[PULL_REQUEST_CREATED]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, groupsOf(c.build, true))
			for _, line := range groupsOf(c.build, false) {
				assert.NotContains(t, line, "PULL_REQUEST_", "a place without pull requests")
			}
		})
	}
}

func TestAPlaceWithoutPullRequestsHasNoWebhookOfThemAlone(t *testing.T) {
	config := (&Config{Build: BuildPlace{PullRequests: jsii.Bool(false)}, Builds: []BuildConfig{
		{Name: "pulls", Webhook: &WebhookConfig{Branches: []string{}}},
		{Name: "pushes", Webhook: &WebhookConfig{}},
	}}).WithDefaults()
	builds := config.builds(config.places()[0], config.Builds)
	assert.Nil(t, builds["pulls"].Triggers.Webhook)
	assert.Nil(t, builds["pulls"].PullRequests)
	assert.NotNil(t, builds["pushes"].Triggers.Webhook)
}

func TestABuildStartsPullRequests(t *testing.T) {
	no, yes := jsii.Bool(false), jsii.Bool(true)
	enterprise := SourceConfig{GitHubEnterprise: "https://github.example.com/a/b.git"}
	filters := func(event string) *WebhookConfig {
		return &WebhookConfig{Filters: []FilterConfig{{Events: []string{event}}}}
	}
	for name, c := range map[string]struct {
		build BuildConfig
		want  bool
	}{
		"without a webhook":                                {BuildConfig{}, false},
		"with a webhook":                                   {BuildConfig{Webhook: &WebhookConfig{}}, true},
		"with a webhook that is off":                       {BuildConfig{Webhook: &WebhookConfig{Enabled: no}}, false},
		"with pull requests off":                           {BuildConfig{Webhook: &WebhookConfig{}, PullRequests: no}, false},
		"with filters of pushes":                           {BuildConfig{Webhook: filters("PUSH")}, false},
		"with filters of pull requests":                    {BuildConfig{Webhook: filters("PULL_REQUEST_CREATED")}, true},
		"at GitHub Enterprise, where webhooks are by hand": {BuildConfig{Source: enterprise, PullRequests: yes}, true},
		"at GitHub Enterprise without the key":             {BuildConfig{Source: enterprise}, false},
	} {
		assert.Equal(t, c.want, c.build.startsPullRequests(), name)
	}
}

func TestADashboardShowsAtMostAHundredApps(t *testing.T) {
	off := jsii.Bool(false)
	config := &Config{Name: "team", Build: BuildPlace{PullRequests: off}, Dashboard: &DashboardConfig{Name: "caches", Alarms: &AlarmsConfig{Enabled: off}}}
	for i := range maxAppsOfDashboard + 1 {
		config.Builds = append(config.Builds, BuildConfig{App: fmt.Sprintf("app-%d", i)})
	}
	config.Builds = append(config.Builds, BuildConfig{App: "app-0"}, BuildConfig{App: "elsewhere", MetricsNamespace: "other"})
	var names []string
	for _, stack := range config.addDashboards(awscdk.NewApp(nil), config.places()[0]) {
		names = append(names, *stack.StackName())
	}
	assert.Equal(t, []string{"team-dashboard", "team-dashboard-2"}, names)
	apps := config.appsOfDashboard()
	require.Len(t, apps, maxAppsOfDashboard+1)
	assert.NotContains(t, strings.Join(apps, " "), "elsewhere")
}
