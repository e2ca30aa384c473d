// Package version says which layercache this is.
package version

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
)

// packagePath is the path of this package.
const packagePath = "github.com/layercache/layercache/internal/bundle/version"

// version and commit are set by LinkFlags.
var version, commit string

// Stamp is what is known about a source when it is compiled. Fields may be empty.
type Stamp struct {
	// Version is a version such as "v1.2.3".
	Version string
	// Commit is the full id of a Git commit.
	Commit string
}

// LinkFlags returns arguments of the linker (-ldflags) that put the stamp into the program.
func (s Stamp) LinkFlags() string {
	var flags strings.Builder
	if s.Version != "" {
		fmt.Fprintf(&flags, " -X %s.version=%s", packagePath, s.Version)
	}
	if s.Commit != "" {
		fmt.Fprintf(&flags, " -X %s.commit=%s", packagePath, s.Commit)
	}
	return flags.String()
}

// String is the version as one line: that of layercache, the commit if it is known, and that of BuildKit.
func String() string {
	stamp := Stamp{version, commit}
	if info, ok := debug.ReadBuildInfo(); ok {
		stamp = stamp.withBuildInfo(info)
	}
	parts := []string{"BuildKit " + toolchain.Buildkitd().Version, runtime.GOOS + "/" + runtime.GOARCH}
	switch {
	case stamp.Commit != "":
		parts = append([]string{"commit " + stamp.Commit[:min(12, len(stamp.Commit))]}, parts...)
	case stamp.Version == "":
		parts = append([]string{"program " + program()}, parts...)
	}
	if stamp.Version == "" {
		stamp.Version = "devel"
	}
	return fmt.Sprintf("layercache %s (%s)", stamp.Version, strings.Join(parts, ", "))
}

// withBuildInfo fills empty fields with what the go command recorded: the version for `go install
// MODULE@VERSION`, and both for `go build` in a Git checkout.
func (s Stamp) withBuildInfo(info *debug.BuildInfo) Stamp {
	if s.Version == "" && info.Main.Version != "(devel)" {
		s.Version = info.Main.Version
	}
	if s.Commit == "" {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				s.Commit = setting.Value
			}
		}
	}
	return s
}

// program returns the start of the SHA-256 digest of the running program, which tells two programs of an
// unknown version apart.
func program() string {
	path, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	file, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "unknown"
	}
	return fmt.Sprintf("sha256:%.6x", hash.Sum(nil))
}
