package deployment

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
)

// Tag returns the tag of the image whose inputs have the content. A deployment takes an image with this tag
// instead of building it.
func Tag(content []byte) string {
	sum := sha256.Sum256(content)
	return "deploy-" + hex.EncodeToString(sum[:16])
}

// tagForm matches the result of Tag, and the tags of the platforms' images that are joined under it.
var tagForm = regexp.MustCompile(`^deploy-[0-9a-f]{32}(?:-|$)`)

// IsTag reports whether a deployment would take an image with this tag for its own, or join it into its own.
func IsTag(tag string) bool { return tagForm.MatchString(tag) }
