package imagebuild

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/layercache/layercache/constructs/internal/ecrname"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// cacheWriters are the builds that write caches in the repositories and buckets of a stack.
var cacheWriters perstack.Memo[string, *[]*ImageBuild]

// checkApp refuses a build that would write the cache of another image: one with the same app, platform and
// branch in the same repository or bucket. Builds of one image may share a cache.
func checkApp(b *ImageBuild) []validation.Problem {
	place := b.cachePlace()
	if place == nil {
		return nil
	}
	writers := cacheWriters.Get(b.shared.ForStackOf(place), "", func() *[]*ImageBuild { return &[]*ImageBuild{} })
	at := slices.IndexFunc(*writers, func(other *ImageBuild) bool { return b.writesCacheOf(other) && !b.buildsImageOf(other) })
	if at < 0 {
		*writers = append(*writers, b)
		return nil
	}
	return []validation.Problem{{
		Prop:  "App",
		Wrong: fmt.Sprintf("%q is the App of %s too, which builds another image and writes the same cache: each would overwrite the cache of the other", *b.app, *(*writers)[at].Node().Path()),
		Fix:   "set another App for one of them",
	}}
}

// cachePlace returns the construct in which release builds write their cache, or nil if they write none or it
// needs no app.
func (b *ImageBuild) cachePlace() constructs.IConstruct {
	switch c := b.options.cache; {
	case !c.write:
		return nil
	case c.mode == RegistryCache && c.repository != nil:
		return c.repository.Repository()
	case c.mode == S3Cache && c.bucket != nil:
		return c.bucket
	}
	return nil
}

// writesCacheOf reports whether both builds write one cache.
func (b *ImageBuild) writesCacheOf(other *ImageBuild) bool {
	samePlatform := slices.ContainsFunc(b.cachePlatforms(), func(platform string) bool { return slices.Contains(other.cachePlatforms(), platform) })
	if *b.app != *other.app || !samePlatform || b.options.environment["LAYERCACHE_BRANCH"] != other.options.environment["LAYERCACHE_BRANCH"] {
		return false
	}
	mine, others := b.options.cache, other.options.cache
	switch {
	case mine.mode != others.mode:
		return false
	case mine.mode == S3Cache:
		return mine.prefix == others.prefix && *mine.bucket.Node().Path() == *others.bucket.Node().Path()
	}
	return ecrname.Same(mine.repository.Repository(), others.repository.Repository())
}

// cachePlatforms returns the platforms of the build's caches: one for each build of a batch, else one for all
// platforms together.
func (b *ImageBuild) cachePlatforms() []string {
	platforms := slices.Sorted(slices.Values(b.options.build.platforms))
	switch {
	case len(platforms) == 0:
		return []string{"linux/" + string(b.options.machine.architecture)}
	case b.options.build.batch:
		return platforms
	}
	return []string{strings.Join(platforms, ",")}
}

// buildsImageOf reports whether both builds make the same image: the same tags in one repository, from the
// same Dockerfile, context and stage.
func (b *ImageBuild) buildsImageOf(other *ImageBuild) bool {
	mine, others := b.options.image, other.options.image
	same := false
	switch {
	case mine.repository != nil && others.repository != nil:
		same = ecrname.Same(mine.repository, others.repository)
	case mine.name != nil && others.name != nil:
		same = *mine.name == *others.name
	}
	built := func(o *resolved) []any {
		return []any{o.image.tags, o.build.dockerfile, o.build.context, valueOr(o.build.target, "")}
	}
	return same && reflect.DeepEqual(built(b.options), built(other.options))
}
