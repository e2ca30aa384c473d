package docker

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/internal/buildkit/jobbuilder"
	"github.com/layercache/layercache/internal/cache"
)

// jobFolder returns the folder for the images of this job: of one build in CodeBuild, of LAYERCACHE_JOB, and else of one
// user. inJob is false for the latter.
func jobFolder(lookup func(string) (string, bool)) (dir string, inJob bool) {
	name := fmt.Sprintf("layercache-docker-%d", os.Getuid())
	build, _ := lookup("CODEBUILD_BUILD_ID")
	given, _ := lookup("LAYERCACHE_JOB")
	job := cmp.Or(jobbuilder.Name(given, lookup), build)
	if job != "" {
		name += "-" + cache.Slug(job, 60)
	}
	return filepath.Join(os.TempDir(), name), job != ""
}

// ForgetImages removes the images of this job.
func ForgetImages(lookup func(string) (string, bool)) error {
	dir, inJob := jobFolder(lookup)
	if !inJob {
		return nil
	}
	return os.RemoveAll(dir)
}
