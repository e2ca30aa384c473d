package verdict

import (
	"regexp"
	"strings"
)

// causes are what a registry's or the network's refusal looks like in BuildKit's errors, the more particular first.
var causes = []struct {
	pattern *regexp.Regexp
	words   string
}{
	{regexp.MustCompile(`no answer, or hardly any`), "the registry did not answer in time, or too slowly (LAYERCACHE_CACHE_TIMEOUT)"},
	{regexp.MustCompile(`connection refused`), "connection refused: nothing listens at the registry's address"},
	{regexp.MustCompile(`no such host|name resolution|server misbehaving`), "the registry's name could not be resolved (DNS)"},
	{regexp.MustCompile(`x509|certificate|tls: |HTTP response to HTTPS client`), "the registry's certificate was not accepted (TLS)"},
	{regexp.MustCompile(`(?i)\b401\b|unauthorized|no basic auth|authentication required`), "not signed in to the registry (401)"},
	{regexp.MustCompile(`(?i)\b403\b|forbidden|denied`), "no permission to the cache repository (403)"},
	{regexp.MustCompile(`(?i)\b429\b|too ?many ?requests`), "the registry is throttling (429)"},
	{regexp.MustCompile(`\b5\d\d\b`), "the registry failed (5xx)"},
	{regexp.MustCompile(`(?i)connection reset|broken pipe|\bEOF\b|short read|server closed idle connection`), "the connection broke off"},
	{regexp.MustCompile(`is too large \(\d+ > \d+\)`), "it describes more steps than BuildKit reads (1 MiB): set LAYERCACHE_LAYERS=final, or give the parts of the build apps of their own"},
	{regexp.MustCompile(`context canceled$`), "it was cut off when the build ended"},
	{regexp.MustCompile(`(?i)timeout|deadline exceeded`), "the registry did not answer in time"},
	{regexp.MustCompile(`(?i)digest mismatch|failed to decode|invalid character|unexpected digest|unexpected commit digest|unexpected end of JSON|failed size validation|no processor for media-type|Requested Range Not Satisfiable`), "the cache is corrupt"},
	{regexp.MustCompile(`(?i)\b400\b|bad request`), "the registry refused the request (400)"},
}

// Cause puts an error of an import or export into words; an error that it does not know stays as it is, on one line.
func Cause(problem string) string {
	for _, cause := range causes {
		if cause.pattern.MatchString(problem) {
			return cause.words
		}
	}
	return strings.Join(strings.Fields(problem), " ")
}

var absent = regexp.MustCompile(`(?i)not found|\b404\b|manifest unknown|name unknown`)

// isAbsent tells a cache that is not there from one that cannot be read.
func isAbsent(problem string) bool { return absent.MatchString(problem) }
