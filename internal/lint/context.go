package lint

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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

// isDir reports whether a path of the context is a folder.
func (x *Context) isDir(path string) bool {
	info, err := fs.Stat(x.Files, path)
	return err == nil && info.IsDir()
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
		message := "the whole context is copied and there is no .dockerignore: a change to any file rebuilds this layer and all layers after it"
		if git {
			message += "; .git is copied too, and changes with each commit"
		}
		c.report(whole, advice{message: message, change: "add a .dockerignore that excludes .git, build output and documentation; or copy only what the build needs",
			effect: "the layer comes from the cache until a file that the image needs changes"})
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
