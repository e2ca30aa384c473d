package main

// rules are the lifecycle rules of a cache repository, in days since the push.
type rules struct{ untagged, cache, record float64 }

// defaultRules are those of constructs/lifecycle, shortRules an example for many branches.
var (
	defaultRules = rules{untagged: 1, cache: 30, record: 120}
	shortRules   = rules{untagged: 1, cache: 7, record: 14}
)

// layers are the sizes of the parts of an app's cache, in bytes as stored (compressed).
type layers struct {
	name                       string
	base, dependencies, source int64
}

// manifest is one image of the cache repository, as ECR counts images: a cache or a record.
type manifest struct {
	pushed float64
	record bool
	// dependencies and source are the versions of a cache's layers.
	dependencies, source int
}

// repository is the content of the cache repository for one app.
type repository struct {
	sizes layers
	rules rules
	// caches and records are the tagged manifests by branch, untagged those that were replaced.
	caches, records map[int]manifest
	untagged        []manifest
	// versions is the number of layers created so far.
	versions int

	// mounts are the cache mounts of the app. archives are their tagged manifests, untaggedMounts those that were
	// replaced.
	mounts         []mount
	archives       map[mountTag]mountArchive
	untaggedMounts []mountArchive
}

func newRepository(sizes layers, mounts []mount, r rules) *repository {
	return &repository{
		sizes: sizes, rules: r, caches: map[int]manifest{}, records: map[int]manifest{},
		mounts: mounts, archives: map[mountTag]mountArchive{},
	}
}

// build applies a build and returns its kind. A cache that has expired is not found.
func (r *repository) build(b build) kind {
	own, found := r.caches[b.branch]
	k := kind{later, b.change}
	before := own
	switch {
	case b.branch == 0:
		k.scope = mainBranch
		if !found {
			k.change = everything
		}
	case !found:
		k.scope = first
		main, ok := r.caches[0]
		before = main
		if !ok {
			k.change = everything
		}
	}
	if k.change == everything {
		k.scope = mainBranch // without any cache, other branches only ask for one more missing manifest
	}
	r.saveMounts(b, k.change)
	if !k.writes() {
		return k
	}
	next := manifest{pushed: b.day, dependencies: before.dependencies, source: before.source}
	if k.change == everything || k.change == dependencies {
		r.versions++
		next.dependencies = r.versions
	}
	if k.change != nothing {
		r.versions++
		next.source = r.versions
	}
	r.put(r.caches, b.branch, next)
	r.put(r.records, b.branch, manifest{pushed: b.day, record: true})
	return k
}

func (r *repository) put(tags map[int]manifest, branch int, next manifest) {
	if replaced, ok := tags[branch]; ok {
		r.untagged = append(r.untagged, replaced)
	}
	tags[branch] = next
}

// expire applies the lifecycle rules, which ECR does within a day.
func (r *repository) expire(now float64) {
	kept := r.untagged[:0]
	for _, m := range r.untagged {
		if now-m.pushed <= r.rules.untagged {
			kept = append(kept, m)
		}
	}
	r.untagged = kept
	for branch, m := range r.caches {
		if now-m.pushed > r.rules.cache {
			delete(r.caches, branch)
		}
	}
	for branch, m := range r.records {
		if now-m.pushed > r.rules.record {
			delete(r.records, branch)
		}
	}
	r.expireMounts(now)
}

// images returns the number of images as ECR counts them.
func (r *repository) images() int {
	return len(r.caches) + len(r.records) + len(r.untagged) + len(r.archives) + len(r.untaggedMounts)
}

// bytes returns the stored bytes. Each layer counts once, however many caches share it; records are too small
// to count.
func (r *repository) bytes() int64 {
	dependencies, sources := map[int]bool{}, map[int]bool{}
	note := func(m manifest) {
		if !m.record {
			dependencies[m.dependencies], sources[m.source] = true, true
		}
	}
	for _, m := range r.caches {
		note(m)
	}
	for _, m := range r.untagged {
		note(m)
	}
	total := int64(len(dependencies))*r.sizes.dependencies + int64(len(sources))*r.sizes.source
	if len(dependencies) > 0 {
		total += r.sizes.base
	}
	return total + r.mountBytes()
}
