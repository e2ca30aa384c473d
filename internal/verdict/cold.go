package verdict

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/ecr"
)

// judgeNoHits returns the verdict for a build that took nothing from the cache.
func (e Evidence) judgeNoHits(misses []Miss) (name, reason string) {
	if ref, ok := e.first(func(state cache.State) bool { return state.Kind == cache.KindImage }); ok {
		return Overwritten, fmt.Sprintf("%s holds an image instead of a cache: push images to another tag or repository", ref)
	}
	if cause, ok := e.firstImportFailure(); ok {
		return ImportFailed, "the cache could not be read: " + cause
	}
	if at := slices.IndexFunc(e.Refs, func(ref string) bool { return repositoryMissing(ref, e.States[ref].Kind) }); at >= 0 {
		return Missing, fmt.Sprintf("the cache repository of %s does not exist: create it, or correct LAYERCACHE_REPOSITORY", e.Refs[at])
	}
	if _, counted := count(e.Steps); counted == 0 {
		return Cold, "the Dockerfile has no step to cache (FROM is not counted)"
	}
	if ref, ok := e.first(func(state cache.State) bool { return state.Kind == cache.KindCache }); ok {
		return Cold, e.mismatch(ref, misses)
	}
	return Cold, e.absenceReason()
}

// first returns the first ref whose state matches.
func (e Evidence) first(matches func(cache.State) bool) (ref string, ok bool) {
	at := slices.IndexFunc(e.Refs, func(ref string) bool { return matches(e.States[ref]) })
	if at < 0 {
		return "", false
	}
	return e.Refs[at], true
}

// firstImportFailure returns why the first import failed; ok is false when none failed.
func (e Evidence) firstImportFailure() (cause string, ok bool) {
	for _, attempt := range e.Imports {
		if cause := e.importFailure(attempt); cause != "" {
			return cause, true
		}
	}
	return "", false
}

func (e Evidence) anyImportFailed() bool {
	_, ok := e.firstImportFailure()
	return ok
}

// importFailure describes why a cache could not be read. It is empty when the import succeeded or there is no
// cache; a cache with a missing part is a failure.
func (e Evidence) importFailure(attempt progress.Import) string {
	if attempt.Error == "" {
		return ""
	}
	if !isAbsent(attempt.Error) {
		return Cause(attempt.Error)
	}
	if e.States[attempt.Ref].Kind == cache.KindCache {
		return "a part of it was deleted (404); the next build that writes it repairs it"
	}
	return ""
}

// mismatch describes why no step matched an existing cache.
func (e Evidence) mismatch(ref string, misses []Miss) string {
	switch r := e.Records[ref]; {
	case r != nil && r.App != e.App:
		return fmt.Sprintf("%s holds the cache of another app, %s: set LAYERCACHE_APP to give each app its own cache", ref, r.App)
	case r != nil && r.Platform != e.Platform:
		return fmt.Sprintf("%s holds a cache for %s, but this build is for %s", ref, r.Platform, e.Platform)
	}
	if miss, ok := rootMiss(misses); ok {
		return fmt.Sprintf("there is a cache, but every step had to run, starting with %s because %s", short(e.Steps[miss.Step].Instruction), miss.Cause)
	}
	return "there is a cache, but no step in it matches this build: the first step changed"
}

// absenceReason describes why there is no cache. A cache that expired or was deleted leaves its record, which
// is kept longer.
func (e Evidence) absenceReason() string {
	for _, ref := range e.Refs {
		if r := e.Records[ref]; r != nil {
			return fmt.Sprintf("the cache written on %s is gone: it expired or was deleted", r.Written.UTC().Format(time.DateOnly))
		}
	}
	return "there is no cache yet"
}

// repositoryMissing reports whether an ECR repository does not exist. Other registries create a repository on
// the first push.
func repositoryMissing(ref string, kind cache.Kind) bool {
	if kind != cache.KindNoRepository {
		return false
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return false
	}
	_, isECR := ecr.ParseHost(parsed.Context().RegistryStr())
	return isECR
}
