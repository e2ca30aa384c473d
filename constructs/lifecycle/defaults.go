package lifecycle

import "github.com/aws/jsii-runtime-go"

// CacheRules are the rules for layer caches. Every export of a cache leaves the
// manifest before it untagged: those go after a day. A tagged cache goes when
// nothing has been written to it for 30 days, which is what an abandoned branch
// looks like; a cache that is read but never changes is written anew by one
// cold build a month. The record of its steps, a few kilobytes, stays for 120
// days, so that a build can tell a cache that has expired from one that was
// never written.
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

// SharedRules are the rules for a repository that holds images beside caches.
// They are CacheRules for untagged manifests, for records and for the tags that
// match one of the patterns; images with other tags stay.
func SharedRules(cacheTags *[]*string) *[]*Rule {
	rules := (*CacheRules())[:2]
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

// ImageRules are the rules for the images that builds produce: tagged images
// stay, untagged ones go after a week.
func ImageRules() *[]*Rule {
	return &[]*Rule{{
		Description:      jsii.String("Expire images that have lost their tag"),
		TagStatus:        Untagged,
		MaxDaysSincePush: jsii.Number(7),
	}}
}

// PullThroughRules are the rules for images cached from an upstream registry.
// Tags do not matter there, as Dockerfiles that name a digest leave none; what
// has expired is fetched again by the next pull.
func PullThroughRules() *[]*Rule {
	return &[]*Rule{{
		Description:      jsii.String("Expire cached upstream images; the next pull fetches them again"),
		TagStatus:        Any,
		MaxDaysSincePush: jsii.Number(30),
	}}
}
