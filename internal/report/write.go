package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/safewrite"
)

// fileOf is a report: its name, and the function that returns its content.
type fileOf struct {
	name   string
	render func(*Report) ([]byte, error)
}

// files are the reports.
var files = []fileOf{
	{File, (*Report).JSON},
	{"report.md", func(r *Report) ([]byte, error) { return r.Markdown(), nil }},
	{"report.html", (*Report).HTML},
	{junitFile, (*Report).JUnit},
	{exportsFile, func(r *Report) ([]byte, error) { return r.exports(), nil }},
}

// Write writes report.json, report.md, report.html, junit.xml and exports.env to dir, which it creates if
// necessary. A file is either complete or absent, and an error with one file does not prevent the others.
func (r *Report) Write(dir string) error {
	folder, err := safewrite.Folder(dir, true)
	if err != nil {
		return writeError(err)
	}
	defer folder.Close()
	var problems []error
	for _, file := range files {
		content, err := file.render(r)
		if err != nil {
			problems = append(problems, fmt.Errorf("write the report: %s: %w", file.name, err))
		} else if err := safewrite.Replace(folder, file.name, content); err != nil {
			problems = append(problems, writeError(err))
		}
	}
	return errors.Join(problems...)
}

// Clear removes reports from dir that an earlier build left there, or that came with the source. Otherwise
// they would be taken for the report of a build that ends before it writes one. Clear removes nothing else
// and follows no link. An error means that a report may still be there, that a folder has the name of a
// report, or that dir is a link that leads out of the working directory.
func Clear(dir string) error {
	folder, err := safewrite.Folder(dir, false)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove old reports: %w; LAYERCACHE_REPORT_DIR must be a folder, not a link that leads out of the working directory", err)
	}
	defer folder.Close()
	var problems []error
	for _, file := range files {
		if info, err := folder.Lstat(file.name); err == nil && info.IsDir() {
			problems = append(problems, fmt.Errorf("%s is a folder, where the report goes: remove it", filepath.Join(dir, file.name)))
			continue
		}
		if err := folder.Remove(file.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("remove an old report: %w", err))
		}
	}
	return errors.Join(problems...)
}

// maxReport is the size in bytes above which a report.json is not taken for one of layercache. Its text is bounded.
const maxReport = 64 << 20

// FilesIn returns the paths of the reports in a folder, or nil if it has no report.json of layercache.
func FilesIn(dir string) []string {
	// The folder may be one of the source.
	if info, err := os.Lstat(filepath.Join(dir, File)); err != nil || !info.Mode().IsRegular() || info.Size() > maxReport {
		return nil
	}
	if _, err := Read(filepath.Join(dir, File)); err != nil {
		return nil
	}
	var found []string
	for _, file := range files {
		if info, err := os.Lstat(filepath.Join(dir, file.name)); err == nil && info.Mode().IsRegular() {
			found = append(found, filepath.Join(dir, file.name))
		}
	}
	return found
}

// temporaryName matches the names that safewrite.Replace gives to files that are not complete yet.
var temporaryName = regexp.MustCompile(`^\..+\.[0-9a-f]{16}$`)

// IsTemporary reports whether a file is a report that is not complete yet.
func IsTemporary(name string) bool {
	return temporaryName.MatchString(name) && slices.ContainsFunc(files, func(file fileOf) bool {
		return strings.HasPrefix(name, "."+file.name+".")
	})
}

func writeError(err error) error {
	return fmt.Errorf("write the report: %w; set LAYERCACHE_REPORT_DIR to a writable folder", err)
}

// JSON returns report.json.
func (r *Report) JSON() ([]byte, error) {
	content, err := json.MarshalIndent(r, "", "  ")
	return []byte(escape.Redact(string(content)) + "\n"), err
}

// Read reads a report.json. It ignores fields that a newer layercache added.
func Read(path string) (*Report, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxReport+1))
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	if len(content) > maxReport {
		return nil, fmt.Errorf("read the report %s: not a report.json, because it has more than %d MiB", path, maxReport>>20)
	}
	var r Report
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("read the report %s: not a report.json: %w", path, err)
	}
	if r.Verdict == "" {
		return nil, fmt.Errorf("read the report %s: not a report.json, because it has no \"verdict\"; layercache build writes one to LAYERCACHE_REPORT_DIR", path)
	}
	return &r, nil
}
