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

// signatureProvided matches the signature in S3's answer to a wrong one. JSON writes < and > as \u003c and \u003e.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var signatureProvided = regexp.MustCompile(`(SignatureProvided(?:>|\\u003e))[A-Za-z0-9%/+_.~=-]+`)

// Redact removes the signatures from the URLs in a text. The text may be JSON.
func Redact(text string) string {
	if strings.Contains(text, "ignature=") || strings.Contains(text, "sig=") || strings.Contains(text, "X-Amz-") {
		text = signatures.ReplaceAllString(text, "$1$2=REDACTED")
	}
	if strings.Contains(text, "SignatureProvided") {
		text = signatureProvided.ReplaceAllString(text, "${1}REDACTED")
	}
	return text
}
