package source

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/layercache/layercache/internal/source/outline"
)

// selector finds files of a build context as BuildKit does.
type selector struct {
	root    *os.Root
	dir     string
	ignored *patternmatcher.PatternMatcher
	buffer  []byte
	// folder is the last folder that open used, at folderPath.
	folder     *os.Root
	folderPath string
}

// selectedFile is a file, folder or symlink, with its path relative to the context.
type selectedFile struct {
	path string
	info fs.FileInfo
}

// newSelector opens a context. dockerfile may be empty for one that has no Dockerfile of its own.
func newSelector(dir, dockerfile string) (*selector, error) {
	_, ignored, err := Ignore(dir, dockerfile)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &selector{root: root, dir: dir, ignored: ignored, buffer: make([]byte, 256<<10)}, nil
}

func (s *selector) close() {
	_ = s.root.Close()
	if s.folder != nil {
		_ = s.folder.Close()
	}
}

// open opens a file. It keeps the folder open for the next file, which usually is in the same one, because os.Root opens
// each folder of a path.
func (s *selector) open(name string) (*os.File, error) {
	in := path.Dir(name)
	if s.folder == nil || s.folderPath != in {
		folder, err := s.root.OpenRoot(in)
		if err != nil {
			return nil, err
		}
		if s.folder != nil {
			_ = s.folder.Close()
		}
		s.folder, s.folderPath = folder, in
	}
	return s.folder.Open(path.Base(name))
}

func (s *selector) absolute(relative string) string {
	return filepath.Join(s.dir, filepath.FromSlash(relative))
}

// files returns the files of the selection, sorted by path, and sets its Links. A symlink that leads to them counts too.
func (s *selector) files(ctx context.Context, selection *outline.Selection) ([]selectedFile, error) {
	found := map[string]fs.FileInfo{}
	for _, source := range selection.Sources {
		if err := s.add(ctx, found, source, selection); err != nil {
			return nil, err
		}
	}
	files := make([]selectedFile, 0, len(found))
	for path, info := range found {
		files = append(files, selectedFile{path, info})
	}
	slices.SortFunc(files, func(a, b selectedFile) int { return strings.Compare(a.path, b.path) })
	return files, nil
}

func (s *selector) add(ctx context.Context, found map[string]fs.FileInfo, source string, selection *outline.Selection) error {
	include, source, err := includePattern(source, selection.Parents)
	if err != nil {
		return err
	}
	exclude, err := patternmatcher.New(selection.Exclude)
	if err != nil {
		return err
	}
	tops := []string{clean(source)}
	if !selection.Literal && hasWildcards(source) {
		tops, _ = fs.Glob(s.root.FS(), clean(source)) // BuildKit reports an invalid pattern.
	}
	for _, top := range tops {
		real, links, err := s.resolve(top)
		if errors.Is(err, fs.ErrNotExist) {
			continue // BuildKit reports it.
		}
		if err != nil {
			return err
		}
		for path, info := range links {
			found[path] = info
			selection.Links = append(selection.Links, path, real)
		}
		if err := s.walk(ctx, found, real, include, exclude); err != nil {
			return err
		}
	}
	return nil
}

// includePattern splits a source of COPY --parents into a folder and the pattern below it. Without --parents there is
// no pattern.
//
// https://docs.docker.com/reference/dockerfile/#copy---parents
func includePattern(source string, parents bool) (include *patternmatcher.PatternMatcher, folder string, err error) {
	if !parents {
		return nil, source, nil
	}
	folder, pattern, pivot := strings.Cut(source, "/./")
	if !pivot {
		folder, pattern = "/", source
	}
	include, err = patternmatcher.New([]string{clean(pattern)})
	return include, folder, err
}

// walk adds the file or the files below the folder top. Patterns apply to paths relative to top.
func (s *selector) walk(ctx context.Context, found map[string]fs.FileInfo, top string, include, exclude *patternmatcher.PatternMatcher) error {
	readmitting := map[string]fs.DirEntry{} // Ignored folders, which BuildKit receives if an exception keeps a file in them.
	return fs.WalkDir(s.root.FS(), top, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if name == "." {
			return nil // The context itself is not compared.
		}
		ignored, err := s.ignored.MatchesOrParentMatches(filepath.FromSlash(name))
		if err != nil {
			return err
		}
		if ignored {
			if entry.IsDir() && !s.ignored.Exclusions() {
				return fs.SkipDir
			}
			if entry.IsDir() {
				readmitting[name] = entry
			}
			return nil
		}
		kept, err := keep(below(name, top), include, exclude)
		if err != nil || !kept {
			return err
		}
		for folder := path.Dir(name); include == nil && readmitting[folder] != nil; folder = path.Dir(folder) {
			if found[folder], err = readmitting[folder].Info(); err != nil {
				return err
			}
		}
		found[name], err = entry.Info()
		return err
	})
}

// below returns the path relative to top, which is the path itself or a folder above it; empty for top itself.
func below(name, top string) string {
	if top == "." {
		return name
	}
	return strings.TrimPrefix(strings.TrimPrefix(name, top), "/")
}

// keep reports whether the patterns keep a path, relative to what a source names. --exclude does not apply to what is
// named itself.
func keep(relative string, include, exclude *patternmatcher.PatternMatcher) (bool, error) {
	if relative != "" {
		excluded, err := exclude.MatchesOrParentMatches(filepath.FromSlash(relative))
		if err != nil || excluded {
			return false, err
		}
	}
	if include == nil {
		return true, nil
	}
	return include.MatchesOrParentMatches(filepath.FromSlash(relative))
}

// maxLinks is the number of symlinks that a path may lead through.
const maxLinks = 40

// resolve follows the symlinks in a path, which never lead out of the context, and returns where it leads and the
// symlinks on the way.
func (s *selector) resolve(name string) (real string, links map[string]fs.FileInfo, err error) {
	links = map[string]fs.FileInfo{}
	waiting := strings.Split(name, "/")
	real = "."
	for followed := 0; len(waiting) > 0; {
		part := waiting[0]
		waiting = waiting[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			real = path.Dir(real)
			continue
		}
		next := path.Join(real, part)
		info, err := s.root.Lstat(next)
		if err != nil {
			return "", nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			real = next
			continue
		}
		if followed++; followed > maxLinks {
			return "", nil, fs.ErrNotExist
		}
		target, err := s.root.Readlink(next)
		if err != nil {
			return "", nil, err
		}
		links[next] = info
		if path.IsAbs(target) {
			real = "."
		}
		waiting = append(strings.Split(target, "/"), waiting...)
	}
	return real, links, nil
}

// clean returns the path relative to the context.
func clean(source string) string {
	if relative := strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(source)), "/"); relative != "" {
		return relative
	}
	return "."
}

// hasWildcards reports whether the path has a wildcard of path.Match.
func hasWildcards(name string) bool {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '*', '?', '[':
			return true
		case '\\':
			i++
		}
	}
	return false
}
