// Package lifecycle writes Amazon ECR lifecycle policies from typed rules, in the one JSON form that
// repositories and repository creation templates share.
//
// ECR's rules are described in
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html.
// Two of ECR's rules matter here. Only the first rule that selects an image applies to it, so the same images
// cannot have both an age limit and a count limit. And ECR cannot expire images by the time since their last
// pull: it can only archive them, and expire them by the time since they were archived. An archived image
// cannot be pulled and is billed for at least 90 days, so RenderCache refuses archive rules for caches.
package lifecycle

// TagStatus selects images by whether they have a tag.
type TagStatus string

const (
	// Untagged selects images without a tag: manifests whose tag has moved to a newer push.
	Untagged TagStatus = "untagged"
	// Tagged selects images whose tag matches Rule.TagPatterns.
	Tagged TagStatus = "tagged"
	// Any selects every image that no earlier rule selects. Only the last rule can have it, or the last one
	// before rules with MaxDaysSinceTransition.
	Any TagStatus = "any"
)

// Rule expires or archives images. Its priority is its place in the list. Exactly one of MaxCount,
// MaxDaysSincePush, MaxDaysSincePull and MaxDaysSinceTransition must be set.
type Rule struct {
	// Description is shown in the ECR console.
	// Default: none.
	Description *string

	// TagStatus selects images by whether they have a tag.
	// Default: Any.
	TagStatus TagStatus

	// TagPatterns selects images that match every one of these patterns; "*" stands for any text, at most
	// four times in a pattern. Required with Tagged, refused otherwise.
	// Default: none.
	TagPatterns *[]*string

	// MaxCount is the number of selected images to keep, newest pushes first. The others expire.
	// Default: none.
	MaxCount *float64

	// MaxDaysSincePush is the age in days, counted from the push, after which images expire.
	// Default: none.
	MaxDaysSincePush *float64

	// MaxDaysSincePull is the number of days without a pull after which images are archived. ECR cannot
	// expire images by last pull. Refused for caches.
	// Default: none.
	MaxDaysSincePull *float64

	// MaxDaysSinceTransition is the number of days in the archive after which images expire: at least 90.
	// Refused for caches.
	// Default: none.
	MaxDaysSinceTransition *float64
}
