// Package version says which layercache this is.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
)

// String is the version as one line.
func String() string {
	return fmt.Sprintf("layercache %s (BuildKit %s, %s/%s)", module(), toolchain.Buildkitd().Version, runtime.GOOS, runtime.GOARCH)
}

// module is the version that the go command recorded, "devel" in a checkout.
func module() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
