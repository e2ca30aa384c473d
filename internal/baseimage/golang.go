package baseimage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// toolchain is the output of `go env -json` on this machine.
type toolchain struct {
	GOROOT     string
	GOVERSION  string
	GOHOSTOS   string
	GOHOSTARCH string
	GOPROXY    string
	GOSUMDB    string
	GONOPROXY  string
	GONOSUMDB  string
	GOPRIVATE  string
	GOINSECURE string
}

// goRecipe returns a golang image: the base with this machine's Go toolchain at /usr/local/go, and with its
// settings for module downloads, because a closed network usually has its own proxy.
func goRecipe(ctx context.Context, base *recipe) (*recipe, error) {
	local, err := localGo(ctx)
	if err != nil {
		return nil, err
	}
	base.origin = fmt.Sprintf("made of this machine's %s and busybox", local.GOVERSION)
	base.key = append(base.key, local.GOROOT, local.GOVERSION)
	base.setEnv("PATH", "/go/bin:/usr/local/go/bin:"+systemPath)
	base.setEnv("GOPATH", "/go")
	base.setEnv("GOTOOLCHAIN", "local")
	base.setEnv("GOLANG_VERSION", strings.TrimPrefix(local.GOVERSION, "go"))
	for _, setting := range local.network() {
		base.setEnv(setting[0], setting[1])
	}
	base.config.WorkingDir = "/go"
	base.layers = append(base.layers, func(l *layer) error {
		return errors.Join(
			l.tree("usr/local/go", local.GOROOT, unneeded),
			l.dir("go/src", 0o777), l.dir("go/bin", 0o777),
		)
	})
	return base, nil
}

func localGo(ctx context.Context) (*toolchain, error) {
	printed, err := exec.CommandContext(ctx, "go", "env", "-json").Output()
	if err != nil {
		return nil, fmt.Errorf("a stand-in for golang needs a Go toolchain on PATH: %w", err)
	}
	local := &toolchain{}
	if err := json.Unmarshal(printed, local); err != nil {
		return nil, fmt.Errorf("go env -json: %w", err)
	}
	if local.GOHOSTOS != Platform().OS || local.GOHOSTARCH != Platform().Architecture {
		return nil, fmt.Errorf("a stand-in for golang needs a Linux toolchain, and this machine's is for %s/%s", local.GOHOSTOS, local.GOHOSTARCH)
	}
	if _, err := os.Stat(local.GOROOT); err != nil {
		return nil, err
	}
	return local, nil
}

// network returns the settings for module downloads.
func (t *toolchain) network() [][2]string {
	settings := [][2]string{
		{"GOPROXY", t.GOPROXY}, {"GOSUMDB", t.GOSUMDB}, {"GONOPROXY", t.GONOPROXY},
		{"GONOSUMDB", t.GONOSUMDB}, {"GOPRIVATE", t.GOPRIVATE}, {"GOINSECURE", t.GOINSECURE},
	}
	return slices.DeleteFunc(settings, func(setting [2]string) bool { return setting[1] == "" })
}

// unneeded reports whether a build never reads a file of GOROOT. These files are half of its size.
func unneeded(file string) bool {
	top, _, _ := strings.Cut(file, "/")
	return slices.Contains([]string{"api", "doc", "misc", "test"}, top) ||
		file == "src/cmd" ||
		path.Base(file) == "testdata" ||
		strings.HasSuffix(file, "_test.go")
}
