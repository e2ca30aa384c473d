// Package toolchain compiles the programs that layercache relies on (buildkitd, buildx) from their Go modules, at a pinned
// version whose checksum is part of this source, and keeps each binary in the user's cache folder. It needs nothing but Go.
//
// A module is built in its own folder of the module cache, so it is compiled with exactly the dependencies that its authors
// released (their go.mod, go.sum, replace and exclude directives), which `go install MODULE@VERSION` refuses for both.
package toolchain

// Program is a main package of a Go module, pinned.
type Program struct {
	// Name is the name of the binary.
	Name string
	// Module and Version are what `go mod download` is given.
	Module, Version string
	// Sum is the module zip's h1: checksum, as in go.sum. A module with another checksum is refused.
	Sum string
	// Package is the main package's folder within the module.
	Package string
	// VersionVariable is the variable that takes the version at link time.
	VersionVariable string
	// CompilerFlags are those of Compilation.
	CompilerFlags []string
}

// smaller makes a program a fifth smaller, as every build downloads buildkitd: nothing is inlined but in what moves the bytes of
// layers.
var smaller = []string{"all=-l", "std=", "github.com/klauspost/...=", "github.com/containerd/...=", "github.com/moby/...=", "golang.org/...="}

// Buildkitd is the BuildKit daemon, the native builder.
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

// Buildx is the client that runs the build, for machines where docker has no buildx plugin.
func Buildx() Program {
	return Program{
		Name:            "buildx",
		Module:          "github.com/docker/buildx",
		Version:         "v0.38.2",
		Sum:             "h1:TTn5GXRaZatKpvJ4l7xXuS/N8kTIkLFP0WvGRkbbW9U=",
		Package:         "./cmd/buildx",
		VersionVariable: "github.com/docker/buildx/version.Version",
		// As buildkitd's, so that most of what it is made of has been compiled.
		CompilerFlags: smaller,
	}
}
