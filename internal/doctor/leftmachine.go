package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/docker/go-units"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/docker"
	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/report/escape"
)

// LeftOnMachine returns what layercache left on this machine.
func LeftOnMachine(ctx context.Context) Leftovers {
	return leftOnMachine(ctx, docker.Links(), toolchain.CacheDirPath(), builder.StateDirs(), os.TempDir())
}

func leftOnMachine(ctx context.Context, links []string, cache string, states []string, temp string) Leftovers {
	var left Leftovers
	for _, link := range links {
		left.add("link of docker", link, "layercache answers in the place of docker; `hash -r` makes an open shell forget it", "rm "+escape.Shell(link))
	}
	left.folder("compiled programs", cache, "the next setup or synth compiles them again")
	for _, state := range states {
		left.folder("builder state", state, "while no build runs")
	}
	// With an error, Glob found no pattern: this one is valid.
	folders, _ := filepath.Glob(filepath.Join(temp, "layercache-*"))
	for _, folder := range folders {
		left.folder("temporary folder", folder, "while no build runs")
	}
	left.docker(ctx)
	return left
}

// folder adds a folder if it exists.
func (l *Leftovers) folder(kind, path, note string) {
	info, err := os.Lstat(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			l.notChecked("%s: %v", kind, err)
		}
		return
	}
	if !info.IsDir() {
		return
	}
	size, whole := sizeOf(path)
	text := units.HumanSize(float64(size))
	if !whole {
		text = "at least " + text + ", because not all of it can be read"
	}
	l.add(kind, path, text+"; "+note, "rm -rf "+escape.Shell(path))
}

// sizeOf returns the size of the files in the folder, and whether all of them could be read.
func sizeOf(dir string) (size int64, whole bool) {
	whole = true
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			whole = false
			return nil
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size, whole
}

// instancePrefix begins the names of containers and volumes of builders that buildx makes for layercache.
const instancePrefix = "buildx_buildkit_layercache-"

// docker adds the containers of builders that were not removed, and their volumes.
func (l *Leftovers) docker(ctx context.Context) {
	program, err := real.Find()
	if err != nil {
		return
	}
	for _, c := range []struct {
		kind, remove string
		list         []string
	}{
		{"builder container", "docker rm --force ", []string{"ps", "--all", "--format", "{{.Names}}"}},
		{"builder volume", "docker volume rm ", []string{"volume", "ls", "--format", "{{.Name}}"}},
	} {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, program, c.list...)
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			reason, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
			l.notChecked("%ss: %s", c.kind, fmt.Sprintf("docker does not answer: %s (%v)", reason, err))
			return
		}
		for name := range strings.FieldsSeq(string(out)) {
			if strings.HasPrefix(name, instancePrefix) {
				l.add(c.kind, name, "while no build runs", c.remove+escape.Shell(name))
			}
		}
	}
}
