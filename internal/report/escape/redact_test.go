package escape

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The values are made up.
const signed = "https://store.s3.eu-west-1.amazonaws.com/layer?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Security-Token=IQoJb3JpZ2lu%2BX%2F%3D&X-Amz-Credential=ASIAX%2F20260101&X-Amz-Expires=3600&X-Amz-Signature=0123456789abcdef"

func TestRedact(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"text without a URL stays", "design=big signature", "design=big signature"},
		{"a signed URL of S3", `Get "` + signed + `": refused`,
			`Get "https://store.s3.eu-west-1.amazonaws.com/layer?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Security-Token=REDACTED&X-Amz-Credential=REDACTED&X-Amz-Expires=3600&X-Amz-Signature=REDACTED": refused`},
		{"a signed URL of Google", "https://x/y?X-Goog-Credential=a%40b.iam&X-Goog-Signature=0123456789abcdef", "https://x/y?X-Goog-Credential=REDACTED&X-Goog-Signature=REDACTED"},
		{"a signed URL of CloudFront", "https://x/y?Expires=1&Signature=abcdefgh~_&Key-Pair-Id=K", "https://x/y?Expires=1&Signature=REDACTED&Key-Pair-Id=K"},
		{"a signed URL of Azure", "https://x/y?se=2026&sig=abcdefgh%3D: 403", "https://x/y?se=2026&sig=REDACTED: 403"},
		{"a token without a signature", "host:x X-Amz-Security-Token=IQoJb3JpZ2lu", "host:x X-Amz-Security-Token=REDACTED"},
		{"the answer of S3 to a wrong signature", "403 Forbidden: <SignatureProvided>0123456789abcdef</SignatureProvided>", "403 Forbidden: <SignatureProvided>REDACTED</SignatureProvided>"},
		{"a short value is not a signature", "make sig=abc", "make sig=abc"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, Redact(c.text))
			assert.Equal(t, c.want, Line(c.text))
			assert.Equal(t, c.want, Output(c.text))
			quoted, err := json.Marshal(c.text)
			require.NoError(t, err)
			var text string
			require.NoError(t, json.Unmarshal([]byte(Redact(string(quoted))), &text), "JSON stays JSON")
			assert.Equal(t, c.want, text)
		})
	}
}
