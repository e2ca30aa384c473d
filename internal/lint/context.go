package lint

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher"

	"github.com/layercache/layercache/internal/buildcontext"
)

// Context is what is known of a build context.
type Context struct {
	// Files are the files of the context.
	Files fs.FS
	// IgnoreFile is the name of the ignore file, empty when there is none.
	IgnoreFile string
	// Ignored tells whether the ignore file leaves a path out. Nil when there is none.
	Ignored *patternmatcher.PatternMatcher
}

// ReadContext looks at the build context dir, and for the ignore file that BuildKit takes for the Dockerfile.
func ReadContext(dir, dockerfile string) (*Context, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("look at the build context: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("the build context %s is no folder: --context names the folder that docker build gets", dir)
	}
	file, ignored, err := buildcontext.Ignore(dir, dockerfile)
	if err != nil {
		return nil, err
	}
	context := &Context{Files: os.DirFS(dir)}
	if file != "" {
		context.IgnoreFile, context.Ignored = filepath.Base(file), ignored
	}
	return context, nil
}

// sendsGit tells whether .git is there and goes into the build.
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

// isDir tells whether a path of the context is a folder.
func (x *Context) isDir(path string) bool {
	info, err := fs.Stat(x.Files, path)
	return err == nil && info.IsDir()
}

// checkContext looks for COPY and ADD that take more from the context than the image needs. It reports the first one.
func checkContext(c *checker) {
	x := c.options.Context
	if x == nil {
		return
	}
	whole, folder := c.firstCopies(x)
	git := x.sendsGit()
	switch {
	case whole != nil && x.Ignored == nil:
		message := "the whole context is copied and there is no .dockerignore: a change of any file, needed or not, makes this layer and all after it again"
		if git {
			message += "; .git is among them and changes with each commit"
		}
		c.report(whole, advice{message: message, change: "write a .dockerignore with .git, what the build makes, and what only people read; or copy only what the build needs",
			effect: "the layer comes from the cache until a file changes that the image needs"})
	case whole != nil && git:
		c.report(whole, advice{message: x.IgnoreFile + " does not leave out .git, and the whole context is copied: each commit makes this layer and all after it again",
			change: "add the line .git to " + x.IgnoreFile, effect: "a commit that changes no file of the image keeps the layer"})
	case folder != nil && x.Ignored == nil:
		c.report(folder, advice{level: Info, message: "a folder is copied and there is no .dockerignore: whatever comes to lie in it makes this layer and all after it again",
			change: "write a .dockerignore with what the build makes and what only people read", effect: "the layer comes from the cache until a file changes that the image needs"})
	}
}

// firstCopies are the first COPY or ADD of the whole context, and the first of one of its folders.
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
