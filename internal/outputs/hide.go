package outputs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/variables"
)

// Own are the paths that a build itself is going to write.
type Own struct {
	// Reports is the folder for reports.
	Reports string
	// Paths are further files and folders. Everything in a folder is layercache's.
	Paths []string
	// Caches are folders for caches. buildx creates a missing one before it sends the context.
	Caches []string
}

// found are the files and folders in a build context that layercache wrote.
type found struct {
	// Patterns are the lines of an ignore file that leave them out.
	Patterns []string
	// Kept are the paths that stay in the build, relative to the context, because an instruction copies them
	// by name or because no pattern can express them.
	Kept []string
}

// find looks for what layercache wrote in the context dir. dockerfile is the content of the Dockerfile, and
// ignored is the context's own ignore file: what it leaves out is not returned.
func find(dir string, dockerfile []byte, ignored source.Matcher, own Own) (found, error) {
	root, err := resolve(dir)
	if err != nil {
		return found{}, err
	}
	s := search{root: root, ours: map[string]bool{}, places: map[string]bool{}, named: namedBy(dockerfile)}
	s.add(remembered(root)...)
	for _, path := range append(state(), own.Paths...) {
		s.addIfPresent(path)
	}
	for _, path := range own.Caches {
		s.addCache(path)
	}
	for _, folder := range []string{own.Reports, filepath.Join(root, variables.DefaultReportDir), variables.DefaultReportDir} {
		s.addReports(folder)
	}
	return s.result(ignored)
}

// privateFolder matches the names of layercache's private folders in the folder for temporary files.
var privateFolder = regexp.MustCompile(`^layercache-((session|context|registry|setup|doctor|download)-)?\d+$`)

// state returns the folders that layercache keeps outside of the source. They are in a build context when the
// context is the home folder or contains the folder for temporary files.
func state() []string {
	paths, _ := filepath.Glob(filepath.Join(os.TempDir(), "layercache-*"))
	paths = slices.DeleteFunc(paths, func(path string) bool { return !privateFolder.MatchString(filepath.Base(path)) })
	if dir, err := toolchain.CacheDir(); err == nil {
		paths = append(paths, dir)
	}
	return paths
}

// search collects what layercache wrote below root.
type search struct {
	root string
	// ours are the paths relative to root. Everything below a folder among them is included.
	ours map[string]bool
	// places are the folders that layercache writes to: an empty one is layercache's too.
	places map[string]bool
	// named reports whether an instruction copies the path by name, and whether it copies something below it.
	named func(path string) (itself, below bool)
}

func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// relative returns the path relative to root; ok is false if it is not below root.
func (s *search) relative(path string) (relative string, ok bool) {
	relative, err := filepath.Rel(s.root, path)
	return relative, err == nil && relative != "." && filepath.IsLocal(relative)
}

func (s *search) add(paths ...string) {
	for _, path := range paths {
		if relative, ok := s.relative(path); ok {
			s.ours[relative] = true
		}
	}
}

// addIfPresent adds a path, which may be relative to the working directory and lead through symlinks.
func (s *search) addIfPresent(path string) {
	if resolved, err := resolve(path); err == nil {
		s.add(resolved)
	}
}

// addCache adds a folder for a cache: what a cache has in it, or the folders that have to be created.
func (s *search) addCache(path string) {
	if resolved, err := resolve(path); err == nil {
		s.add(CacheIn(resolved)...)
		s.addPlace(resolved)
		return
	}
	path = firstMissing(path)
	if parent, err := resolve(filepath.Dir(path)); err == nil {
		s.add(filepath.Join(parent, filepath.Base(path)))
	}
}

// CacheIn returns the paths of what a cache in a folder consists of.
//
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
func CacheIn(folder string) []string {
	var paths []string
	for _, name := range append(source.LayoutNames(), cache.RecordFile) {
		paths = append(paths, filepath.Join(folder, name))
	}
	return paths
}

// addPlace adds a folder that layercache writes to, which counts as layercache's while it is empty.
func (s *search) addPlace(folder string) {
	if relative, ok := s.relative(folder); ok {
		s.places[relative] = true
	}
}

// firstMissing returns the highest folder that does not exist in the path, or the path if it exists.
func firstMissing(path string) string {
	for parent := filepath.Dir(path); parent != path; parent = filepath.Dir(parent) {
		if _, err := os.Lstat(parent); err == nil {
			break
		}
		path = parent
	}
	return path
}

// addReports adds the reports in a folder and in the folders directly below it, where `layercache try` writes
// those of its builds.
func (s *search) addReports(folder string) {
	if folder == "" {
		return
	}
	folder, err := resolve(folder)
	if err != nil {
		return
	}
	folders := []string{folder}
	if entries, err := os.ReadDir(folder); err == nil {
		for _, entry := range entries {
			if entry.IsDir() {
				folders = append(folders, filepath.Join(folder, entry.Name()))
			}
		}
	}
	for _, dir := range folders {
		s.add(report.FilesIn(dir)...)
	}
	s.addPlace(folder)
}

// result returns the patterns. A folder that holds nothing else is left out as a whole, because an empty
// folder would be an input as well.
func (s *search) result(ignored source.Matcher) (found, error) {
	hidden := map[string]bool{}
	var result found
	for path := range s.ours {
		if itself, _ := s.named(path); itself {
			result.Kept = append(result.Kept, path)
			continue
		}
		hidden[s.largest(path)] = true
	}
	for path := range s.places {
		if info, err := os.Lstat(filepath.Join(s.root, path)); err == nil && info.IsDir() && s.onlyOurs(path) {
			hidden[s.largest(path)] = true
		}
	}
	for path := range hidden {
		out, err := ignored.MatchesOrParentMatches(path)
		if err != nil {
			return found{}, err
		}
		switch pattern, ok := patternFor(path); {
		case out:
		case ok:
			result.Patterns = append(result.Patterns, pattern)
		default:
			result.Kept = append(result.Kept, path)
		}
	}
	slices.Sort(result.Patterns)
	slices.Sort(result.Kept)
	return result, nil
}

