package lint

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
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

// ReadContext looks at the build context dir. The ignore file is the one that BuildKit takes: DOCKERFILE.dockerignore beside
// the Dockerfile, else .dockerignore in the context.
//
// https://docs.docker.com/build/concepts/context/#dockerignore-files
func ReadContext(dir, dockerfile string) (*Context, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("look at the build context: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("the build context %s is no folder: --context names the folder that docker build gets", dir)
	}
	context := &Context{Files: os.DirFS(dir)}
	for _, path := range []string{dockerfile + ".dockerignore", filepath.Join(dir, ".dockerignore")} {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read what the build context leaves out: %w", err)
		}
		patterns, err := ignorefile.ReadAll(bufio.NewReader(file))
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if context.Ignored, err = patternmatcher.New(patterns); err != nil {
			return nil, fmt.Errorf("%s: %w: correct the pattern", path, err)
		}
		context.IgnoreFile = filepath.Base(path)
		return context, nil
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
