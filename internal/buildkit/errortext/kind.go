package errortext

import "regexp"

// NoAnswer is the error of a cache that did not answer within LAYERCACHE_CACHE_TIMEOUT. It is layercache's own, and stands
// where BuildKit's error would.
const NoAnswer = "the cache gave no answer, or too slow an answer, within LAYERCACHE_CACHE_TIMEOUT"

// Kind is what is wrong with a registry, or with a sign-in to it.
type Kind int

// The kinds.
const (
	Unknown Kind = iota
	// TimedOut is NoAnswer.
	TimedOut
	ConnectionRefused
	DNS
	TLS
	Unauthorized
	Denied
	Throttled
	// Failed is an answer from 500 to 599.
	Failed
	Interrupted
	// TooLarge is a cache with more steps than BuildKit reads.
	TooLarge
	Cancelled
	// Slow is a timeout of BuildKit's or of the connection.
	Slow
	Corrupt
	BadRequest
	// The rest are errors of the AWS SDK while signing in.
	RoleNotAssumed
	ExpiredCredentials
	WrongCredentials
	SignInDenied
	NoCredentials
)

// known is the text by which a kind is recognised.
type known struct {
	pattern *regexp.Regexp
	kind    Kind
}

// ofRegistry has the specific patterns first, because the first that matches wins.
var ofRegistry = []known{
	{regexp.MustCompile(`connection refused`), ConnectionRefused},
	{regexp.MustCompile(`no such host|name resolution|server misbehaving`), DNS},
	{regexp.MustCompile(`x509|certificate|tls: |HTTP response to HTTPS client`), TLS},
	{regexp.MustCompile(`(?i)\b401\b|unauthorized|no basic auth|authentication required`), Unauthorized},
	{regexp.MustCompile(`(?i)\b403\b|forbidden|denied`), Denied},
	{regexp.MustCompile(`(?i)\b429\b|too ?many ?requests|throttling|rate exceeded|slow ?down`), Throttled},
	{regexp.MustCompile(`\b5\d\d\b|(?i)\bunavailable: service unavailable`), Failed},
	{regexp.MustCompile(`(?i)connection reset|broken pipe|\bEOF\b|short read|server closed idle connection`), Interrupted},
	{regexp.MustCompile(`is too large \(\d+ > \d+\)`), TooLarge},
	{regexp.MustCompile(`context canceled$`), Cancelled},
	{regexp.MustCompile(`(?i)timeout|deadline exceeded`), Slow},
	{regexp.MustCompile(`(?i)digest mismatch|failed to decode|invalid character|unexpected digest|unexpected commit digest|unexpected end of JSON|failed size validation|no processor for media-type|Requested Range Not Satisfiable`), Corrupt},
	{regexp.MustCompile(`(?i)\b400\b|bad request`), BadRequest},
}

// ofSignIn has the patterns of the AWS SDK's errors. The first that matches wins.
var ofSignIn = []known{
	{regexp.MustCompile(`AssumeRole`), RoleNotAssumed},
	{regexp.MustCompile(`ExpiredToken|[Tt]oken (?:is|has) expired|expired SSO|refresh cached SSO token`), ExpiredCredentials},
	{regexp.MustCompile(`UnrecognizedClient|InvalidClientTokenId|InvalidSignature|security token included in the request is invalid`), WrongCredentials},
	{regexp.MustCompile(`AccessDenied|not authorized`), SignInDenied},
	{regexp.MustCompile(`get credentials|IMDS role|no EC2 IMDS|static credentials are empty|shared config profile`), NoCredentials},
}

// KindOf returns what is wrong with a registry, by the error of an import, export, pull or push.
func KindOf(text string) Kind {
	if text == NoAnswer {
		return TimedOut
	}
	return kindIn(ofRegistry, text)
}

// KindOfSignIn returns what is wrong with a sign-in to ECR: with the credentials, or with the way to AWS.
func KindOfSignIn(text string) Kind {
	if kind := kindIn(ofSignIn, text); kind != Unknown {
		return kind
	}
	return KindOf(text)
}

func kindIn(table []known, text string) Kind {
	for _, row := range table {
		if row.pattern.MatchString(text) {
			return row.kind
		}
	}
	return Unknown
}
