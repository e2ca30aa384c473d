//go:build linux

package ecrhost

import (
	"fmt"
	"regexp"
	"strings"
)

// Mutability says which tags of a repository stay with the image that they were first pushed for.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
type Mutability string

// The settings that ECR has.
const (
	Mutable                Mutability = "MUTABLE"
	Immutable              Mutability = "IMMUTABLE"
	MutableWithExclusion   Mutability = "MUTABLE_WITH_EXCLUSION"
	ImmutableWithExclusion Mutability = "IMMUTABLE_WITH_EXCLUSION"
)

// Repository is what one repository is set to.
type Repository struct {
	// Mutability of its tags. Default: Mutable.
	Mutability Mutability
	// Exclusions are wildcard filters for tags that the opposite holds for.
	Exclusions []string
}

// repository is one that there is.
type repository struct {
	settings Repository
	// pushed are the tags and digests that were pushed.
	pushed map[string]bool
}

// isFixed says whether a tag may be pushed once only.
func (r Repository) isFixed(tag string) bool {
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

// isExcluded says whether a filter fits the tag. In a filter * stands for any characters, none too.
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
func (w *World) CreateRepository(host, name string, settings Repository) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	repositories, ok := w.repositories[host]
	if !ok {
		return fmt.Errorf("ecrhost: there is no registry %s", host)
	}
	if _, ok := repositories[name]; ok {
		return fmt.Errorf("ecrhost: registry %s has a repository %q already", host, name)
	}
	repositories[name] = &repository{settings: settings, pushed: map[string]bool{}}
	return nil
}

// has says whether a registry has a repository.
func (w *World) has(host, name string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.repositories[host][name] != nil
}

// isTaken says that a repository has a tag which stays where it is.
func (w *World) isTaken(host, name, reference string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	r := w.repositories[host][name]
	isTag := !strings.Contains(reference, ":")
	return isTag && r.pushed[reference] && r.settings.isFixed(reference)
}

func (w *World) pushed(host, name, reference string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.repositories[host][name].pushed[reference] = true
}
