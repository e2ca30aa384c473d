package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"

	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/constructs/validation"
)

// prewarm returns the props of the project that pulls base images in a place, or nil.
func (c *Config) prewarm(p place) *pullthrough.PrewarmProps {
	w := c.PullThrough.Prewarm
	if w == nil || !c.pullThroughEnabled(p) {
		return nil
	}
	props := &pullthrough.PrewarmProps{Images: list(w.Images), Timeout: minutes(w.TimeoutMinutes), HelperZip: optional(w.HelperZip)}
	if w.Schedule != "" {
		props.Schedule = awsevents.Schedule_Expression(&w.Schedule)
	}
	if w.LogRetentionDays != nil {
		props.LogRetention = retention[*w.LogRetentionDays]
	}
	return props
}

// validatePrewarm checks what does not depend on the upstreams. The construct checks the images.
func (c *Config) validatePrewarm(found *validation.Problems) {
	const key = "layercache.pullThrough.prewarm"
	w := c.PullThrough.Prewarm
	if w == nil {
		return
	}
	if !*orTrue(c.PullThrough.Enabled) {
		found.Add(key, "has no effect without the pull-through cache", "leave it out, or set enabled of pullThrough to true")
	}
	if c.PullThrough.Existing {
		found.Add(key, "is not for rules that another configuration creates", "leave it out, and set prewarm in the configuration that creates them")
	}
	if len(w.Images) == 0 {
		found.Add(key+".images", "is empty", "name images, such as golang:1.26")
	}
	validateSchedule(found, key+".schedule", w.Schedule)
	validateRetention(found, key+".logRetentionDays", w.LogRetentionDays)
	if n := w.TimeoutMinutes; n != nil && (*n < 5 || *n > 2160) {
		found.Add(key+".timeoutMinutes", fmt.Sprintf("%v minutes is out of CodeBuild's range", *n), "give 5 to 2160 minutes")
	}
}
