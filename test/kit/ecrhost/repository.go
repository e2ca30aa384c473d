//go:build linux

package ecrhost

import (
	"fmt"
	"regexp"
	"strings"
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
	// pushed are the tags and digests that were pushed.
	pushed map[string]bool
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

// isExcluded reports whether a filter matches the tag. In a filter, * matches any number of characters.
func (r Repository) isExcluded(tag string) bool {
	for _, filter := range r.Exclusions {
		pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(filter), `\*`, ".*") + "$"
		if regexp.MustCompile(pattern).MatchString(tag) {
			return true
		}
	}
	return false
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
	repositories[name] = &repository{settings: settings, pushed: map[string]bool{}}
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
	isTag := !strings.Contains(reference, ":")
	return isTag && r.pushed[reference] && r.settings.isImmutable(reference)
}

func (w *Server) pushed(host, name, reference string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.repositories[host][name].pushed[reference] = true
}
