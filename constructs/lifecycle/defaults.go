package lifecycle

import "github.com/aws/jsii-runtime-go"

// CacheRules returns the rules for layer caches. Each export leaves the previous manifest untagged: it
// expires after a day. A tagged cache expires 30 days after its manifest was pushed, as on an abandoned
// branch. A build that may write the cache and finds it up to date pushes the manifest again after 3 days,
// with another annotation, because ECR keeps the date of a manifest that it already has. So only a cache that
// no build may write is rewritten by one cold build a month. Cache mounts expire in the same way, if no build
// uses them. The record next to a cache, a few kilobytes, expires after 120 days, so a build can distinguish
// an expired cache from one that never existed.
func CacheRules() *[]*Rule {
	return &[]*Rule{
		{
			Description:      jsii.String("Expire cache manifests that a newer export replaced"),
			TagStatus:        Untagged,
			MaxDaysSincePush: jsii.Number(1),
		},
		{
			Description:      jsii.String("Expire records of caches that have long expired"),
			TagStatus:        Tagged,
			TagPatterns:      jsii.Strings("*--steps"),
			MaxDaysSincePush: jsii.Number(120),
		},
		{
			Description:      jsii.String("Expire caches that no build has written to"),
			TagStatus:        Any,
			MaxDaysSincePush: jsii.Number(30),
		},
	}
}

// SharedRules returns the rules for a repository that holds both images and caches: CacheRules for untagged
// manifests, for records, for cache mounts and for tags that match one of the patterns. Images with other tags
// never expire.
func SharedRules(cacheTags *[]*string) *[]*Rule {
	rules := append((*CacheRules())[:2], &Rule{
		Description:      jsii.String("Expire cache mounts that no build has written to"),
		TagStatus:        Tagged,
		TagPatterns:      jsii.Strings("*--mount--*"),
		MaxDaysSincePush: jsii.Number(30),
	})
	for _, pattern := range *cacheTags {
		rules = append(rules, &Rule{
			Description:      jsii.String("Expire caches that no build has written to"),
			TagStatus:        Tagged,
			TagPatterns:      &[]*string{pattern},
			MaxDaysSincePush: jsii.Number(30),
		})
	}
	return &rules
}

// ImageRules returns the rules for the images that builds produce: untagged images expire after a week,
// tagged ones never.
func ImageRules() *[]*Rule {
	return &[]*Rule{{
		Description:      jsii.String("Expire images that have lost their tag"),
		TagStatus:        Untagged,
		MaxDaysSincePush: jsii.Number(7),
	}}
}

// PullThroughRules returns the rules for images cached from an upstream registry. They ignore tags, because
// images pulled by digest have none. The next pull fetches an expired image again.
func PullThroughRules() *[]*Rule {
	return &[]*Rule{{
		Description:      jsii.String("Expire cached upstream images; the next pull fetches them again"),
		TagStatus:        Any,
		MaxDaysSincePush: jsii.Number(30),
	}}
}
