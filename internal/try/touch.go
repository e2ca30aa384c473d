package try

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/report"
)

// manifests are files that say what an application depends on. Changing one is not the everyday change.
var manifests = []string{
	"go.mod", "go.sum", "package.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "requirements.txt", "Pipfile",
	"Pipfile.lock", "pyproject.toml", "poetry.lock", "uv.lock", "Gemfile", "Gemfile.lock", "Cargo.toml", "Cargo.lock", "pom.xml",
	"build.gradle", "build.gradle.kts", "gradle.lockfile", "composer.json", "composer.lock", "Dockerfile", ".dockerignore",
}

// touch adds a line end to the chosen file of the copied context, and says in t.change what it did. It is false when the
// Dockerfile copies nothing that could be changed.
func (t *trial) touch(cold *report.Report) (bool, error) {
	file := filepath.ToSlash(t.options.Touch)
	why := "named with --touch"
	if file == "" {
		var instruction string
		var err error
		file, instruction, err = chooseFile(t.context, cold.Steps)
		if err != nil {
			return false, fmt.Errorf("choose a file to change: %w", err)
		}
		if file == "" {
			t.change = "nothing: the Dockerfile copies no file of its context"
			return false, nil
		}
		why = "copied by " + instruction + "; choose another with --touch"
	}
	t.change = fmt.Sprintf("%s, one line end added (%s)", file, why)
	// A link in the context may lead out of the copy, to the user's own files: os.Root does not follow it.
	root, err := os.OpenRoot(t.context)
	if err != nil {
		return false, fmt.Errorf("change %s: %w", file, err)
	}
	defer root.Close()
	target, err := root.OpenFile(filepath.FromSlash(file), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return false, fmt.Errorf("change %s: %w (is it left out by .dockerignore?)", file, err)
	}
	_, err = target.WriteString("\n")
	return true, cmp.Or(err, target.Close())
}

// chooseFile takes the file that was modified last among those that the last COPY or ADD of the context takes and that are no
// dependency manifests.
func chooseFile(dir string, steps []report.Step) (file, instruction string, err error) {
	for _, step := range slices.Backward(steps) {
		sources := contextSources(step.Instruction)
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

// contextSources are the paths that an instruction copies from the build context.
//
// https://docs.docker.com/reference/dockerfile/#copy
func contextSources(instruction string) []string {
	keyword, rest, _ := strings.Cut(instruction, " ")
	if keyword != "COPY" && keyword != "ADD" {
		return nil
	}
	words := strings.Fields(rest)
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		if strings.HasPrefix(words[0], "--from=") {
			return nil
		}
		words = words[1:]
	}
	var quoted []string
	if json.Unmarshal([]byte(strings.Join(words, " ")), &quoted) == nil {
		words = quoted
	}
	if len(words) < 2 {
		return nil
	}
	return slices.DeleteFunc(words[:len(words)-1], func(source string) bool {
		return strings.Contains(source, "://") || strings.HasPrefix(source, "<<")
	})
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
		if slices.Contains(manifests, path.Base(relative)) || !takenBy(relative, sources) {
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

// takenBy says whether a COPY of the sources takes the file: as itself, as part of a folder, or by a wildcard.
func takenBy(file string, sources []string) bool {
	return slices.ContainsFunc(sources, func(source string) bool {
		source = strings.TrimPrefix(path.Clean("/"+source), "/")
		if source == "" || file == source || strings.HasPrefix(file, source+"/") {
			return true
		}
		for part := file; part != "."; part = path.Dir(part) {
			if matched, err := path.Match(source, part); err == nil && matched {
				return true
			}
		}
		return false
	})
}
