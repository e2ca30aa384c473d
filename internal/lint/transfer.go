package lint

import (
	"path"
	"regexp"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// transfer is a COPY or an ADD.
type transfer struct {
	instructions.SourcesAndDest
	isAdd        bool
	from         string
	chown, chmod string
	parents      bool
}

func (in *instruction) transfer() (transfer, bool) {
	switch c := in.command.(type) {
	case *instructions.CopyCommand:
		return transfer{SourcesAndDest: c.SourcesAndDest, from: c.From, chown: c.Chown, chmod: c.Chmod, parents: c.Parents}, true
	case *instructions.AddCommand:
		return transfer{SourcesAndDest: c.SourcesAndDest, isAdd: true, chown: c.Chown, chmod: c.Chmod}, true
	}
	return transfer{}, false
}

var numericOwner = regexp.MustCompile(`^[0-9]+(:[0-9]+)?$`)

// namesOwner reports whether --chown has the name of a user or a group.
func (t transfer) namesOwner() bool { return t.chown != "" && !numericOwner.MatchString(t.chown) }

// wholeContext reports whether one of the sources is the whole build context.
func (t transfer) wholeContext() bool {
	for _, source := range t.contextPaths() {
		if source == "." || source == "*" {
			return true
		}
	}
	return false
}

// contextPaths returns the sources in the build context, relative to its root.
func (t transfer) contextPaths() []string {
	var paths []string
	for _, source := range t.SourcePaths {
		if t.from != "" || t.isAdd && isRemote(source) {
			continue
		}
		clean := strings.TrimPrefix(path.Join("/", unquoted(source)), "/")
		if clean == "" {
			clean = "."
		}
		paths = append(paths, clean)
	}
	return paths
}

// mayCopyNothing reports whether every source is a pattern, which may match no file.
func (t transfer) mayCopyNothing() bool {
	for _, source := range t.SourcePaths {
		if !strings.ContainsAny(source, "*?[\\") {
			return false
		}
	}
	return len(t.SourceContents) == 0
}

// names returns the names of the files that a COPY puts into its destination folder: those of heredocs, and
// of regular files of the context. ok is false if they are not known.
func (t transfer) names(context *Context) (names []string, ok bool) {
	for _, content := range t.SourceContents {
		names = append(names, path.Base(content.Path))
	}
	for _, source := range t.SourcePaths {
		if t.from != "" || !isLiteral(source) || strings.ContainsAny(source, "*?[") || !context.isRegular(source) {
			return nil, false
		}
		names = append(names, path.Base(source))
	}
	return names, true
}

// copiesFolders reports whether every source is known to be a folder.
func (t transfer) copiesFolders(context *Context) bool {
	for _, source := range t.SourcePaths {
		if t.from != "" || !isLiteral(source) || path.Clean("/"+source) != "/" && (strings.ContainsAny(source, "*?[") || !context.isFolder(source)) {
			return false
		}
	}
	return len(t.SourceContents) == 0
}

// isRemote reports whether ADD fetches the source from a URL or a Git repository.
func isRemote(source string) bool {
	source = unquoted(source)
	return strings.Contains(source, "://") || strings.HasPrefix(source, "git@") || strings.Contains(source, ".git#") ||
		strings.HasPrefix(source, "github.com/")
}

var quoteRemover = strings.NewReplacer(`"`, "", `'`, "")

func unquoted(word string) string { return quoteRemover.Replace(word) }

// isLiteral reports whether a path is used as written: it has no variable, quote, escape or Windows drive,
// and is not longer than Linux allows.
func isLiteral(word string) bool {
	return word != "" && len(word) < 4096 && !strings.ContainsAny(word, "$\"'\\`:")
}
