package verdict

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/internal/source/outline"
)

// judgeNoHits returns the verdict for a build that took nothing from the cache.
func (e Evidence) judgeNoHits(misses []Miss) (name, reason string, help Help) {
	if ref, ok := e.first(func(state cache.State) bool { return state.Kind == cache.KindImage }); ok {
		return Overwritten, fmt.Sprintf("%s holds an image instead of a cache: push images to another tag or repository", ref), helpOverwritten
	}
	if cause, help, ok := e.firstImportFailure(); ok {
		return ImportFailed, "the cache could not be read: " + cause, help
	}
	if at := slices.IndexFunc(e.Refs, func(ref string) bool { return repositoryMissing(ref, e.States[ref].Kind) }); at >= 0 {
		return Missing, fmt.Sprintf("the cache repository of %s does not exist: create it, or correct LAYERCACHE_REPOSITORY", e.Refs[at]), helpMissing
	}
	if _, counted := count(e.Steps); counted == 0 {
		return Cold, "the Dockerfile has no step to cache (FROM is not counted)", Help{}
	}
	if ref, ok := e.first(func(state cache.State) bool { return state.Kind == cache.KindCache }); ok {
		return Cold, e.mismatch(ref, misses), Help{}
	}
	return Cold, e.absenceReason(), Help{}
}

// first returns the first ref whose state matches.
func (e Evidence) first(matches func(cache.State) bool) (ref string, ok bool) {
	at := slices.IndexFunc(e.Refs, func(ref string) bool { return matches(e.States[ref]) })
	if at < 0 {
		return "", false
	}
	return e.Refs[at], true
}

// firstImportFailure returns why the first import failed, and what to do; ok is false when none failed.
func (e Evidence) firstImportFailure() (cause string, help Help, ok bool) {
	for _, attempt := range e.Imports {
		if cause, help := e.importFailure(attempt); cause != "" {
			return cause, help, true
		}
	}
	return "", Help{}, false
}

func (e Evidence) anyImportFailed() bool {
	_, _, ok := e.firstImportFailure()
	return ok
}

// importFailure describes why a cache could not be read, and what to do. It is empty when the import succeeded or there is
// no cache; a cache with a missing part is a failure.
func (e Evidence) importFailure(attempt progress.Import) (string, Help) {
	if attempt.Error == "" {
		return "", Help{}
	}
	if !attempt.IsAbsent() {
		return e.SignIns.Explain(attempt.Ref, attempt.Error)
	}
	if e.States[attempt.Ref].Kind == cache.KindCache {
		return "a part of it was deleted (404); the next build that writes it repairs it", helpPartDeleted
	}
	return "", Help{}
}

// mismatch describes why no step matched an existing cache.
func (e Evidence) mismatch(ref string, misses []Miss) string {
	switch r := e.Records[ref]; {
	case r != nil && r.App != e.App:
		return fmt.Sprintf("%s holds the cache of another app, %s: set LAYERCACHE_APP to give each app its own cache", ref, r.App)
	case r != nil && r.Platform != e.Platform:
		return fmt.Sprintf("%s holds a cache for %s, but this build is for %s", ref, r.Platform, e.Platform)
	}
	miss, known := rootMiss(misses)
	if !known && len(misses) > 0 {
		miss, known = misses[0], true
	}
	if known {
		return fmt.Sprintf("there is a cache, but every step had to run, starting with %s because %s", outline.Short(e.Steps[miss.Step].Instruction), miss.Cause)
	}
	return "there is a cache, but no step in it matches this build, and why is not known"
}

// absenceReason describes why there is no cache. A cache that expired or was deleted leaves its record, which
// is kept longer. Nothing expires in a folder.
func (e Evidence) absenceReason() string {
	for _, ref := range e.Refs {
		if r := e.Records[ref]; r != nil {
			if r.Policy != nil && r.Manifest == "" {
				return "there is no cache, because earlier builds chose to use none (LAYERCACHE_POLICY=act)"
			}
			if e.InFolder {
				return fmt.Sprintf("the cache written on %s is gone: its files in %s were deleted", r.Written.UTC().Format(time.DateOnly), ref)
			}
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
