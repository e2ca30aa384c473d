package main

import (
	"cmp"
	"slices"
)

// mount is a cache mount of an app: the bytes that a build saves, as stored (compressed). whole is the size of the
// mount, source and dependencies what is new in it after such a change.
type mount struct{ whole, source, dependencies int64 }

// goMounts are the module and the build cache of a Go program with some 300 packages: 192 and 256 MB, which zstd
// packs to 106 and 61 MB. What a change adds is an assumption.
var goMounts = []mount{{whole: 106e6, dependencies: 10e6}, {whole: 61e6, source: 3e6, dependencies: 9e6}}

// fresh returns how much a build adds to the mount that it has restored.
func (m mount) fresh(c change) int64 {
	switch c {
	case source:
		return m.source
	case dependencies:
		return m.dependencies
	}
	return m.whole
}

// mountTag is the place of a mount: a branch and the mount's position.
type mountTag struct{ branch, mount int }

// mountArchive is a manifest of a mount.
type mountArchive struct {
	pushed float64
	packs  []pack
}

// pack is a layer of a mount. live are the bytes of the files that the mount still has.
type pack struct {
	version     int
	bytes, live int64
}

const (
	// packBytes is the size after which a new pack begins.
	packBytes = 30e6
	// mergeFactor is that of internal/cachemount/archive.
	mergeFactor = 2
	// renewAfter is that of internal/cache, in days: the age from which an unchanged archive is written again.
	renewAfter = 3
)

// saveMounts applies a build to the mounts. What a change adds replaces as much of the mount. Packs that are mostly
// dead and small ones are written again, as internal/cachemount/archive does.
func (r *repository) saveMounts(b build, c change) {
	if c == nothing {
		return
	}
	for i, m := range r.mounts {
		tag := mountTag{b.branch, i}
		own, found := r.archives[tag]
		before := own
		if !found {
			before = r.archives[mountTag{0, i}]
		}
		fresh := m.fresh(c)
		if len(before.packs) == 0 {
			fresh = m.whole
		}
		packs := before.packs
		switch {
		case fresh > 0:
			packs = r.repack(packs, fresh)
		case !found || b.day-own.pushed < renewAfter:
			continue
		}
		if found {
			r.untaggedMounts = append(r.untaggedMounts, own)
		}
		r.archives[tag] = mountArchive{b.day, packs}
	}
}

// repack returns the packs of a mount after fresh bytes of it were replaced.
func (r *repository) repack(before []pack, fresh int64) []pack {
	packs := slices.SortedFunc(slices.Values(before), func(a, b pack) int { return cmp.Compare(b.bytes, a.bytes) })
	dead := fresh
	for i := range packs {
		n := min(dead, packs[i].live)
		packs[i].live -= n
		dead -= n
	}
	slices.Reverse(packs)
	size := fresh
	var kept []pack
	for _, p := range packs {
		if p.live < p.bytes/2 || p.bytes <= mergeFactor*size {
			size += p.live
		} else {
			kept = append(kept, p)
		}
	}
	for ; size > 0; size -= packBytes {
		r.versions++
		n := min(size, packBytes)
		kept = append(kept, pack{r.versions, n, n})
	}
	return kept
}

// expireMounts applies the lifecycle rules to the mounts.
func (r *repository) expireMounts(now float64) {
	r.untaggedMounts = slices.DeleteFunc(r.untaggedMounts, func(a mountArchive) bool { return now-a.pushed > r.rules.untagged })
	for tag, a := range r.archives {
		if now-a.pushed > r.rules.cache {
			delete(r.archives, tag)
		}
	}
}

// mountBytes returns the stored bytes of the mounts. A pack counts once, however many manifests share it.
func (r *repository) mountBytes() int64 {
	var total int64
	seen := map[int]bool{}
	note := func(a mountArchive) {
		for _, p := range a.packs {
			if !seen[p.version] {
				seen[p.version] = true
				total += p.bytes
			}
		}
	}
	for _, a := range r.archives {
		note(a)
	}
	for _, a := range r.untaggedMounts {
		note(a)
	}
	return total
}
