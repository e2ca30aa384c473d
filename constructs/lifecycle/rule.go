// Package lifecycle writes Amazon ECR lifecycle policies from typed rules, in
// the one JSON form that repositories and repository creation templates share.
//
// ECR's rules are described in
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html.
// Two of them shape this package. An image is judged by the first rule that
// selects it and by no later one, so an age and a count cannot both bound the
// same images. And ECR refuses to expire by the time of the last pull: that
// count type only moves images to the archive, where nothing can pull them and
// every one is billed for at least 90 days, so no rule here does it.
package lifecycle

import "github.com/aws/jsii-runtime-go"

// TagStatus says which images a rule selects by their tags.
type TagStatus string

const (
	// Untagged images: manifests that a newer push took the tag from.
	Untagged TagStatus = "untagged"
	// Tagged images, narrowed by Rule.TagPatterns.
	Tagged TagStatus = "tagged"
	// Any image that no earlier rule selects. Only the last rule can have it.
	Any TagStatus = "any"
)

// Rule expires images. Its priority is its place in the list.
type Rule struct {
	// Description is shown in the ECR console.
	// Default: none.
	Description *string

	// TagStatus selects images by whether they have a tag.
	// Default: Any.
	TagStatus TagStatus

	// TagPatterns selects images that match every one of these patterns;
	// "*" stands for any text, at most four times in a pattern. Needed with
	// Tagged, refused otherwise.
	// Default: none.
	TagPatterns *[]*string

	// MaxDaysSincePush expires images pushed longer ago than so many days.
	// Exactly one of MaxDaysSincePush and MaxCount is needed.
	// Default: none.
	MaxDaysSincePush *float64

	// MaxCount keeps so many of the selected images, the newest by push.
	// Default: none.
	MaxCount *float64
}

// CacheRules are the rules for layer caches. Every export of a cache leaves the
// manifest before it untagged: those go after a day. A tagged cache goes when
// nothing has been written to it for 30 days, which is what an abandoned branch
// looks like; a cache that is read but never changes is written anew by one
// cold build a month.
func CacheRules() *[]*Rule {
	return &[]*Rule{
		{
			Description:      jsii.String("Expire cache manifests that a newer export replaced"),
			TagStatus:        Untagged,
			MaxDaysSincePush: jsii.Number(1),
		},
		{
			Description:      jsii.String("Expire caches that no build has written to"),
			TagStatus:        Any,
			MaxDaysSincePush: jsii.Number(30),
		},
	}
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
