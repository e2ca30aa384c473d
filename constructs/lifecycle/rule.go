// Package lifecycle writes Amazon ECR lifecycle policies from typed rules, in
// the one JSON form that repositories and repository creation templates share.
//
// ECR's rules are described in
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html.
// Two of them shape this package. An image is judged by the first rule that
// selects it and by no later one, so an age and a count cannot both bound the
// same images. And ECR refuses to expire by the time of the last pull: that
// count type only moves images to the archive, from where the time since they
// came there expires them. Nothing can pull an archived image and each one is
// billed for at least 90 days, which suits images that have to be kept and
// never suits a cache: RenderCache refuses it.
package lifecycle

// TagStatus says which images a rule selects by their tags.
type TagStatus string

const (
	// Untagged images: manifests that a newer push took the tag from.
	Untagged TagStatus = "untagged"
	// Tagged images, narrowed by Rule.TagPatterns.
	Tagged TagStatus = "tagged"
	// Any image that no earlier rule selects. Only the last rule can have it,
	// or the last one before rules with MaxDaysSinceTransition.
	Any TagStatus = "any"
)

// Rule expires or archives images. Its priority is its place in the list.
// Exactly one of MaxCount, MaxDaysSincePush, MaxDaysSincePull and
// MaxDaysSinceTransition is needed.
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

	// MaxCount keeps so many of the selected images, the newest by push, and
	// expires the others.
	// Default: none.
	MaxCount *float64

	// MaxDaysSincePush expires images pushed longer ago than so many days.
	// Default: none.
	MaxDaysSincePush *float64

	// MaxDaysSincePull archives images that nobody has pulled for so many days.
	// ECR cannot expire them. Refused for caches.
	// Default: none.
	MaxDaysSincePull *float64

	// MaxDaysSinceTransition expires images that were archived longer ago than
	// so many days: at least 90. Refused for caches.
	// Default: none.
	MaxDaysSinceTransition *float64
}
