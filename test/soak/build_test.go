//go:build linux

package soak

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/programs"
)

// repository is the cache's.
const repository = "cache"

// machine is where builds run: one registry, and the address at which it has troubles.
type machine struct {
	t *testing.T
	// registry is the registry itself, troubled the same with its troubles: HOST:PORT.
	registry, troubled string
}

// build is one build.
type build struct {
	app app
	// branch is the cache's scope; empty means that there is no cache.
	branch string
	// tag is the image's.
	tag string
}

// outcome is what a build left.
type outcome struct {
	*report.Report
	log string
	// image is the digest of the image's config, which names its layers uncompressed.
	image string
	// peak is the memory of the largest process that the build had, in KiB.
	peak int64
}

// enter gives the helper a folder of its own for its builders and says, before and after, what is mounted.
const enter = `mkdir -p /var/lib/layercache && mount --bind "$0/state" /var/lib/layercache && cut -d' ' -f5 /proc/self/mountinfo > "$0/before"
"$@"; status=$?
cut -d' ' -f5 /proc/self/mountinfo > "$0/after"; exit $status`

// run runs `layercache build` in a folder of its own and checks that nothing is left of it.
func (m machine) run(b build) outcome {
	ctx, cancel := context.WithTimeout(m.t.Context(), 3*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "soak-")
	require.NoError(m.t, err)
	defer os.RemoveAll(dir)
	for _, folder := range []string{"app", "home", "state", "tmp"} {
		require.NoError(m.t, os.Mkdir(filepath.Join(dir, folder), 0o700))
	}
	b.app.write(m.t, filepath.Join(dir, "app"))
	image := m.registry + "/" + b.app.name() + ":" + b.tag
	cmd := exec.CommandContext(ctx, "sh", "-c", enter, dir, programs.Path(programs.Bundled), "build",
		"--tag", image, "--output", "type=image,push=true,rewrite-timestamp=true", ".")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	cmd.Dir = filepath.Join(dir, "app")
	cmd.Env = []string{
		"TMPDIR=" + filepath.Join(dir, "tmp"), "HOME=" + filepath.Join(dir, "home"), "PATH=" + os.Getenv("PATH"), "SOURCE_DATE_EPOCH=86400",
		"LAYERCACHE_MIRRORS=public.ecr.aws=" + m.registry + "/ecr-public", "LAYERCACHE_REPORT_DIR=" + filepath.Join(dir, "report"),
		"LAYERCACHE_BUILDER=native",
	}
	if b.branch != "" {
		cmd.Env = append(cmd.Env, "LAYERCACHE_REPOSITORY="+m.troubled+"/"+repository, "LAYERCACHE_BRANCH="+b.branch)
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	_ = cmd.Run()
	got := outcome{log: log.String(), peak: cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss}
	assert.NoError(m.t, ctx.Err(), "the build hung: %+v\n%s", b, got.log)
	assert.Zero(m.t, cmd.ProcessState.ExitCode(), "%+v\n%s", b, got.log)
	got.Report, err = report.Read(filepath.Join(dir, "report", report.File))
	assert.NoError(m.t, err, got.log)
	m.nothingLeft(dir, got.log)
	got.image = m.imageOf(image)
	return got
}

func (m machine) imageOf(image string) string {
	ref, err := name.ParseReference(image)
	require.NoError(m.t, err)
	pulled, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if !assert.NoError(m.t, err) {
		return ""
	}
	digest, err := pulled.ConfigName()
	assert.NoError(m.t, err)
	return digest.String()
}

// nothingLeft checks that no process, mount or file is left of a build. The builder's files may go by a process of their own, soon.
func (m machine) nothingLeft(dir, log string) {
	before, err := os.ReadFile(filepath.Join(dir, "before"))
	require.NoError(m.t, err, log)
	after, err := os.ReadFile(filepath.Join(dir, "after"))
	require.NoError(m.t, err, log)
	assert.Equal(m.t, string(before), string(after), "what is mounted")
	var left []string
	assert.Eventually(m.t, func() bool {
		left = append(processes(dir), files(dir)...)
		return len(left) == 0
	}, time.Minute, 50*time.Millisecond, "what is left: %q\n%s", &left, log)
}

// processes are those of the build's folders.
func processes(dir string) []string {
	var found []string
	for _, process := range programs.Running(filepath.Join(dir, "home"), filepath.Join(dir, "state")) {
		found = append(found, "process "+strings.ReplaceAll(process.Command, "\x00", " "))
	}
	return found
}

// files are those that are left below the folders for temporary files and for builders, whose lock stays.
func files(dir string) []string {
	var found []string
	for _, pattern := range []string{"tmp/*", "state/*"} {
		paths, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, path := range paths {
			if path != filepath.Join(dir, "state", "lock") {
				found = append(found, path)
			}
		}
	}
	return found
}
