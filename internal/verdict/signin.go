package verdict

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// SignIns has the error of each sign-in that failed, by the registry's host.
type SignIns map[string]string

// signInCauses maps the errors of the AWS SDK to descriptions, and to what to do. The first pattern that matches wins.
var signInCauses = []struct {
	pattern     *regexp.Regexp
	description string
	help        Help
}{
	{regexp.MustCompile(`AssumeRole`), "the role could not be assumed",
		Help{"let this identity assume the role in LAYERCACHE_REPOSITORY_ROLE", "role"}},
	{regexp.MustCompile(`ExpiredToken|[Tt]oken (?:is|has) expired|expired SSO|refresh cached SSO token`), "the AWS credentials have expired",
		Help{"sign in to AWS again, such as with `aws sso login`", "no-credentials"}},
	{regexp.MustCompile(`UnrecognizedClient|InvalidClientTokenId|InvalidSignature|security token included in the request is invalid`), "AWS does not accept the credentials",
		Help{"correct AWS_PROFILE or the access key", "no-credentials"}},
	{regexp.MustCompile(`AccessDenied|not authorized`), "ecr:GetAuthorizationToken is not allowed",
		Help{"allow this identity ecr:GetAuthorizationToken", "sign-in-denied"}},
	{regexp.MustCompile(`get credentials|IMDS role|no EC2 IMDS|static credentials are empty|shared config profile`), "there are no AWS credentials",
		Help{"sign in to AWS, such as with `aws sso login`, and set AWS_PROFILE; in CodeBuild the project's role is used", "no-credentials"}},
}

// explainSignIn describes the error of a sign-in, and what to do about it.
func explainSignIn(problem string) (string, Help) {
	for _, cause := range signInCauses {
		if cause.pattern.MatchString(problem) {
			return cause.description, cause.help
		}
	}
	return explain(problem)
}

// of returns the error of the sign-in to the registry of an image or a cache; empty if it did not fail.
func (s SignIns) of(ref string) string {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return ""
	}
	return s[parsed.Context().RegistryStr()]
}

// Explain describes the error of an import or export of the cache at ref, and what to do about it. A sign-in that failed
// before is the cause of all of them.
func (s SignIns) Explain(ref, problem string) (string, Help) {
	if failed := s.of(ref); failed != "" {
		cause, help := explainSignIn(failed)
		return "the sign-in to the registry failed: " + cause, help
	}
	return explain(problem)
}

// ofImage describes the error of the pull or push of an image, and what to do about it: about the network if that is at
// fault, else otherwise.
func (s SignIns) ofImage(image, problem string, otherwise Help) (string, Help) {
	if failed := s.of(image); failed != "" {
		cause, help := explainSignIn(failed)
		return "the sign-in to its registry failed: " + cause, help
	}
	for _, cause := range causes {
		if !cause.pattern.MatchString(problem) {
			continue
		}
		if slices.Contains(ofNetwork, cause.help.Anchor) {
			otherwise = cause.help
		}
		return cmp.Or(cause.ofImage, cause.description), otherwise
	}
	return strings.Join(strings.Fields(problem), " "), otherwise
}

// ofNetwork are the anchors of the causes that are the same for an image and a cache.
var ofNetwork = []string{"no-answer", "connection-refused", "dns", "tls", "throttled", "registry-failed"}
