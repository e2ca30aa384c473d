package stacks

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/validation"
)

// group is the content of one build stack.
type group struct {
	stack  string
	builds []BuildConfig
	// shared reports whether the stack has what all builds of the place share: the pull-through cache rules.
	shared bool
}

// groups returns the build stacks of a place: first the one that is shared, then the others by name. count is
// the number of stacks over which the builds without Stack are spread.
func (c *Config) groups(p place, count int) []group {
	byStack := map[string][]BuildConfig{}
	for _, b := range c.Builds {
		name := c.stackOf(p, b, count)
		byStack[name] = append(byStack[name], b)
	}
	first := group{stack: c.firstStack(p, count), shared: true}
	first.builds = byStack[first.stack]
	delete(byStack, first.stack)
	var all []group
	if len(first.builds) > 0 || c.createsPullThrough(p) {
		all = append(all, first)
	}
	for _, name := range slices.Sorted(maps.Keys(byStack)) {
		all = append(all, group{stack: name, builds: byStack[name]})
	}
	return all
}

// firstStack returns the name of the stack with what all builds of a place share. With one stack it is that
// stack. With several it has no builds: it must not be a stack that an earlier deployment filled with builds,
// because an update would delete them.
func (c *Config) firstStack(p place, count int) string {
	if count == 1 {
		return c.Name + p.suffix
	}
	return c.Name + "-shared" + strings.TrimPrefix(p.suffix, "-build")
}

// stackOf returns the name of the stack of a build. It depends on no other build. The name contains the number
// of stacks, so that another number changes no stack that is deployed.
func (c *Config) stackOf(p place, b BuildConfig, count int) string {
	switch {
	case b.Stack != "":
		return c.Name + p.suffix + "-" + b.Stack
	case count > 1:
		return fmt.Sprintf("%s%s-%dof%d", c.Name, p.suffix, 1+bucket(b.Name, count), count)
	}
	return c.Name + p.suffix
}

// bucket returns a number from 0 to count-1 that depends only on the name.
func bucket(name string, count int) int {
	sum := sha256.Sum256([]byte(name))
	return int(binary.BigEndian.Uint64(sum[:]) % uint64(count))
}

const (
	// fitsOneStack is a number of images that fits into one stack, whatever the settings of their builds.
	fitsOneStack = 20
	// fitsNoStack is a number of builds that does not: a template has at most 200 outputs, two for each build.
	fitsNoStack = maxOutputs/2 + 1
	// perStack is the most builds in one of several stacks whose number is not configured. They fit with 12
	// resources each.
	perStack = 40
)

// stackCount returns the number of stacks over which the builds without Stack are spread in a place: Stacks or,
// if that is not set, 1 if the builds fit into one stack.
func (c *Config) stackCount(p place) int {
	if c.Stacks != nil {
		return int(*c.Stacks)
	}
	spread := *c
	spread.Builds = slices.DeleteFunc(slices.Clone(c.Builds), func(b BuildConfig) bool { return b.Stack != "" })
	switch n := len(spread.Builds); {
	case spread.images() <= fitsOneStack, n < fitsNoStack && spread.fitOneStack(p):
		return 1
	}
	count := 16
	for count < maxStacks && spread.largest(p, count) > perStack {
		count *= 4
	}
	return count
}

// images returns the number of images of the builds.
func (c *Config) images() int {
	n := 0
	for _, b := range c.Builds {
		n++
		if b.Bake != nil {
			n += len(b.Bake.Targets) + len(b.Bake.Images) - 1
		}
	}
	return n
}

// largest returns the number of builds in the largest stack.
func (c *Config) largest(p place, count int) int {
	largest := 0
	for _, g := range c.groups(p, count) {
		largest = max(largest, len(g.builds))
	}
	return largest
}

// maxStacks is the most stacks that the builds are spread over. An account has 2,000 stacks in a region by
// default.
const maxStacks = 1024

// validateStacks checks the number and the names of the build stacks.
func (c *Config) validateStacks(found *validation.Problems) {
	if n := c.Stacks; n != nil && (*n < 1 || *n > maxStacks || *n != float64(int(*n))) {
		found.Add("layercache.stacks", fmt.Sprintf("%v is not a number of stacks", *n), fmt.Sprintf("give a whole number from 1 to %d", maxStacks))
	}
	for i, b := range c.Builds {
		validateForm(found, fmt.Sprintf("layercache.builds[%d].stack", i), b.Stack, tierForm, nameFix)
	}
	owners := map[string]place{}
	for _, p := range c.places() {
		names := map[string]bool{c.Name + p.suffix: true}
		for _, b := range c.Builds {
			names[c.stackOf(p, b, 1)] = true
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if other, taken := owners[name]; taken && other.suffix != p.suffix {
				found.Add(p.key+".name", fmt.Sprintf("its stack %s is a stack of %s too", name, other.key), "give the environment or the stack of the build another name")
			}
			owners[name] = p
		}
	}
	c.validateApps(found)
}

// validateApps refuses builds that would overwrite the cache of each other. ImageBuild sees only those of its
// own stack.
func (c *Config) validateApps(found *validation.Problems) {
	byApp := map[string][]int{}
	for i, b := range c.Builds {
		at := slices.IndexFunc(byApp[b.App], func(j int) bool { return b.writesCacheOf(c.Builds[j]) })
		if at >= 0 {
			found.Add(fmt.Sprintf("layercache.builds[%d].app", i), fmt.Sprintf("%q is the app of builds[%d] too: each would overwrite the cache of the other", b.App, byApp[b.App][at]), "set another app for one of them")
		}
		byApp[b.App] = append(byApp[b.App], i)
	}
}

// writesCacheOf reports whether two builds with one app write one cache. Builds with one name are reported as
// such.
func (b BuildConfig) writesCacheOf(other BuildConfig) bool {
	const branch = "LAYERCACHE_BRANCH"
	samePlatform := slices.ContainsFunc(b.cachePlatforms(), func(platform string) bool { return slices.Contains(other.cachePlatforms(), platform) })
	samePlace := b.cachePlace() != "" && b.cachePlace() == other.cachePlace()
	return b.Name != other.Name && *orTrue(b.CacheWrite) && *orTrue(other.CacheWrite) && samePlace && samePlatform && b.Environment[branch] == other.Environment[branch]
}

// cachePlace returns where the build's layers are kept, or "" if no other build can write there.
func (b BuildConfig) cachePlace() string {
	switch imagebuild.CacheMode(b.CacheMode) {
	case "", imagebuild.RegistryCache:
		return "the tier"
	case imagebuild.S3Cache:
		return b.CacheBucket + "/" + b.CachePrefix
	}
	return ""
}

// cachePlatforms returns the platforms of the build's caches, as ImageBuild has them: one for each build of a
// batch, else one for all platforms together.
func (b BuildConfig) cachePlatforms() []string {
	platforms := slices.Sorted(slices.Values(b.Platforms))
	switch {
	case len(platforms) == 0:
		return []string{"linux/" + orDefault(b.Architecture, "amd64")}
	case slices.Equal(platforms, []string{"linux/amd64", "linux/arm64"}) && !*orFalse(b.CrossCompile):
		return platforms
	}
	return []string{strings.Join(platforms, ",")}
}
