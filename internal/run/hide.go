package run

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/outputs"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/source"
)

// withoutOutputs returns the arguments for buildx. If layercache wrote files into the build context, they name
// a copy of the Dockerfile with an ignore file that leaves these files out. It looks again for every call,
// because another build may have written in the meantime.
func (b *build) withoutOutputs() (buildx.Args, error) {
	dir, local := localContext(b.Request, b.args)
	if !local {
		return b.args, nil
	}
	path, content, err := b.dockerfile()
	if err != nil {
		return b.args, err
	}
	hidden, err := outputs.Hide(dir, path, content, filepath.Join(b.dir, "dockerfile"), b.outputsToHide())
	if err != nil {
		return b.args, err
	}
	for _, kept := range hidden.Kept {
		b.warnEarly(fmt.Sprintf("%s, which layercache writes, is part of this build, so steps that copy it run again when it changes: write it outside of the build context", escape.Line(kept)))
	}
	if hidden.Dockerfile == "" {
		return b.args, nil
	}
	return b.args.WithDockerfile(hidden.Dockerfile), nil
}

// outputsToHide returns the paths that this build writes, which its build context leaves out.
func (b *build) outputsToHide() outputs.Own {
	own := outputs.Own{Paths: []string{b.dir}}
	if b.Settings.ReportDir != "" {
		own.Reports = within(b.Dir, b.Settings.ReportDir)
	}
	files, folders := b.writtenPaths()
	own.Paths, own.Caches = append(own.Paths, files...), folders
	return own
}

// writtenPaths returns the paths of what this build writes about itself, other than reports: files, and folders
// with caches.
func (b *build) writtenPaths() (files, folders []string) {
	files, folders = b.args.Records()
	if b.flags.Folder != "" {
		folders = append(folders, b.flags.Folder)
	}
	for _, paths := range [][]string{files, folders} {
		for i, path := range paths {
			paths[i] = within(b.Dir, path)
		}
	}
	return files, folders
}

// rememberOutputs records what this build wrote about itself, other than reports.
func (b *build) rememberOutputs() {
	files, folders := b.writtenPaths()
	for _, folder := range folders {
		files = append(files, outputs.CacheIn(folder)...)
	}
	outputs.Remember(files...)
}

// dockerfile returns the path and the content of the Dockerfile. The content is nil if buildx fetches it.
func (b *build) dockerfile() (path string, content []byte, err error) {
	switch {
	case b.args.Dockerfile == "-" && b.stdin != nil:
		if _, err := b.stdin.Seek(0, io.SeekStart); err != nil {
			return "", nil, fmt.Errorf("read the Dockerfile: %w", err)
		}
		content, err = io.ReadAll(b.stdin)
		return filepath.Join(b.dir, "Dockerfile"), content, err
	case b.args.Dockerfile == "-" || strings.Contains(b.args.Dockerfile, "://"):
		return filepath.Join(b.dir, "Dockerfile"), nil, nil
	}
	path = source.Dockerfile(within(b.Dir, cmp.Or(b.args.Dockerfile, filepath.Join(b.args.Context, "Dockerfile"))))
	content, err = source.ReadFile(path)
	if err != nil {
		return path, nil, nil // buildx reports the Dockerfile.
	}
	return path, content, nil
}

// localContext returns the folder of the build context; local is false if the context is not a folder.
func localContext(request Request, args buildx.Args) (dir string, local bool) {
	if args.Context == "" || args.Context == "-" {
		return "", false
	}
	dir = within(request.Dir, args.Context)
	info, err := os.Stat(dir)
	return dir, err == nil && info.IsDir()
}

// warnOfNamedContexts warns of files of layercache in named contexts. A frontend reads only the ignore file in
// a named context itself, so these files cannot be left out.
func (b *build) warnOfNamedContexts() {
	for _, context := range b.args.LocalContexts() {
		dir := within(b.Dir, context)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		hidden, err := outputs.Hide(dir, filepath.Join(b.dir, "Dockerfile"), nil, "", b.outputsToHide())
		if err != nil {
			continue
		}
		for _, kept := range hidden.Kept {
			b.warnEarly(fmt.Sprintf("%s in the named build context %s is written by layercache and cannot be left out, so steps that copy it run again when it changes: write it elsewhere, or add it to the .dockerignore of that folder", escape.Line(kept), escape.Line(context)))
		}
	}
}

// warnEarly adds a warning and says it at once, unless it is there already.
func (b *build) warnEarly(text string) {
	if !slices.Contains(b.all(), text) {
		b.warn("%s", text)
		b.say("%s", text)
	}
}
