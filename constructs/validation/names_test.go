package validation_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/validation"
)

func TestNames(t *testing.T) {
	names := validation.Names{
		"Tags": "tags", "Dockerfile": "dockerfile", "Build.Secrets": "secrets", "Build.CrossCompile": "crossCompile",
		"Timeout": "timeoutMinutes", "Image": "imageRepository",
		"PullRequests": "pullRequests", "PullRequests.Tags": "pullRequestTags",
		"Triggers.Webhook": "webhook", "Triggers.Webhook.Filters": "webhook.filters", "Triggers.Webhook.Filters.Conditions": "webhook.filters.conditions",
	}
	for prop, want := range map[string]string{
		"Tags[0]":                     "tags[0]",
		"Timeout":                     "timeoutMinutes",
		`Build.Secrets["a.b\"[0]"]`:   `secrets["a.b\"[0]"]`,
		"PullRequests.Tags[1]":        "pullRequestTags[1]",
		"Triggers.Webhook.Filters[1]": "webhook.filters[1]",
		"Triggers.Webhook.Filters[1].Conditions[2].Type": "webhook.filters[1].conditions[2].Type",
		"Other": "Other",
		"":      "",
	} {
		assert.Equal(t, want, names.Path(prop))
	}
	for text, want := range map[string]string{
		"set CrossCompile, or leave it out":                   "set crossCompile, or leave it out",
		"has no effect without Build.Secrets":                 "has no effect without secrets",
		"set PullRequests.Tags; Tags is another":              "set pullRequestTags; tags is another",
		`"Tags" has the wrong form`:                           `"Tags" has the wrong form`,
		`"say \"Tags\"" and Tags`:                             `"say \"Tags\"" and tags`,
		"the Dockerfile compiles; MoreTags, Tagsy, an Images": "the Dockerfile compiles; MoreTags, Tagsy, an Images",
		"is set by Dockerfile":                                "is set by dockerfile",
		"--tag is set by Tags":                                "--tag is set by tags",
	} {
		assert.Equal(t, want, names.Text(text))
	}
	assert.Equal(t, "Build.Secrets", validation.Names(nil).Path("Build.Secrets"))
	assert.Equal(t, "set Tags", validation.Names(nil).Text("set Tags"))
}
