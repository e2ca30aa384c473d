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
func (j *job) withoutOutputs() (buildx.Args, error) {
	dir, local := localContext(j.Request, j.args)
	if !local {
		return j.args, nil
	}
	path, content, err := j.dockerfile()
	if err != nil {
		return j.args, err
	}
	hidden, err := outputs.Hide(dir, path, content, filepath.Join(j.dir, "dockerfile"), j.ownOutputs())
	if err != nil {
		return j.args, err
	}
	for _, kept := range hidden.Kept {
		j.warnEarly(fmt.Sprintf("%s, which layercache writes, is part of this build, so steps that copy it run again when it changes: write it outside of the build context", escape.Line(kept)))
	}
	if hidden.Dockerfile == "" {
		return j.args, nil
	}
	return j.args.WithDockerfile(hidden.Dockerfile), nil
}

// ownOutputs are the paths that this build writes.
func (j *job) ownOutputs() outputs.Own {
	own := outputs.Own{Paths: []string{j.dir}}
	if j.Settings.ReportDir != "" {
		own.Reports = within(j.Dir, j.Settings.ReportDir)
	}
	files, folders := j.records()
	own.Paths, own.Caches = append(own.Paths, files...), folders
	return own
}

// records returns the paths of what this build writes about itself, other than reports: files, and folders
// with caches.
func (j *job) records() (files, folders []string) {
	files, folders = j.args.Records()
	if j.flags.Folder != "" {
		folders = append(folders, j.flags.Folder)
	}
	for _, paths := range [][]string{files, folders} {
		for i, path := range paths {
			paths[i] = within(j.Dir, path)
		}
	}
	return files, folders
}

// rememberOutputs records what this build wrote about itself, other than reports.
func (j *job) rememberOutputs() {
	files, folders := j.records()
	for _, folder := range folders {
		files = append(files, outputs.CacheIn(folder)...)
	}
	outputs.Remember(files...)
}

// dockerfile returns the path and the content of the Dockerfile. The content is nil if buildx fetches it.
func (j *job) dockerfile() (path string, content []byte, err error) {
	switch {
	case j.args.Dockerfile == "-" && j.stdin != nil:
		if _, err := j.stdin.Seek(0, io.SeekStart); err != nil {
			return "", nil, fmt.Errorf("read the Dockerfile: %w", err)
		}
		content, err = io.ReadAll(j.stdin)
		return filepath.Join(j.dir, "Dockerfile"), content, err
	case j.args.Dockerfile == "-" || strings.Contains(j.args.Dockerfile, "://"):
		return filepath.Join(j.dir, "Dockerfile"), nil, nil
	}
	path = source.Dockerfile(within(j.Dir, cmp.Or(j.args.Dockerfile, filepath.Join(j.args.Context, "Dockerfile"))))
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
func (j *job) warnOfNamedContexts() {
	for _, context := range j.args.LocalContexts() {
		dir := within(j.Dir, context)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		hidden, err := outputs.Hide(dir, filepath.Join(j.dir, "Dockerfile"), nil, "", j.ownOutputs())
		if err != nil {
			continue
		}
		for _, kept := range hidden.Kept {
			j.warnEarly(fmt.Sprintf("%s in the named build context %s is written by layercache and cannot be left out, so steps that copy it run again when it changes: write it elsewhere, or add it to the .dockerignore of that folder", escape.Line(kept), escape.Line(context)))
		}
	}
}

// warnEarly adds a warning and says it at once, unless it is there already.
func (j *job) warnEarly(text string) {
	if !slices.Contains(j.all(), text) {
		j.warn("%s", text)
		j.say("%s", text)
	}
}
