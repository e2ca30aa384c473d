package try

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/source"
)

// change is a change of one file before a build.
type change struct {
	// build is the name of the build.
	build string
	// file is the path that the user named with flag; empty means that choose finds one.
	file, flag string
	// choose returns a file, and the instruction that copies it. Both are empty if there is none.
	choose func(files []contextFile, steps []report.Step) (file, instruction string)
	// none is why there is no file to change.
	none string
}

// plannedChanges returns the changes, in the order in which they are built.
func (t *trial) plannedChanges() []change {
	return []change{
		{ChangedSource, t.options.Touch, "--touch", chooseSource, "no step takes a source file of the build context"},
		{ChangedDependency, t.options.Dependency, "--dependency", chooseDependency,
			"no step takes a file that lists dependencies, such as go.mod, package.json or requirements.txt; name one with --dependency"},
	}
}

// change appends a newline to a file of the copied context, and describes that in t.changes. It returns false if there is
// no file to change.
func (t *trial) change(c change, cold row) (bool, error) {
	file, reason := filepath.ToSlash(c.file), "named with "+c.flag
	if file == "" {
		var instruction string
		var err error
		file, instruction, err = t.choose(c, cold)
		if err != nil {
			return false, fmt.Errorf("choose a file to change: %w", err)
		}
		if file == "" {
			t.changes = append(t.changes, fmt.Sprintf("%s: left out, because %s", c.build, c.none))
			return false, nil
		}
		reason = "copied by " + instruction + "; choose another with " + c.flag
	}
	t.changes = append(t.changes, fmt.Sprintf("%s: %s, one newline added (%s)", c.build, file, reason))
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

// buildContext is a folder in the copy that a build takes files from.
type buildContext struct {
	dir, dockerfile string
	// steps are the steps of the cold build.
	steps []report.Step
}

// choose returns the file to change, relative to the copy, and the instruction that takes it: of the first context that
// has one. Both are empty if none has.
func (t *trial) choose(c change, cold row) (file, instruction string, err error) {
	contexts := []buildContext{{dir: t.context, steps: cold.report.Steps}}
	if t.options.Bake != "" {
		contexts = t.contextsOfTargets(cold)
	}
	for _, from := range contexts {
		files, err := t.files(from)
		if err != nil {
			return "", "", err
		}
		if file, instruction := c.choose(files, from.steps); file != "" {
			relative, err := filepath.Rel(t.context, filepath.Join(from.dir, filepath.FromSlash(file)))
			return filepath.ToSlash(relative), instruction, err
		}
	}
	return "", "", nil
}

// contextFile is a file of a copied context, with its path relative to it.
type contextFile struct {
	path    string
	written time.Time
}

// files returns the files of a copied context, without those of layercache: the ones that it knows it has written, and
// reports that came from elsewhere. Files that an ignore file excludes are left out.
func (t *trial) files(from buildContext) ([]contextFile, error) {
	var files []contextFile
	reports, sent := map[string]bool{}, map[string]bool{}
	if from.dockerfile != "" {
		err := source.Walk(from.dir, from.dockerfile, func(relative string, _ fs.DirEntry) error {
			sent[filepath.ToSlash(relative)] = true
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	err := filepath.WalkDir(from.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			for _, file := range report.FilesIn(name) {
				reports[file] = true
			}
		}
		relative, err := filepath.Rel(from.dir, name)
		if relative = filepath.ToSlash(relative); err != nil || !entry.Type().IsRegular() || reports[name] || slices.Contains(t.own, relative) {
			return err
		}
		if from.dockerfile != "" && !sent[relative] {
			return nil
		}
		info, err := entry.Info()
		if err == nil {
			files = append(files, contextFile{relative, info.ModTime()})
		}
		return err
	})
	return files, err
}

// chooseSource returns the most recently modified file that the last instruction with source files takes. Documents count
// as sources only if there are no others.
func chooseSource(files []contextFile, steps []report.Step) (file, instruction string) {
	for _, isSource := range []func(string) bool{
		func(file string) bool { return !rarelyChanged(file) && !isDocument(file) },
		func(file string) bool { return !rarelyChanged(file) },
	} {
		for _, step := range slices.Backward(steps) {
			taken := takenBy(step, files, isSource)
			if len(taken) > 0 {
				newest := slices.MaxFunc(taken, func(a, b contextFile) int { return a.written.Compare(b.written) })
				return newest.path, step.Instruction
			}
		}
	}
	return "", ""
}

// chooseDependency returns the file that lists dependencies among those that the first instruction with such files takes:
// the one nearest to the root of the context, and a list that people write rather than a lock file, because a package
// manager may refuse a lock file that it did not write.
func chooseDependency(files []contextFile, steps []report.Step) (file, instruction string) {
	for _, step := range steps {
		taken := takenBy(step, files, source.IsManifest)
		if len(taken) > 0 {
			best := slices.MinFunc(taken, func(a, b contextFile) int {
				return cmp.Or(
					cmp.Compare(strings.Count(a.path, "/"), strings.Count(b.path, "/")),
					cmp.Compare(lockRank(a.path), lockRank(b.path)), cmp.Compare(a.path, b.path))
			})
			return best.path, step.Instruction
		}
	}
	return "", ""
}

func lockRank(file string) int {
	if source.IsLock(file) {
		return 1
	}
	return 0
}

// takenBy returns the files of the kind that a step takes from the build context.
func takenBy(step report.Step, files []contextFile, ofKind func(string) bool) []contextFile {
	selections := source.Selections(step.Instruction)
	if len(selections) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(files), func(file contextFile) bool {
		return !ofKind(file.path) || !source.Copied(file.path, selections)
	})
}

// rarelyChanged reports whether the file changes less often than sources: it lists dependencies, or is of Docker.
func rarelyChanged(file string) bool {
	return source.IsManifest(file) || slices.Contains([]string{"Dockerfile", "dockerfile", ".dockerignore"}, path.Base(file))
}

// isDocument reports whether the file is likely read by people or tools and not by the program: documentation, a licence,
// or a hidden file such as .gitignore.
func isDocument(file string) bool {
	base := path.Base(file)
	for _, name := range []string{"README", "LICENSE", "LICENCE", "NOTICE", "CHANGELOG", "Makefile", "."} {
		if strings.HasPrefix(base, name) {
			return true
		}
	}
	return path.Ext(base) == ".md"
}
