package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"syscall"

	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/rooted"
)

// files are the names of the reports, and what is in them.
var files = []struct {
	name   string
	render func(*Report) ([]byte, error)
}{
	{File, (*Report).JSON},
	{"report.md", func(r *Report) ([]byte, error) { return r.Markdown(), nil }},
	{"report.html", (*Report).HTML},
	{"junit.xml", (*Report).JUnit},
	{exportsFile, func(r *Report) ([]byte, error) { return r.exports(), nil }},
}

// Write puts report.json, report.md, report.html, junit.xml and exports.env into dir, which is made if need be. Each file is
// whole or not there; one that cannot be written does not keep the others back.
func (r *Report) Write(dir string) error {
	folder, err := rooted.Folder(dir, true)
	if err != nil {
		return unwritten(err)
	}
	defer folder.Close()
	var problems []error
	for _, file := range files {
		content, err := file.render(r)
		if err != nil {
			problems = append(problems, fmt.Errorf("write the report: %s: %w", file.name, err))
		} else if err := replace(folder, file.name, content); err != nil {
			problems = append(problems, unwritten(err))
		}
	}
	return errors.Join(problems...)
}

// Clear removes the reports that an earlier build, or whoever wrote the source, left in dir: a build that ends before its report
// is written must not be taken for that one. Nothing else is removed, and no link is followed. An error means that a report may
// still be there, or that dir is a link that leads out of the working directory.
func Clear(dir string) error {
	folder, err := rooted.Folder(dir, false)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove old reports from LAYERCACHE_REPORT_DIR: %w: it has to be a folder, not a link to one elsewhere", err)
	}
	defer folder.Close()
	var problems []error
	for _, file := range files {
		if info, err := folder.Lstat(file.name); err == nil && info.IsDir() {
			continue // No report of anybody's.
		}
		if err := folder.Remove(file.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("remove an old report: %w", err))
		}
	}
	return errors.Join(problems...)
}

func unwritten(err error) error {
	return fmt.Errorf("write the report: %w; set LAYERCACHE_REPORT_DIR to a folder that can be written", err)
}

// replace writes beside the file and renames, so that nobody reads half of it, and a link in its place is not followed.
func replace(folder *os.Root, name string, content []byte) error {
	temporary := fmt.Sprintf(".%s.%016x", name, rand.Uint64())
	file, err := folder.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = folder.Rename(temporary, name)
	}
	if err != nil {
		_ = folder.Remove(temporary)
	}
	return err
}

// JSON is report.json.
func (r *Report) JSON() ([]byte, error) {
	content, err := json.MarshalIndent(r, "", "  ")
	return []byte(escape.Redact(string(content)) + "\n"), err
}

// Read reads a report.json. Fields that a newer layercache added are passed over.
func Read(path string) (*Report, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	var r Report
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("read the report %s: it is not a report.json: %w", path, err)
	}
	if r.Verdict == "" {
		return nil, fmt.Errorf("read the report %s: it is not a report.json, as it has no \"verdict\"; layercache build writes one into LAYERCACHE_REPORT_DIR", path)
	}
	return &r, nil
}
