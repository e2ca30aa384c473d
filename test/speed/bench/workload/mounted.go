package workload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/layercache/layercache/internal/bundle"
)

// mounted returns the workloads with cache mounts. Their Dockerfiles use them as the documentation of Docker or of the
// package manager recommends.
func mounted() []Workload {
	return []Workload{
		{Key: "helper", Letter: "g", What: "Go: layercache's own program, with cache mounts for modules and for compiled packages",
			Bases: []string{Golang, Small}, Changing: Golang, Proof: "revision", write: helper},
		{Key: "cargo", Letter: "h", What: "Rust: a service with 80 crates, with cache mounts for crates and for compiled crates",
			Bases: []string{Rust, Debian, Small}, Changing: Rust, Proof: "app/revision", write: embedded("cargo")},
		{Key: "maven", Letter: "i", What: "Java: a Spring Boot service, with a cache mount for Maven's repository",
			Bases: []string{Maven, Small}, Changing: Maven, Proof: "app/revision", write: embedded("maven")},
		{Key: "npm", Letter: "j", What: "Node.js with npm and a webpack build, with cache mounts for packages and for webpack's cache",
			Bases: []string{Node, Small}, Changing: Node, Proof: "app/revision", write: embedded("npm")},
		{Key: "pnpm", Letter: "k", What: "Node.js with pnpm: the same application, installed after the whole context was copied, as pnpm's documentation does",
			Bases: []string{Node, Small}, Changing: Node, Proof: "app/revision", write: embedded("pnpm")},
		{Key: "pip", Letter: "l", What: "Python with pip, with a cache mount for packages",
			Bases: []string{Python, Small}, Changing: Python, Proof: "app/revision", write: embedded("pip")},
		{Key: "apt", Letter: "m", What: "Debian with apt, with cache mounts for package lists and package files",
			Bases: []string{Debian, Small}, Changing: Debian, Proof: "app/revision", write: embedded("apt")},
	}
}

// Mounted returns the keys of the workloads with cache mounts.
func Mounted() (keys []string) {
	for _, w := range mounted() {
		keys = append(keys, w.Key)
	}
	return keys
}

// cacheMount matches the flag of a cache mount with what follows it up to the next word.
var cacheMount = regexp.MustCompile(`--mount=(type=cache\S*)\s+(?:\\\n\s*)?`)

// Mount is a cache mount of a Dockerfile.
type Mount struct {
	// Flag is the value of --mount, and Target the path of the mount.
	Flag, Target string
}

// Mounts returns the cache mounts of an application's Dockerfile, each once.
func Mounts(dir string) ([]Mount, error) {
	content, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	var mounts []Mount
	known := map[string]bool{}
	for _, found := range cacheMount.FindAllSubmatch(content, -1) {
		m := Mount{Flag: string(found[1])}
		for option := range strings.SplitSeq(m.Flag, ",") {
			if target, ok := strings.CutPrefix(option, "target="); ok {
				m.Target = target
			}
		}
		if m.Target == "" {
			return nil, fmt.Errorf("bench: the cache mount %q has no target", m.Flag)
		}
		if !known[m.Target] {
			known[m.Target] = true
			mounts = append(mounts, m)
		}
	}
	return mounts, nil
}

// RemoveMounts removes the cache mounts from an application's Dockerfile.
func RemoveMounts(dir string) error {
	path := filepath.Join(dir, "Dockerfile")
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, cacheMount.ReplaceAll(content, nil), 0o644)
	}
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return nil
}

// added is the module that a changed helper imports. It needs no other module.
const (
	addedModule = "github.com/rivo/uniseg"
	addedGoMod  = "\nrequire " + addedModule + " v0.4.7\n"
	addedGoSum  = addedModule + " v0.4.7 h1:WUdvkW8uEhrYfLC4ZzdpI2ztxP1I582+49Oc5Mq64VQ=\n" +
		addedModule + " v0.4.7/go.mod h1:FN3SvrM+Zdj16jyLfmOkMNblXMcoc8DfTHruCPUcx88=\n"
)

// helperSource returns the files of layercache's own program. They are read once, because somebody may work in the
// checkout during a run.
var helperSource = sync.OnceValues(func() (map[string][]byte, error) {
	source, err := bundle.SourceDir(context.Background())
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, top := range []string{"go.mod", "go.sum", "internal", "bin/layercache"} {
		err := filepath.WalkDir(filepath.Join(source, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			name, err := filepath.Rel(source, path)
			if err == nil {
				files[name], err = os.ReadFile(path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
})

// helper is the source of layercache's own program. Its source changes in a package that a few others import.
func helper(dir string, r Revision) error {
	source, err := helperSource()
	if err != nil {
		return err
	}
	files, imported := maps.Clone(source), ""
	if r.Newer() {
		imported = "\nimport _ \"" + addedModule + "\"\n"
		files["go.mod"] = append(slices.Clone(source["go.mod"]), addedGoMod...)
		files["go.sum"] = append(slices.Clone(source["go.sum"]), addedGoSum...)
	}
	files["internal/run/revision.go"] = fmt.Appendf(nil, "package run\n%s\n// Revision changes.\nvar Revision = %q\n", imported, r.Source)
	files["revision"] = []byte(r.Source + "\n")
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			return err
		}
	}
	return embedded("helper")(dir, r)
}
