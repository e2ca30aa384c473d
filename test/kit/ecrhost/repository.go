//go:build linux

package ecrhost

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Mutability determines which tags of a repository can be overwritten.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
type Mutability string

// The settings of ECR.
const (
	Mutable                Mutability = "MUTABLE"
	Immutable              Mutability = "IMMUTABLE"
	MutableWithExclusion   Mutability = "MUTABLE_WITH_EXCLUSION"
	ImmutableWithExclusion Mutability = "IMMUTABLE_WITH_EXCLUSION"
)

// Repository holds the settings of a repository.
type Repository struct {
	// Mutability of its tags. The default is Mutable.
	Mutability Mutability
	// Exclusions are wildcard filters for the tags that are excluded from Mutability.
	Exclusions []string
}

// repository is an existing repository.
type repository struct {
	settings Repository
	// images are the manifests by digest, without their tags; tags are the digests by tag.
	images map[string]Image
	tags   map[string]string
	// importedAt is when the last image was pulled through the cache for the first time.
	importedAt time.Time
}

// isImmutable reports whether the tag can only be pushed once.
func (r Repository) isImmutable(tag string) bool {
	switch r.Mutability {
	case Immutable:
		return true
	case ImmutableWithExclusion:
		return !r.isExcluded(tag)
	case MutableWithExclusion:
		return r.isExcluded(tag)
	default:
		return false
	}
}

// isExcluded reports whether a filter matches the tag.
func (r Repository) isExcluded(tag string) bool {
	return slices.ContainsFunc(r.Exclusions, func(filter string) bool { return matches(filter, tag) })
}

// matches reports whether a tag matches a pattern, in which * stands for any text.
func matches(pattern, tag string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
	return regexp.MustCompile("^" + quoted + "$").MatchString(tag)
}

// CreateRepository creates a repository in a registry. Programs do the same with ECR's API.
func (w *Server) CreateRepository(host, name string, settings Repository) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	repositories, ok := w.repositories[host]
	if !ok {
		return fmt.Errorf("ecrhost: registry %s does not exist", host)
	}
	if _, ok := repositories[name]; ok {
		return fmt.Errorf("ecrhost: registry %s already has a repository %q", host, name)
	}
	repositories[name] = &repository{settings: settings, images: map[string]Image{}, tags: map[string]string{}}
	return nil
}

// has reports whether a registry has a repository.
func (w *Server) has(host, name string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.repositories[host][name] != nil
}

// isTaken reports whether the reference is a pushed tag that cannot be overwritten.
func (w *Server) isTaken(host, name, reference string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	r := w.repositories[host][name]
	return r.tags[reference] != "" && r.settings.isImmutable(reference)
}
