package agent

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// findReports returns the files of each report group in the source directory. missing has the groups without
// files, which fail the build: https://github.com/aws/aws-cdk/issues/7367.
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#reports-buildspec-file
func findReports(spec *buildspec, sourceDir string, output *log) (found map[string][]string, missing []string, err error) {
	found = map[string][]string{}
	for name, group := range spec.reports {
		base := filepath.Join(sourceDir, filepath.FromSlash(group.BaseDirectory))
		if _, err := os.Stat(base); err == nil {
			if err := matchFiles(base, group.Files, func(path string) { found[name] = append(found[name], path) }); err != nil {
				return nil, nil, err
			}
		}
		if len(found[name]) == 0 {
			output.line("No matching report files found for report group %s", name)
			missing = append(missing, name)
		}
	}
	return found, missing, nil
}

func matchFiles(base string, patterns []string, report func(path string)) error {
	return fs.WalkDir(os.DirFS(base), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		for _, pattern := range patterns {
			if matches(strings.Split(pattern, "/"), strings.Split(file, "/")) {
				report(filepath.Join(base, filepath.FromSlash(file)))
				break
			}
		}
		return nil
	})
}

// matches reports whether the pattern matches the path, part by part. ** matches any number of directories.
func matches(pattern, file []string) bool {
	if len(pattern) == 0 {
		return len(file) == 0
	}
	if pattern[0] == "**" {
		return matches(pattern[1:], file) || len(file) > 0 && matches(pattern, file[1:])
	}
	if len(file) == 0 {
		return false
	}
	same, err := path.Match(pattern[0], file[0])
	return err == nil && same && matches(pattern[1:], file[1:])
}
