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
	"github.com/layercache/layercache/test/kit/programs"
)

// repository is the cache's repository.
const repository = "cache"

// machine is where builds run: a registry, and the address of the proxy with faults in front of it.
type machine struct {
	t *testing.T
	// registry is the address of the registry itself, troubled the address of the proxy: HOST:PORT.
	registry, troubled string
}

// build is one build.
type build struct {
	app app
	// branch is the cache's scope; empty means no cache.
	branch string
	// tag is the image's tag.
	tag string
}

// outcome is the result of a build.
type outcome struct {
	*report.Report
	log string
	// image is the digest of the image's config, which identifies its uncompressed layers.
	image string
	// peak is the memory of the largest process of the build, in KiB.
	peak int64
}

// enter gives the helper its own folder for builders, and lists the mounts before and after.
const enter = `mkdir -p /var/lib/layercache && mount --bind "$0/state" /var/lib/layercache && cut -d' ' -f5 /proc/self/mountinfo > "$0/before"
"$@"; status=$?
cut -d' ' -f5 /proc/self/mountinfo > "$0/after"; exit $status`

// run runs `layercache build` in a new folder and checks that nothing is left behind.
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

// nothingLeft checks that no process, mount or file is left of a build. A separate process may remove the
// builder's files a little later.
func (m machine) nothingLeft(dir, log string) {
	before, err := os.ReadFile(filepath.Join(dir, "before"))
	require.NoError(m.t, err, log)
	after, err := os.ReadFile(filepath.Join(dir, "after"))
	require.NoError(m.t, err, log)
	assert.Equal(m.t, string(before), string(after), "mounts before and after the build")
	var left []string
	assert.Eventually(m.t, func() bool {
		left = append(processes(dir), files(dir)...)
		return len(left) == 0
	}, time.Minute, 50*time.Millisecond, "left by the build: %q\n%s", &left, log)
}

// processes returns the processes of the build's folders.
func processes(dir string) []string {
	var found []string
	for _, process := range programs.Running(filepath.Join(dir, "home"), filepath.Join(dir, "state")) {
		found = append(found, "process "+strings.ReplaceAll(process.Command, "\x00", " "))
	}
	return found
}

// files returns what is left in the folders for temporary files and for builders, except the lock.
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
