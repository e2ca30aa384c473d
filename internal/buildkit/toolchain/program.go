// Package toolchain compiles buildkitd and buildx from their Go modules, at pinned versions and checksums,
// and keeps the binaries in the user's cache folder. It needs only Go.
//
// A module is compiled in its own folder of the module cache, so it uses exactly the dependencies that its
// authors released (their go.mod, go.sum, replace and exclude directives). `go install MODULE@VERSION`
// refuses such modules.
package toolchain

// Program is a main package of a Go module at a pinned version.
type Program struct {
	// Name is the name of the binary.
	Name string
	// Module and Version are the arguments of `go mod download`.
	Module, Version string
	// Sum is the h1: checksum of the module's zip, as in go.sum. A module with another checksum is refused.
	Sum string
	// Package is the main package's folder within the module.
	Package string
	// VersionVariable is the variable that is set to the version at link time.
	VersionVariable string
	// CompilerFlags are passed to Compilation.
	CompilerFlags []string
}

// smaller disables inlining except in packages that process the bytes of layers. It makes a program 20 %
// smaller, because every build downloads buildkitd.
var smaller = []string{"all=-l", "std=", "github.com/klauspost/...=", "github.com/containerd/...=", "github.com/moby/...=", "golang.org/...="}

// Buildkitd returns the BuildKit daemon of the native builder.
func Buildkitd() Program {
	return Program{
		Name:            "buildkitd",
		Module:          "github.com/moby/buildkit",
		Version:         "v0.34.2",
		Sum:             "h1:fXgOe79JW5zJNDumRtwTemOklLX66otQokObUXuiGJo=",
		Package:         "./cmd/buildkitd",
		VersionVariable: "github.com/moby/buildkit/version.Version",
		CompilerFlags:   smaller,
	}
}

// Buildx returns the client of BuildKit, for machines where docker has no buildx plugin.
func Buildx() Program {
	return Program{
		Name:            "buildx",
		Module:          "github.com/docker/buildx",
		Version:         "v0.38.2",
		Sum:             "h1:TTn5GXRaZatKpvJ4l7xXuS/N8kTIkLFP0WvGRkbbW9U=",
		Package:         "./cmd/buildx",
		VersionVariable: "github.com/docker/buildx/version.Version",
		// The same flags as buildkitd, so Go's build cache already has most of its packages.
		CompilerFlags: smaller,
	}
}
