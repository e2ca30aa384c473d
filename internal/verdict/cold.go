package verdict

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/cachestate"
	"github.com/layercache/layercache/internal/ecr"
	"github.com/layercache/layercache/internal/progress"
)

// withoutHits finds out why nothing was taken from the cache.
func (e Evidence) withoutHits(misses []Miss) (name, reason string) {
	if ref, ok := e.first(func(state cachestate.State) bool { return state.Kind == cachestate.Image }); ok {
		return Overwritten, fmt.Sprintf("%s holds an image, not a cache: something was pushed over it; give images another tag or repository", ref)
	}
	if cause, ok := e.unread(); ok {
		return ImportFailed, fmt.Sprintf("the cache could not be read (%s)", cause)
	}
	if at := slices.IndexFunc(e.Refs, func(ref string) bool { return repositoryMissing(ref, e.States[ref].Kind) }); at >= 0 {
		return Missing, fmt.Sprintf("the cache repository of %s does not exist; create it or correct LAYERCACHE_REPOSITORY", e.Refs[at])
	}
	if _, counted := count(e.Steps); counted == 0 {
		return Cold, "there is no step that a cache could keep: base images are not counted"
	}
	if ref, ok := e.first(func(state cachestate.State) bool { return state.Kind == cachestate.Cache }); ok {
		return Cold, e.nothingFits(ref, misses)
	}
	return Cold, e.absence()
}

func (e Evidence) first(holds func(cachestate.State) bool) (ref string, ok bool) {
	at := slices.IndexFunc(e.Refs, func(ref string) bool { return holds(e.States[ref]) })
	if at < 0 {
		return "", false
	}
	return e.Refs[at], true
}

// unread is why the first cache that could not be read could not be.
func (e Evidence) unread() (cause string, ok bool) {
	for _, attempt := range e.Imports {
		if cause := e.importFailure(attempt); cause != "" {
			return cause, true
		}
	}
	return "", false
}

func (e Evidence) anyUnread() bool {
	_, ok := e.unread()
	return ok
}

// importFailure says in words why a cache could not be read; a cache that is not there is no failure, unless a part of one is
// missing.
func (e Evidence) importFailure(attempt progress.Import) string {
	if attempt.Error == "" {
		return ""
	}
	if !isAbsent(attempt.Error) {
		return Cause(attempt.Error)
	}
	if e.States[attempt.Ref].Kind == cachestate.Cache {
		return "a part of it was deleted (404): the next build that writes it puts it right"
	}
	return ""
}

// nothingFits says why a cache that is there gave nothing.
func (e Evidence) nothingFits(ref string, misses []Miss) string {
	switch r := e.Records[ref]; {
	case r != nil && r.App != e.App:
		return fmt.Sprintf("%s holds the cache of another app, %s: set LAYERCACHE_APP so that each has its own", ref, r.App)
	case r != nil && r.Platform != e.Platform:
		return fmt.Sprintf("%s holds a cache for %s, and this build is for %s", ref, r.Platform, e.Platform)
	}
	if miss, ok := root(misses); ok {
		return fmt.Sprintf("there is a cache, but all steps had to run, from %s on because %s", short(e.Steps[miss.Step].Instruction), miss.Cause)
	}
	return "there is a cache, but nothing in it fits this build: the first step has changed"
}

// absence tells a cache that is gone from one that was never written: its record is kept longer.
func (e Evidence) absence() string {
	for _, ref := range e.Refs {
		if r := e.Records[ref]; r != nil {
			return fmt.Sprintf("the cache that was written on %s is gone: it expired or was deleted", r.Written.UTC().Format(time.DateOnly))
		}
	}
	return "there was no cache yet"
}

// repositoryMissing holds for ECR alone: there a repository has to be made first, elsewhere the first push makes it.
func repositoryMissing(ref string, kind cachestate.Kind) bool {
	if kind != cachestate.NoRepository {
		return false
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return false
	}
	_, isECR := ecr.ParseHost(parsed.Context().RegistryStr())
	return isECR
}
