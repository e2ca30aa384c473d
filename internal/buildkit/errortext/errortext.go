// Package errortext recognises errors by their text: those of BuildKit and buildx, of the registries behind them, and of a
// sign-in. BuildKit's progress stream has no error codes, only text, so this is the one place that takes it apart.
package errortext

import (
	"net/url"
	"regexp"
	"strings"
)

var (
	stepFailed = regexp.MustCompile(`did not complete successfully`)
	exitCode   = regexp.MustCompile(`did not complete successfully: exit code: (\d+)`)
	diskFull   = regexp.MustCompile(`no space left on device|disk quota exceeded`)
	diskFails  = regexp.MustCompile(`read-only file system|input/output error`)

	absent = regexp.MustCompile(`(?i)not found|\b404\b|manifest unknown|name unknown`)
	// absentImage is narrower than absent: "not found" is also in the errors of hosts and files.
	absentImage = regexp.MustCompile(`: not found$|manifest unknown|name unknown`)
	throttled   = regexp.MustCompile(`(?i): (?:429|502|503|504)\b|too ?many ?requests|throttlingexception|rate exceeded|slow ?down|\bunavailable: service unavailable`)

	wrongDigest = regexp.MustCompile(`unexpected commit digest|failed size validation|Requested Range Not Satisfiable`)
	notALayer   = regexp.MustCompile(`stream processor|failed to (?:extract|unpack|apply|decompress)|archive/tar|\b(?:zstd|gzip): |invalid tar header|magic number|unexpected media ?type`)
	interrupted = regexp.MustCompile(`httpReadSeeker|failed to copy|short read|unexpected EOF|connection reset|broken pipe|i/o timeout|TLS handshake timeout|http2: `)

	pullFailed  = regexp.MustCompile(`failed to resolve source metadata for (\S+): (.*)`)
	pushFailed  = regexp.MustCompile(`failed to push (\S+): (.*)`)
	fileMissing = regexp.MustCompile(`failed to calculate checksum of ref \S+: ("[^"]*"): not found`)

	prefixes     = regexp.MustCompile(`^(?:ERROR: |failed to build: |failed to solve: )+`)
	address      = regexp.MustCompile(`https?://[^\s"]+`)
	lookedUp     = regexp.MustCompile(`\blookup ([^\s:]+)`)
	blobDigest   = regexp.MustCompile(`/blobs/(sha256:[0-9a-f]{64})\b`)
	unreadLocked = regexp.MustCompile(`local cache import at (.+) skipped due to err: (could not lock .+)`)
)

// IsCancelled reports whether a vertex was cancelled: the build ended, or its result was not needed any more.
func IsCancelled(text string) bool { return strings.HasSuffix(text, "context canceled") }

// IsOwnFault reports whether a step failed by itself, or the disk is full or fails. No registry is to blame.
func IsOwnFault(text string) bool {
	return stepFailed.MatchString(text) || IsDiskFull(text) || diskFails.MatchString(text)
}

// IsDiskFull reports whether the disk is full.
func IsDiskFull(text string) bool { return diskFull.MatchString(text) }

// IsAbsent reports whether a cache, or a part of it, is not in the registry.
func IsAbsent(text string) bool { return absent.MatchString(text) }

// IsAbsentImage reports whether an image that was pulled is not in the registry.
func IsAbsentImage(text string) bool { return absentImage.MatchString(text) }

// IsThrottled reports whether a registry, or a proxy or storage behind it, asks to try again later.
func IsThrottled(text string) bool { return throttled.MatchString(text) }

// IsWrongDigest reports whether content does not have its digest or size.
func IsWrongDigest(text string) bool { return wrongDigest.MatchString(text) }

// IsNotALayer reports whether content is not a layer. BuildKit does not compare a cache's manifest with its digest, so a
// cache can name such content.
func IsNotALayer(text string) bool { return notALayer.MatchString(text) }

// IsInterrupted reports whether a download was interrupted.
func IsInterrupted(text string) bool { return interrupted.MatchString(text) }

// ExitCode returns the exit code of a step that failed; "" for another error.
func ExitCode(text string) string { return first(exitCode, text) }

// MissingFile returns the file, in quotes, that an instruction takes and the context does not have; "" for another error.
func MissingFile(text string) string { return first(fileMissing, text) }

// Push returns the image that could not be pushed, and why; "" for another error.
func Push(text string) (image, why string) { return both(pushFailed, text) }

// Pull returns the image that could not be pulled, and why; "" for another error.
func Pull(text string) (image, why string) { return both(pullFailed, text) }

// IsLocked reports whether buildx could not lock a file of a local cache, because another build was writing the cache.
func IsLocked(text, file string) bool { return strings.Contains(text, "could not lock "+file) }

// UnreadLocked returns the local cache that buildx did not read because another build had it locked, and buildx's error;
// "" if its warning is another one.
func UnreadLocked(warning string) (folder, why string) { return both(unreadLocked, warning) }

// URLs returns the URLs in an error: those of a registry, and those of storage to which it redirects.
func URLs(text string) []*url.URL {
	var all []*url.URL
	for _, found := range address.FindAllString(text, -1) {
		if at, err := url.Parse(found); err == nil {
			all = append(all, at)
		}
	}
	return all
}

// LookedUpHost returns the host that an error of kind DNS is about, or "" if the error does not name it.
func LookedUpHost(text string) string { return first(lookedUp, text) }

// BlobDigest returns the digest of the blob whose URL is in an error, or "".
func BlobDigest(text string) string { return first(blobDigest, text) }

// Short returns an error on one line, without what buildx puts before each.
func Short(text string) string { return prefixes.ReplaceAllString(OneLine(text), "") }

// OneLine returns an error on one line.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// first returns what the first group of a pattern matches, or "".
func first(pattern *regexp.Regexp, text string) string {
	if match := pattern.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}

// both returns what the two groups of a pattern match, or "".
func both(pattern *regexp.Regexp, text string) (one, other string) {
	if match := pattern.FindStringSubmatch(text); match != nil {
		return match[1], match[2]
	}
	return "", ""
}
