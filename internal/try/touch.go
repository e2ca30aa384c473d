package try

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/source"
)

// touch appends a newline to a file of the copied context, and describes the change in t.change. It returns
// false when the Dockerfile copies no file that could be changed.
func (t *trial) touch(cold *report.Report) (bool, error) {
	file := filepath.ToSlash(t.options.Touch)
	reason := "chosen with --touch"
	if file == "" {
		var instruction string
		var err error
		file, instruction, err = chooseFile(t.context, cold.Steps)
		if err != nil {
			return false, fmt.Errorf("choose a file to change: %w", err)
		}
		if file == "" {
			t.change = "none: the Dockerfile copies no file of its context"
			return false, nil
		}
		reason = "copied by " + instruction + "; choose another with --touch"
	}
	t.change = fmt.Sprintf("%s, one newline added (%s)", file, reason)
	// A symlink in the context may lead out of the copy, to the user's own files. os.Root does not follow it.
	root, err := os.OpenRoot(t.context)
	if err != nil {
		return false, fmt.Errorf("change %s: %w", file, err)
	}
	defer root.Close()
	target, err := root.OpenFile(filepath.FromSlash(file), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return false, fmt.Errorf("change %s: %w (does .dockerignore exclude it?)", file, err)
	}
	_, err = target.WriteString("\n")
	return true, cmp.Or(err, target.Close())
}

// chooseFile returns the most recently modified file that the last COPY or ADD of the context copies,
// dependency manifests excepted.
func chooseFile(dir string, steps []report.Step) (file, instruction string, err error) {
	for _, step := range slices.Backward(steps) {
		sources := source.Sources(step.Instruction)
		if len(sources) == 0 {
			continue
		}
		file, err := newestFile(dir, sources)
		if err != nil || file != "" {
			return file, step.Instruction, err
		}
	}
	return "", "", nil
}

func newestFile(dir string, sources []string) (string, error) {
	var newest string
	var at time.Time
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		if rarelyChanged(relative) || !source.Copied(relative, sources) {
			return nil
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().After(at) {
			newest, at = relative, info.ModTime()
		}
		return err
	})
	return newest, err
}

// rarelyChanged reports whether the file changes less often than sources: a dependency manifest or a file of
// Docker.
func rarelyChanged(file string) bool {
	return source.IsManifest(file) || slices.Contains([]string{"Dockerfile", ".dockerignore"}, path.Base(file))
}
