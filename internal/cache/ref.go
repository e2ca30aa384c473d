package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/registry/ecr"
)

// recordSuffix follows the cache's tag in the tag of its record. No tag of a cache has as many parts.
const recordSuffix = separator + "steps"

// mountSuffix follows the cache's tag in the tags of its mounts, and comes before a mount's name. No tag of a cache
// has as many parts.
const mountSuffix = separator + "mount" + separator

// maxMountName is the maximum length of a mount's name.
const maxMountName = 10

// maxTag is the maximum length of a cache's tag: the distribution specification allows 128 bytes, and the tags
// of the record and of the mounts have to fit too.
const maxTag = 128 - len(mountSuffix) - maxMountName

// Scope identifies a cache within a repository.
type Scope struct {
	// App is the name of the application.
	App string
	// Platform is OS/ARCH or OS/ARCH/VARIANT; several are separated by commas.
	Platform string
	// Branch is any text; it is untrusted.
	Branch string
	// Build tells builds of one app apart: the image's full name, Dockerfile, context and target, as far as
	// they are not the usual ones. Empty for the usual ones, and when the user named the app.
	Build string
	// FallbackFirst is true when the fallback branch's cache is read before the scope's own.
	FallbackFirst bool
}

// separator joins the parts of a tag. No part contains it, so a tag belongs to exactly one scope.
const separator = "--"

// Tag returns the scope's tag: its slugged parts, joined. The same scope always has the same tag. A part that
// had to be altered ends in the start of its digest, so that similar names have different tags.
func Tag(s Scope) string {
	app := s.App
	if s.Build != "" {
		app += "\x00" + s.Build // No variable contains a NUL, so this is nobody's LAYERCACHE_APP.
	}
	tag := slug(app, 40, shortDigest) + separator + slug(strings.ReplaceAll(s.Platform, "/", "-"), 40, shortDigest)
	if s.Branch != "" {
		tag += separator + Slug(s.Branch, maxTag-len(tag)-len(separator))
	}
	return tag
}

// digestForm is the digest at the end of an altered part.
type digestForm struct {
	// digits is the number of hexadecimal digits.
	digits int
	// suffix matches the end of an altered part. A text that already ends like this is altered too, to avoid collisions.
	suffix *regexp.Regexp
}

var (
	// shortDigest is for apps and platforms, which come from settings.
	shortDigest = digestForm{10, regexp.MustCompile(`(?:^|-)[0-9a-f]{10}$`)}
	// longDigest has 80 bits. Whoever may push a branch can search for a name that has the same readable part and the
	// same digest as another branch, whose cache its builds would then read and write.
	longDigest = digestForm{20, regexp.MustCompile(`(?:^|-)[0-9a-f]{20}$`)}
)

// Slug turns any text into a part of a tag: at most maxLength bytes (maxLength is at least 24) of lower-case
// letters, digits, dots, underscores and, inside, single dashes. A text that had to be altered ends in the
// start of its digest.
func Slug(text string, maxLength int) string { return slug(text, maxLength, longDigest) }

func slug(text string, maxLength int, digest digestForm) string {
	var b strings.Builder
	dash := false
	for _, r := range text {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		plain := r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_'
		switch {
		case plain:
			b.WriteRune(r)
		case !dash:
			b.WriteByte('-')
		}
		dash = !plain
		if b.Len() > maxLength {
			break
		}
	}
	kept := strings.Trim(b.String(), "-._")
	if kept == text && kept != "" && len(kept) <= maxLength && !digest.suffix.MatchString(kept) {
		return kept
	}
	sum := sha256.Sum256([]byte(text))
	suffix := hex.EncodeToString(sum[:])[:digest.digits]
	kept = strings.TrimRight(kept[:min(len(kept), maxLength-len(suffix)-1)], "-._")
	if kept == "" {
		return suffix
	}
	return kept + "-" + suffix
}

// RecordRef returns the ref of the record of a cache in a registry.
func RecordRef(cache string) string { return cache + recordSuffix }

// MountRef returns the ref of the archive of a cache mount that belongs to a cache in a registry.
func MountRef(cache, mount string) string { return cache + mountSuffix + mount }

// Refs are the caches of one build.
type Refs struct {
	// Imports are the caches that may be read, best first. A build imports the first one that exists (see run.firstCache).
	Imports []string
	// Export is written after the build.
	Export string
}

// newRefs returns the refs for a scope: the cache of its branch, then that of the fallback branch, or the other
// way round for a Git tag. A build without a branch reads and writes the cache of the fallback branch.
// prefix comes before each tag, such as HOST/NAME: for a repository.
func newRefs(prefix string, scope Scope, fallbackBranch string) Refs {
	read, write := Tags(scope, fallbackBranch)
	refs := Refs{Export: prefix + write}
	for _, tag := range read {
		refs.Imports = append(refs.Imports, prefix+tag)
	}
	return refs
}

// Tags returns the tags of the caches to read, in order, and of the one to write, which is among them.
func Tags(scope Scope, fallbackBranch string) (read []string, write string) {
	fallback := scope
	fallback.Branch = fallbackBranch
	if scope.Branch == "" {
		scope = fallback
	}
	read = []string{Tag(scope), Tag(fallback)}
	if scope.FallbackFirst {
		slices.Reverse(read)
	}
	return slices.Compact(read), Tag(scope)
}

// CheckApart returns an error when one of the images would be pushed to the ref of a cache, of its record or of
// one of its mounts: the push would overwrite it, and no later build would find it.
func (r Refs) CheckApart(images []string) error {
	for _, cache := range append([]string{r.Export}, r.Imports...) {
		cacheRef, err := normalize(cache)
		if err != nil {
			return fmt.Errorf("cache ref %q: %w", cache, err)
		}
		for _, image := range images {
			imageRef, err := normalize(image)
			if err == nil && belongsTo(cacheRef, imageRef) {
				return fmt.Errorf("the image %s has the same name as the cache: pushing it would overwrite the cache; use another tag for the image, or another LAYERCACHE_REPOSITORY", image)
			}
		}
	}
	return nil
}

// belongsTo reports whether the ref names the cache, its record or one of its mounts. Both refs are normalized.
func belongsTo(cache, ref string) bool {
	rest, ok := strings.CutPrefix(ref, cache)
	return ok && (rest == "" || rest == recordSuffix || strings.HasPrefix(rest, mountSuffix))
}

// Key returns the same text for all spellings of one ref, and a ref that is not valid as it is.
func Key(ref string) string {
	key, err := normalize(ref)
	if err != nil {
		return ref
	}
	return key
}

// normalize returns the same text for all spellings of one ref: an ECR registry has several host names, and
// host names are case-insensitive.
func normalize(ref string) (string, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return "", err
	}
	host := strings.TrimSuffix(strings.ToLower(parsed.Context().RegistryStr()), ":443")
	if known, ok := ecr.ParseHost(host); ok {
		host = known.Account + " " + known.Region
	}
	return host + "/" + parsed.Context().RepositoryStr() + "@" + parsed.Identifier(), nil
}
