package escape

import (
	"regexp"
	"strings"
)

// signatures matches the secret parameters of signed URLs. Registries redirect pulls to such URLs of their
// storage, and BuildKit's errors quote them. JSON writes & as \u0026.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
var signatures = regexp.MustCompile(`(\b|\\u0026)(X-Amz-(?:Signature|Security-Token|Credential)|X-Goog-(?:Signature|Credential)|Signature|sig)=[A-Za-z0-9%/+_.~=-]{8,}`)

// Redact removes the signatures from the URLs in a text. The text may be JSON.
func Redact(text string) string {
	if !strings.Contains(text, "ignature=") && !strings.Contains(text, "sig=") {
		return text
	}
	return signatures.ReplaceAllString(text, "$1$2=REDACTED")
}
