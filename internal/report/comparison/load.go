// Package comparison reads the reports of one or two builds, and shows one or compares two.
package comparison

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/internal/report"
)

// Build is a report and the file that it was read from.
type Build struct {
	Path string
	*report.Report
}

// Load reads reports. Each path is a report.json or a folder that holds one.
func Load(paths []string) ([]Build, error) {
	var builds []Build
	for _, path := range paths {
		file, err := reportFile(path)
		if err != nil {
			return nil, err
		}
		read, err := report.Read(file)
		if err != nil {
			return nil, err
		}
		builds = append(builds, Build{file, read})
	}
	return builds, nil
}

// reportFile returns the path itself, or the report.json in the folder.
func reportFile(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the report: there is no file or folder %s; layercache build writes its report to LAYERCACHE_REPORT_DIR", path)
	}
	if err != nil {
		return "", fmt.Errorf("read the report: %w", err)
	}
	if !info.IsDir() {
		return path, nil
	}
	file := filepath.Join(path, report.File)
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("read the report: the folder %s has no %s; layercache build writes one to LAYERCACHE_REPORT_DIR", path, report.File)
	}
	return file, nil
}
