package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/layercache/layercache/internal/report/escape"
)

// Write puts report.json, report.md, report.html, junit.xml and exports.env into dir, which is made if need be. Each file is
// whole or not there; one that cannot be written does not keep the others back.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return unwritten(err)
	}
	var problems []error
	for _, file := range []struct {
		name   string
		render func() ([]byte, error)
	}{
		{File, r.JSON},
		{"report.md", func() ([]byte, error) { return r.Markdown(), nil }},
		{"report.html", r.HTML},
		{"junit.xml", r.JUnit},
		{exportsFile, func() ([]byte, error) { return r.exports(), nil }},
	} {
		content, err := file.render()
		if err != nil {
			problems = append(problems, fmt.Errorf("write the report: %s: %w", file.name, err))
		} else if err := replace(filepath.Join(dir, file.name), content); err != nil {
			problems = append(problems, unwritten(err))
		}
	}
	return errors.Join(problems...)
}

// Clear removes what an earlier build, or whoever wrote the source, left in dir for a shell to read: a build that ends before its
// report is written must not be taken for that one.
func Clear(dir string) error {
	err := os.Remove(filepath.Join(dir, exportsFile))
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return fmt.Errorf("remove an old report: %w", err)
}

func unwritten(err error) error {
	return fmt.Errorf("write the report: %w; set LAYERCACHE_REPORT_DIR to a folder that can be written", err)
}

// replace writes beside the file and renames, so that nobody reads half of it.
func replace(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
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