// largest returns the highest folder above the path that holds nothing but what layercache wrote, or the
// path.
func (s *search) largest(path string) string {
	for parent := filepath.Dir(path); parent != "." && s.onlyOurs(parent); parent = filepath.Dir(parent) {
		path = parent
	}
	return path
}

// onlyOurs reports whether a folder holds nothing but what layercache wrote, and no instruction names it.
func (s *search) onlyOurs(folder string) bool {
	if itself, below := s.named(folder); itself || below {
		return false
	}
	if s.ours[folder] {
		return true
	}
	entries, err := os.ReadDir(filepath.Join(s.root, folder))
	if err != nil {
		return false
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		switch {
		case s.ours[path] || report.IsTemporary(entry.Name()):
		case entry.IsDir() && s.onlyOurs(path):
		default:
			return false
		}
	}
	return len(entries) > 0 || s.places[folder]
}

// patternFor returns the line of an ignore file that matches the path alone. ok is false if there is none, and for a path
// with a control character: BuildKit cannot send such a pattern, and fails.
//
// https://github.com/moby/patternmatcher/blob/v0.6.1/patternmatcher.go
func patternFor(path string) (pattern string, ok bool) {
	path = filepath.ToSlash(path)
	if !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) {
		return "", false
	}
	runes := []rune(path)
	var b strings.Builder
	for i, r := range runes {
		edge := i == 0 || i == len(runes)-1
		switch {
		case edge && unicode.IsSpace(r):
			b.WriteString("[" + string(r) + "]")
		case strings.ContainsRune(`*?[]\`, r) || i == 0 && strings.ContainsRune("!#", r):
			b.WriteString(`\` + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String(), true
}

// continuation is the end of a line that goes on in the next one.
var continuation = regexp.MustCompile("[\\\\`][ \t]*\r?\n")

// namedBy returns a function that reports whether an instruction of the Dockerfile names the path itself, or
// something below it, as the source of a COPY, an ADD or a mount.
func namedBy(dockerfile []byte) func(path string) (itself, below bool) {
	var sources []string
	for line := range strings.Lines(continuation.ReplaceAllString(string(dockerfile), " ")) {
		line = strings.TrimSpace(line)
		keyword, rest, _ := strings.Cut(line, " ")
		keyword = strings.ToUpper(keyword)
		for _, selection := range source.Selections(keyword + " " + strings.TrimSpace(rest)) {
			sources = append(sources, selection.Sources...)
		}
	}
	for i, path := range sources {
		sources[i] = strings.TrimPrefix(filepath.Clean("/"+strings.Trim(path, `"'`)), "/")
	}
	return func(path string) (itself, below bool) {
		return slices.Contains(sources, path), slices.ContainsFunc(sources, func(source string) bool {
			return strings.HasPrefix(source, path+string(filepath.Separator))
		})
	}
}

// writeIgnoring writes a copy of the Dockerfile to the folder to, next to an ignore file with the rules of the
// build's own one and the patterns, and returns its path. BuildKit reads the ignore file next to the
// Dockerfile, so nothing has to be written into the source. The policy of the Dockerfile is copied too.
//
// https://docs.docker.com/build/concepts/context/#filename-and-location
func writeIgnoring(to, name string, dockerfile, ignoreFile []byte, policy string, patterns []string) (string, error) {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return "", fmt.Errorf("write an ignore file: %w", err)
	}
	rules := string(ignoreFile)
	if rules != "" {
		rules += "\n"
	}
	rules += strings.Join(patterns, "\n") + "\n"
	path := filepath.Join(to, name)
	err := cmp.Or(os.WriteFile(path, dockerfile, 0o600), os.WriteFile(path+".dockerignore", []byte(rules), 0o600))
	if err != nil {
		return "", fmt.Errorf("write an ignore file: %w", err)
	}
	content, err := source.ReadFile(policy)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err == nil {
		err = os.WriteFile(path+".rego", content, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("copy the policy %s: %w", policy, err)
	}
	return path, nil
}

// Hidden is the result of Hide.
type Hidden struct {
	// Dockerfile is the path of a copy of the Dockerfile with an ignore file; empty if there is nothing to
	// leave out.
	Dockerfile string
	// Kept are the paths that layercache wrote and that stay in the build, relative to the context.
	Kept []string
}

// Hide looks for what layercache wrote in the context dir, and writes a copy of the Dockerfile to the folder
// to with an ignore file that leaves it out. dockerfile is the path of the Dockerfile, whose name the copy
// keeps, and content is what it contains; nil means that it cannot be copied.
func Hide(dir, dockerfile string, content []byte, to string, own Own) (Hidden, error) {
	file, ignored, err := source.Ignore(dir, dockerfile)
	if err != nil {
		return Hidden{}, nil // buildx reports the ignore file.
	}
	ours, err := find(dir, content, ignored, own)
	if err != nil || len(ours.Patterns) == 0 {
		return Hidden{Kept: ours.Kept}, err
	}
	if content == nil {
		return Hidden{Kept: append(ours.Kept, ours.Patterns...)}, nil
	}
	var rules []byte
	if file != "" {
		if rules, err = source.ReadFile(file); err != nil {
			return Hidden{}, fmt.Errorf("read the ignore file of the build context: %w", err)
		}
	}
	path, err := writeIgnoring(to, filepath.Base(dockerfile), content, rules, dockerfile+".rego", ours.Patterns)
	return Hidden{Dockerfile: path, Kept: ours.Kept}, err
}
