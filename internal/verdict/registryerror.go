package verdict

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// noAnswer is in the error of a cache that did not answer in time.
const noAnswer = "no answer, or too slow an answer"

// NoAnswer is the error of a cache that did not answer within LAYERCACHE_CACHE_TIMEOUT.
func NoAnswer(awaited string, timeout time.Duration) string {
	return fmt.Sprintf("%s: %s, for %s in total", awaited, noAnswer, timeout)
}

// causes maps BuildKit's errors to descriptions, and to what to do. The first pattern that matches wins, so specific ones
// come first. ofImage is the description for an image, where that for a cache does not fit.
var causes = []struct {
	pattern              *regexp.Regexp
	description, ofImage string
	help                 Help
}{
	{regexp.MustCompile(noAnswer), "the registry did not answer in time, or too slowly (LAYERCACHE_CACHE_TIMEOUT)", "",
		Help{"see with `layercache doctor` whether the registry can be reached, or raise LAYERCACHE_CACHE_TIMEOUT", "no-answer"}},
	{regexp.MustCompile(`connection refused`), "connection refused: nothing listens at the registry's address", "",
		Help{"correct the registry's host and port", "connection-refused"}},
	{regexp.MustCompile(`no such host|name resolution|server misbehaving`), "the registry's host name could not be resolved (DNS)", "",
		Help{"correct the registry's host name; a VPC without a way to the internet needs an endpoint for it", "dns"}},
	{regexp.MustCompile(`x509|certificate|tls: |HTTP response to HTTPS client`), "the registry's certificate was not accepted (TLS)", "",
		Help{"make this machine trust the certificate, which may be a proxy's, or correct the clock", "tls"}},
	{regexp.MustCompile(`(?i)\b401\b|unauthorized|no basic auth|authentication required`), "not signed in to the registry (401)", "",
		Help{"sign in to the registry; `layercache doctor --account` tests the sign-in", "not-signed-in"}},
	{regexp.MustCompile(`(?i)\b403\b|forbidden|denied`), "access to the cache repository was denied (403)", "access was denied (403)",
		Help{"allow this identity to use the repository", "denied"}},
	{regexp.MustCompile(`(?i)\b429\b|too ?many ?requests|throttling|rate exceeded|slow ?down`), "the registry is throttling requests (429)", "",
		Help{"build again later, or ask for a higher quota", "throttled"}},
	{regexp.MustCompile(`\b5\d\d\b|(?i)\bunavailable: service unavailable`), "the registry failed (5xx)", "", Help{"build again", "registry-failed"}},
	{regexp.MustCompile(`(?i)connection reset|broken pipe|\bEOF\b|short read|server closed idle connection`), "the connection was interrupted", "",
		Help{"build again", "registry-failed"}},
	{regexp.MustCompile(`is too large \(\d+ > \d+\)`), "it describes more steps than BuildKit can read (1 MiB): set LAYERCACHE_LAYERS=final, or build the parts with a LAYERCACHE_APP each", "",
		Help{"set LAYERCACHE_LAYERS=final, or build the parts with a LAYERCACHE_APP each", "too-large"}},
	{regexp.MustCompile(`context canceled$`), "it was cancelled when the build ended", "", Help{"build again", "cancelled"}},
	{regexp.MustCompile(`(?i)timeout|deadline exceeded`), "the registry did not answer in time", "",
		Help{"see with `layercache doctor` whether the registry can be reached", "no-answer"}},
	{regexp.MustCompile(`(?i)digest mismatch|failed to decode|invalid character|unexpected digest|unexpected commit digest|unexpected end of JSON|failed size validation|no processor for media-type|Requested Range Not Satisfiable`), "the cache is corrupt", "its content is corrupt",
		Help{"nothing, the next build that writes the cache repairs it", "corrupt"}},
	{regexp.MustCompile(`(?i)\b400\b|bad request`), "the registry refused the request (400)", "", Help{"make the tags of the cache repository mutable", "refused"}},
}

// throttled matches the errors of a registry, or of a proxy or storage behind it, that asks to try again later.
var throttled = regexp.MustCompile(`(?i): (?:429|502|503|504)\b|too ?many ?requests|throttlingexception|rate exceeded|slow ?down|\bunavailable: service unavailable`)

// Throttled reports whether the error of BuildKit is that a registry asks to try again later.
func Throttled(problem string) bool { return throttled.MatchString(problem) }

// Cause describes an error of an import or export in plain words. An unknown error is returned unchanged, on
// one line.
func Cause(problem string) string {
	description, _ := explain(problem)
	return description
}

// explain returns the description of an error, and what to do about it.
func explain(problem string) (string, Help) {
	for _, cause := range causes {
		if cause.pattern.MatchString(problem) {
			return cause.description, cause.help
		}
	}
	return strings.Join(strings.Fields(problem), " "), Help{"see the cause on the page, and run `layercache doctor`", "why-the-cache-could-not-be-read-or-written"}
}
