// Package history reads the reports of several builds and says how they differ: two are compared, more are a trend.
package history

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"github.com/layercache/layercache/internal/report"
)

// Build is a report and where it was read from.
type Build struct {
	Path string
	*report.Report
}

// Load reads reports: each path is a report.json, a folder that holds one, or a folder of such folders, whose builds come in
// the order in which they started.
func Load(paths []string) ([]Build, error) {
	var builds []Build
	for _, path := range paths {
		files, err := filesOf(path)
		if err != nil {
			return nil, err
		}
		var found []Build
		for _, file := range files {
			read, err := report.Read(file)
			if err != nil {
				return nil, err
			}
			found = append(found, Build{file, read})
		}
		sortByStart(found)
		builds = append(builds, found...)
	}
	return builds, nil
}

func filesOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	if own := filepath.Join(path, report.File); isFile(own) {
		return []string{own}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	var files []string
	for _, entry := range entries {
		if file := filepath.Join(path, entry.Name(), report.File); isFile(file) {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read the report: neither the folder %s nor a folder in it has a %s; layercache build writes one into LAYERCACHE_REPORT_DIR", path, report.File)
	}
	return files, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// sortByStart leaves builds as they are where not all starts are known.
func sortByStart(builds []Build) {
	if slices.ContainsFunc(builds, func(b Build) bool { return b.StartedAt.IsZero() }) {
		return
	}
	sort.SliceStable(builds, func(i, j int) bool { return builds[i].StartedAt.Before(builds[j].StartedAt) })
}

// apps are the different apps of the builds, in the order in which they appear.
func apps(builds []Build) []string {
	var names []string
	for _, build := range builds {
		if !slices.Contains(names, build.App) {
			names = append(names, build.App)
		}
	}
	return names
}
