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
func NoAnswer(waitedFor string, timeout time.Duration) string {
	return fmt.Sprintf("%s: %s, for %s in total", waitedFor, noAnswer, timeout)
}

// causes maps BuildKit's errors to descriptions. The first pattern that matches wins, so specific ones come
// first.
var causes = []struct {
	pattern     *regexp.Regexp
	description string
}{
	{regexp.MustCompile(noAnswer), "the registry did not answer in time, or too slowly (LAYERCACHE_CACHE_TIMEOUT)"},
	{regexp.MustCompile(`connection refused`), "connection refused: nothing listens at the registry's address"},
	{regexp.MustCompile(`no such host|name resolution|server misbehaving`), "the registry's host name could not be resolved (DNS)"},
	{regexp.MustCompile(`x509|certificate|tls: |HTTP response to HTTPS client`), "the registry's certificate was not accepted (TLS)"},
	{regexp.MustCompile(`(?i)\b401\b|unauthorized|no basic auth|authentication required`), "not signed in to the registry (401)"},
	{regexp.MustCompile(`(?i)\b403\b|forbidden|denied`), "access to the cache repository was denied (403)"},
	{regexp.MustCompile(`(?i)\b429\b|too ?many ?requests`), "the registry is throttling requests (429)"},
	{regexp.MustCompile(`\b5\d\d\b`), "the registry failed (5xx)"},
	{regexp.MustCompile(`(?i)connection reset|broken pipe|\bEOF\b|short read|server closed idle connection`), "the connection was interrupted"},
	{regexp.MustCompile(`is too large \(\d+ > \d+\)`), "it describes more steps than BuildKit can read (1 MiB): set LAYERCACHE_LAYERS=final, or build the parts with a LAYERCACHE_APP each"},
	{regexp.MustCompile(`context canceled$`), "it was cancelled when the build ended"},
	{regexp.MustCompile(`(?i)timeout|deadline exceeded`), "the registry did not answer in time"},
	{regexp.MustCompile(`(?i)digest mismatch|failed to decode|invalid character|unexpected digest|unexpected commit digest|unexpected end of JSON|failed size validation|no processor for media-type|Requested Range Not Satisfiable`), "the cache is corrupt"},
	{regexp.MustCompile(`(?i)\b400\b|bad request`), "the registry refused the request (400)"},
}

// Cause describes an error of an import or export in plain words. An unknown error is returned unchanged, on
// one line.
func Cause(problem string) string {
	for _, cause := range causes {
		if cause.pattern.MatchString(problem) {
			return cause.description
		}
	}
	return strings.Join(strings.Fields(problem), " ")
}

var absentPattern = regexp.MustCompile(`(?i)not found|\b404\b|manifest unknown|name unknown`)

// isAbsent reports whether the import failed because there is no such cache.
func isAbsent(problem string) bool { return absentPattern.MatchString(problem) }
