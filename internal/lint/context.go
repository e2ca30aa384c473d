package lint

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/layercache/layercache/internal/source"
)

// Context describes a build context.
type Context struct {
	// Files are the files of the context.
	Files fs.FS
	// IgnoreFile is the name of the ignore file; empty when there is none.
	IgnoreFile string
	// Ignored matches the paths that the ignore file excludes; nil when there is none.
	Ignored *patternmatcher.PatternMatcher
}

// ReadContext reads the build context dir, with the ignore file that BuildKit uses for the Dockerfile.
func ReadContext(dir, dockerfile string) (*Context, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("read the build context: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("the build context %s is not a folder: set --context to the folder that docker build gets", dir)
	}
	file, ignored, err := source.Ignore(dir, dockerfile)
	if err != nil {
		return nil, err
	}
	context := &Context{Files: os.DirFS(dir)}
	if file != "" {
		context.IgnoreFile, context.Ignored = filepath.Base(file), ignored
	}
	return context, nil
}

// FindContext returns the build context of a Dockerfile in a folder: that folder, or the nearest above it, up
// to the root of the Git repository, that has everything that the Dockerfile copies. ok is false if none has
// it, or if the Dockerfile copies only whole folders and a folder above has an ignore file, so that the
// context may be that one.
func FindContext(source []byte, dir string) (context string, ok bool) {
	file, err := parse(source, "")
	if err != nil {
		return dir, true // Check reports the error.
	}
	names, absolute := file.literalSources(), dir
	if found, err := filepath.Abs(dir); err == nil {
		absolute = found
	}
	for folder, context := absolute, dir; ; folder, context = filepath.Dir(folder), filepath.Join(context, "..") {
		if hasAll(folder, names) {
			return context, len(names) > 0 || folder == absolute && !ignoredAbove(folder)
		}
		if _, err := os.Stat(filepath.Join(folder, ".git")); err == nil || folder == filepath.Dir(folder) {
			return "", false
		}
	}
}

// literalSources returns the paths that the Dockerfile copies from the context, without patterns, variables
// and the context itself.
func (d *dockerfile) literalSources() []string {
	var names []string
	for _, s := range d.stages {
		for _, in := range s.own {
			t, ok := in.transfer()
			if !ok {
				continue
			}
			for _, name := range t.contextPaths() {
				if name != "." && isLiteral(name) && !strings.ContainsAny(name, "*?[") {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

func hasAll(dir string, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err != nil
	})
}

// ignoredAbove reports whether a folder above dir, up to the root of the Git repository, has an ignore file
// and dir has none.
func ignoredAbove(dir string) bool {
	for folder := dir; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, ".dockerignore")); err == nil {
			return folder != dir
		}
		if _, err := os.Stat(filepath.Join(folder, ".git")); err == nil || folder == filepath.Dir(folder) {
			return false
		}
	}
}

// sendsGit reports whether .git exists and is sent to the build.
func (x *Context) sendsGit() bool {
	if _, err := fs.Stat(x.Files, ".git"); err != nil {
		return false
	}
	if x.Ignored == nil {
		return true
	}
	for _, path := range []string{".git/HEAD", ".git/index"} {
		if ignored, err := x.Ignored.MatchesOrParentMatches(path); err == nil && !ignored {
			return true
		}
	}
	return false
}

// includesGit reports whether the ignore file has an exception for .git.
func (x *Context) includesGit() bool {
	return x.Ignored != nil && slices.ContainsFunc(x.Ignored.Patterns(), func(p *patternmatcher.Pattern) bool {
		name := strings.TrimPrefix(p.String(), "/")
		return p.Exclusion() && (name == ".git" || strings.HasPrefix(name, ".git/"))
	})
}

// hasOutput reports whether the context has a folder that is usually made by a build or a package manager.
func (x *Context) hasOutput() bool {
	return slices.ContainsFunc([]string{"node_modules", "dist", "build", "target", "out", ".venv", "venv", "coverage", "bin", "obj", ".next", "__pycache__"}, x.isDir)
}

// isDir reports whether a path of the context is a folder.
func (x *Context) isDir(path string) bool {
	info, err := fs.Stat(x.Files, path)
	return err == nil && info.IsDir()
}

// isRegular reports whether a path is a regular file, without a symlink on the way.
func (x *Context) isRegular(name string) bool {
	info := x.lstat(name)
	return info != nil && info.Mode().IsRegular()
}

// isFolder reports whether a path is a folder, without a symlink on the way.
func (x *Context) isFolder(name string) bool {
	info := x.lstat(name)
	return info != nil && info.IsDir()
}

// lstat returns the information on a path; nil if it does not exist or has a symlink on the way.
func (x *Context) lstat(name string) fs.FileInfo {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if x == nil || name == "" {
		return nil
	}
	for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
		if info, err := fs.Lstat(x.Files, folder); err != nil || !info.IsDir() {
			return nil
		}
	}
	info, err := fs.Lstat(x.Files, name)
	if err != nil {
		return nil
	}
	return info
}

// checkContext reports the first COPY or ADD that copies more of the context than the image needs.
func checkContext(c *checker) {
	x := c.options.Context
	if x == nil {
		return
	}
	whole, folder := c.firstCopies(x)
	git := x.sendsGit()
	switch {
	case whole != nil && x.Ignored == nil:
		level := Info
		if git || x.hasOutput() {
			level = Warning
		}
		message := "the whole context is copied and there is no .dockerignore: a change to any file rebuilds this layer and all layers after it"
		if git {
			message += "; .git is copied too, and changes with each commit"
		}
		c.report(whole, advice{level: level, message: message, change: "add a .dockerignore that excludes .git, build output and documentation; or copy only what the build needs",
			effect: "the layer comes from the cache until a file that the image needs changes"})
	case whole != nil && git && x.includesGit():
		c.report(whole, advice{level: Info, message: x.IgnoreFile + " includes .git on purpose, and the whole context is copied: each commit rebuilds this layer and all layers after it",
			change: "exclude .git from this COPY with --exclude=.git, and mount it where it is read: RUN --mount=type=bind,source=.git,target=.git",
			effect: "a commit that changes no file of the image keeps the layer"})
	case whole != nil && git:
		c.report(whole, advice{message: x.IgnoreFile + " does not exclude .git, and the whole context is copied: each commit rebuilds this layer and all layers after it",
			change: "add the line .git to " + x.IgnoreFile, effect: "a commit that changes no file of the image keeps the layer"})
	case folder != nil && x.Ignored == nil:
		c.report(folder, advice{level: Info, message: "a folder is copied and there is no .dockerignore: any new file in it rebuilds this layer and all layers after it",
			change: "add a .dockerignore that excludes build output and documentation", effect: "the layer comes from the cache until a file that the image needs changes"})
	}
}

// firstCopies returns the first COPY or ADD of the whole context, and the first of a folder in it.
func (c *checker) firstCopies(x *Context) (whole, folder *instruction) {
	for _, s := range c.stages {
		for _, in := range s.own {
			t, ok := in.transfer()
			if !ok || in.ignores(c.rule.ID) {
				continue
			}
			if whole == nil && t.wholeContext() {
				whole = in
			}
			for _, path := range t.contextPaths() {
				if folder == nil && path != "." && x.isDir(path) {
					folder = in
				}
			}
		}
	}
	return whole, folder
}
