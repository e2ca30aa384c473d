// Package cacheref names caches: a tag made from app, platform and branch, and the short list of refs that a build imports
// from and exports to.
package cacheref

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/ecr"
)

// recordSuffix is what the tag of a record has after its cache's. No cache's tag has this many parts.
const recordSuffix = separator + "steps"

// maxTag is the longest tag of a cache: the distribution specification allows 128 bytes, and its record's tag is longer.
const maxTag = 128 - len(recordSuffix)

// Scope says which cache is meant.
type Scope struct {
	// App tells the caches of one repository apart.
	App string
	// Platform is OS/ARCH or OS/ARCH/VARIANT; several are separated by commas.
	Platform string
	// Branch is any text, from outside.
	Branch string
}

// separator joins the parts of a tag. No part holds it, so that no two scopes can be read from one tag.
const separator = "--"

// Tag returns the scope's tag: its parts slugged and joined. A part that had to be altered carries the start of its
// digest, so that two names never share a tag by looking alike; the same scope always has the same tag.
func Tag(s Scope) string {
	tag := Slug(s.App, 40) + separator + Slug(strings.ReplaceAll(s.Platform, "/", "-"), 40)
	if s.Branch != "" {
		tag += separator + Slug(s.Branch, maxTag-len(tag)-len(separator))
	}
	return tag
}

// altered is how a part that had to be altered ends: one that ends so by itself has to be told apart from it.
var altered = regexp.MustCompile(`(?:^|-)[0-9a-f]{10}$`)

// Slug makes any text a part of a tag, at most longest bytes (at least 20) of lower-case letters, digits, dots, underscores
// and single dashes inside. A text that had to be altered ends in its digest.
func Slug(text string, longest int) string {
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
		if b.Len() > longest {
			break
		}
	}
	kept := strings.Trim(b.String(), "-._")
	if kept == text && kept != "" && len(kept) <= longest && !altered.MatchString(kept) {
		return kept
	}
	sum := sha256.Sum256([]byte(text))
	suffix := hex.EncodeToString(sum[:])[:10]
	kept = strings.TrimRight(kept[:min(len(kept), longest-len(suffix)-1)], "-._")
	if kept == "" {
		return suffix
	}
	return kept + "-" + suffix
}

// Record is where the record of a cache in a registry is.
func Record(cache string) string { return cache + recordSuffix }

// Refs are the caches of one build.
type Refs struct {
	// Imports are read in this order; the first that knows a step wins.
	Imports []string
	// Export is written after the build.
	Export string
}

// For returns the refs in a place (HOST/NAME: for a repository) for a scope: this branch's cache, then the fallback
// branch's. A build without a branch reads and writes the fallback branch's cache.
func For(place string, scope Scope, fallbackBranch string) Refs {
	tags := Tags(scope, fallbackBranch)
	refs := Refs{Export: place + tags[0]}
	for _, tag := range tags {
		refs.Imports = append(refs.Imports, place+tag)
	}
	return refs
}

// Tags are the tags that For puts after the place: the first is the one that is written.
func Tags(scope Scope, fallbackBranch string) []string {
	fallback := scope
	fallback.Branch = fallbackBranch
	if scope.Branch == "" {
		scope = fallback
	}
	return slices.Compact([]string{Tag(scope), Tag(fallback)})
}

// CheckApart refuses a build whose image would be pushed onto its own cache: the push would overwrite the cache, and no
// later build would find it.
func (r Refs) CheckApart(images []string) error {
	for _, cache := range append([]string{r.Export, Record(r.Export)}, r.Imports...) {
		cachePlace, err := place(cache)
		if err != nil {
			return fmt.Errorf("cache ref %q: %w", cache, err)
		}
		for _, image := range images {
			imagePlace, err := place(image)
			if err == nil && imagePlace == cachePlace {
				return fmt.Errorf("the image %s is also the cache ref: pushing the image would overwrite the cache, and no build would ever find it; give the image another tag, or LAYERCACHE_REPOSITORY another repository", image)
			}
		}
	}
	return nil
}

// place is a ref with one spelling for each place: an ECR registry has several host names, and a host's letters have no case.
func place(ref string) (string, error) {
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
