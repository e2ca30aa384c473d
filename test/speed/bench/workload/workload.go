// Package workload has the applications that the benchmark builds. Each is a folder with a Dockerfile that is
// written again for every build, with the changes of that build.
package workload

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"text/template"
)

//go:embed line app large node helper npm pnpm pip cargo maven apt
var files embed.FS

// Workload is one application.
type Workload struct {
	// Key is the name on the command line, Letter the one in the tables.
	Key, Letter string
	// What describes the application on the page.
	What string
	// Bases are the base images in its Dockerfile.
	Bases []string
	// Changing is the base image that gets a new release in the phases with a changed base.
	Changing string
	// Proof is a file of the image that contains Revision.Source; empty if the image has none.
	Proof string
	// write writes the application's files.
	write func(dir string, r Revision) error
}

// Revision holds what differs between builds of a workload.
type Revision struct {
	// Bases is the location of the base images, HOST/PREFIX.
	Bases string
	// Source and Dependencies are texts in the source and in the list of dependencies.
	Source, Dependencies string
	// Linked builds with COPY --link.
	Linked bool
}

// First is the first text of a source and of a list of dependencies.
const First = "first"

// Newer reports whether the dependencies are not the first ones.
func (r Revision) Newer() bool { return r.Dependencies != First }

// Link returns the flag for a COPY, followed by a space, or "".
func (r Revision) Link() string {
	if r.Linked {
		return "--link "
	}
	return ""
}

// All returns the workloads in the order of the tables.
func All() []Workload {
	all := []Workload{
		{Key: "line", Letter: "a", What: "a Dockerfile of one line", Bases: []string{Small}, Changing: Small, write: embedded("line")},
		{Key: "app", Letter: "b", What: "a base of 220 MB, a dependency step that writes 100 MB in 2,000 files, a source step of seconds",
			Bases: []string{Builder, Platform}, Changing: Platform, Proof: "app/program/revision", write: embedded("app")},
		{Key: "go", Letter: "c", What: "a Go service", Bases: []string{Golang}, Changing: Golang, write: goService},
		{Key: "node", Letter: "d", What: "a Node.js service with a lock file, its packages from the npm registry",
			Bases: []string{Node}, Changing: Node, Proof: "app/revision", write: embedded("node")},
		wide("wide", "e", 200),
		{Key: "large", Letter: "f", What: "an image of 2 GB", Bases: []string{Platform}, Changing: Platform, Proof: "data/revision", write: embedded("large")},
	}
	all = append(all, mounted()...)
	for _, steps := range []int{50, 100, 400} {
		all = append(all, wide(fmt.Sprintf("wide-%d", steps), "e", steps))
	}
	return all
}

// Named returns the workload with the key.
func Named(key string) (Workload, error) {
	for _, w := range All() {
		if w.Key == key {
			return w, nil
		}
	}
	return Workload{}, fmt.Errorf("bench: unknown workload %q", key)
}

// Write replaces the folder with the application at the revision.
func (w Workload) Write(dir string, r Revision) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if err := w.write(dir, r); err != nil {
		return fmt.Errorf("bench: write workload %s: %w", w.Key, err)
	}
	return nil
}

// embedded writes one of this package's folders, whose files are templates, and the two files that builds
// change.
func embedded(name string) func(string, Revision) error {
	return func(dir string, r Revision) error {
		sub, err := fs.Sub(files, name)
		if err != nil {
			return err
		}
		err = fs.WalkDir(sub, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := fs.ReadFile(sub, path)
			if err != nil {
				return err
			}
			return render(filepath.Join(dir, path), string(content), r)
		})
		if err != nil {
			return err
		}
		return revisions(dir, name, r)
	}
}

// revisions writes the files with the revision's texts, where the workload's Dockerfile copies them from.
func revisions(dir, name string, r Revision) error {
	switch name {
	case "app":
		if err := text(filepath.Join(dir, "src", "revision"), r.Source); err != nil {
			return err
		}
	case "large", "node", "npm", "pnpm", "pip", "cargo", "maven", "apt":
		if err := text(filepath.Join(dir, "revision"), r.Source); err != nil {
			return err
		}
	}
	if !slices.Contains([]string{"app", "large", "node"}, name) {
		return nil // The list of dependencies of the others is that of their package manager.
	}
	return text(filepath.Join(dir, "dependencies.txt"), r.Dependencies)
}

func render(path, content string, r Revision) error {
	parsed, err := template.New(filepath.Base(path)).Parse(content)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := parsed.Execute(file, r); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

func text(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content+"\n"), 0o644)
}
