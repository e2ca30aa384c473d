package deployment

import (
	"bytes"
	"encoding/json"
	"strings"
)

// The values of Answer.Status.
const (
	success = "SUCCESS"
	failed  = "FAILED"
)

// maxAnswer is the largest answer in bytes that CloudFormation accepts.
const maxAnswer = 4096

// maxPart is the number of bytes of one part of a text. The rest of an answer has room beside two of them.
const maxPart = 1000

// Answer is an answer to CloudFormation:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html.
type Answer struct {
	Status             string
	Reason             string `json:",omitempty"`
	PhysicalResourceId string
	StackId            string
	RequestId          string
	LogicalResourceId  string
	// Data are the attributes of the resource, which Fn::GetAtt returns.
	Data map[string]string `json:",omitempty"`
}

// The attributes of the resource.
const (
	// DigestAttribute is the digest of the image, sha256:….
	DigestAttribute = "ImageDigest"
	// HexAttribute is the digest without "sha256:", because the CDK recognizes a digest by this prefix, which
	// it cannot see in a value that CloudFormation fills in.
	HexAttribute = "ImageDigestHex"
	// URIAttribute is HOST/NAME@DIGEST.
	URIAttribute = "ImageUri"
	// TagAttribute is the tag that the image got for this deployment.
	TagAttribute = "ImageTag"
	// VerdictAttribute is what the cache did, or that no build was needed.
	VerdictAttribute = "Verdict"
)

// Succeeded returns the answer for an image that exists. verdict says what the cache did.
func (t Ticket) Succeeded(digest, verdict string) Answer {
	verdict = shorten(verdict, maxPart)
	a := t.answer(success, verdict)
	a.Data = map[string]string{
		DigestAttribute: digest, HexAttribute: strings.TrimPrefix(digest, "sha256:"), URIAttribute: t.Image + "@" + digest,
		TagAttribute: t.Tag, VerdictAttribute: verdict,
	}
	return a
}

// Deleted returns the answer to a request to delete the resource.
func (t Ticket) Deleted() Answer { return t.answer(success, "") }

// Failure is why there is no image.
type Failure struct {
	// Summary says what failed.
	Summary string
	// Log are the last lines that the failed step printed. The first are left out if they are too long.
	Log []string
	// Place is where to read more.
	Place string
}

// Failed returns the answer for an image that could not be built.
func (t Ticket) Failed(why Failure) Answer {
	why.Summary, why.Place = shorten(why.Summary, maxPart), shorten(why.Place, maxPart)
	for {
		parts := append([]string{why.Summary}, why.Log...)
		if why.Place != "" {
			parts = append(parts, why.Place)
		}
		a := t.answer(failed, strings.Join(parts, "\n"))
		if len(why.Log) == 0 || len(a.body()) <= maxAnswer {
			return a
		}
		why.Log = why.Log[1:]
	}
}

func (t Ticket) answer(status, reason string) Answer {
	return Answer{
		Status: status, Reason: reason,
		PhysicalResourceId: t.PhysicalID, StackId: t.StackID, RequestId: t.RequestID, LogicalResourceId: t.LogicalID,
	}
}

// body returns the answer as JSON. It writes <, > and & as they are, which would otherwise take six bytes each.
func (a Answer) body() []byte {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(a) // Strings are always valid JSON.
	return bytes.TrimSpace(body.Bytes())
}

// shorten cuts the text so that it has at most limit bytes as JSON.
func shorten(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	size := 0
	for i, character := range text {
		quoted, _ := json.Marshal(string(character))
		if size += len(quoted) - len(`""`); size > limit {
			return text[:i] + "…"
		}
	}
	return text
}
