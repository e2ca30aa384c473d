// Package toolchain compiles buildkitd and buildx from their Go modules, at pinned versions and checksums,
// and keeps the binaries in the user's cache folder. It needs only Go.
//
// A module is compiled in its own folder of the module cache, or in a copy of it if its source is edited, so it
// uses exactly the dependencies that its authors released (their go.mod, go.sum, replace and exclude
// directives). `go install MODULE@VERSION` refuses such modules.
package toolchain

import (
	_ "embed"
	"slices"

	"github.com/layercache/layercache/internal/buildkit/toolchain/quiet"
	"github.com/layercache/layercache/internal/buildkit/toolchain/readahead"
	"github.com/layercache/layercache/internal/buildkit/toolchain/volatile"
)

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
	// Edits change the module's source before it is compiled.
	Edits []Edit
}

// smaller disables inlining except in packages that process the bytes of layers. It makes a program 20 %
// smaller, because every build downloads buildkitd.
var smaller = []string{"all=-l", "std=", "github.com/klauspost/...=", "github.com/containerd/...=", "github.com/moby/...=", "golang.org/...="}

// hijack is the file of BuildKit that makes the connection of a session.
const hijack = "session/grpchijack/hijack.go"

// quietSessions make buildkitd use quiet.New, without which part of the builds begin a second late. Remove them
// when the buildx in CodeBuild's images has a corrected client.
var quietSessions = []Edit{
	{File: "session/quiet/conn.go", New: quiet.Source},
	{
		File: hijack,
		Old:  "\t\"google.golang.org/grpc/metadata\"\n",
		New:  "\t\"github.com/moby/buildkit/session/quiet\" // added by layercache\n\t\"google.golang.org/grpc/metadata\"\n",
	},
	{
		File: hijack,
		Old:  "return c, closeCh, md",
		New:  "return quiet.New(c), closeCh, md // quiet.New was added by layercache",
	},
}

// refs is the file of BuildKit that mounts the files of steps.
const refs = "cache/refs.go"

// volatileOverlays make buildkitd use volatile.Options, without which it waits for the disk after every RUN and COPY.
var volatileOverlays = []Edit{
	{File: "cache/volatile/options.go", New: volatile.Source},
	{
		File: refs,
		Old:  "\t\"github.com/moby/buildkit/cache/config\"\n",
		New:  "\t\"github.com/moby/buildkit/cache/config\"\n\t\"github.com/moby/buildkit/cache/volatile\" // added by layercache\n",
	},
	{
		File: refs,
		Old:  "\t\tif err := mount.All(mounts, dir); err != nil {\n",
		New: "\t\tfor i := range mounts { // The loop was added by layercache.\n" +
			"\t\t\tmounts[i].Options = volatile.Options(mounts[i].Options)\n\t\t}\n" +
			"\t\tif err := mount.All(mounts, dir); err != nil {\n",
	},
}

//go:embed _buildkitd/layers.go
var layers string

// layersAhead make buildkitd decompress layers with readahead.New, without which it unpacks on one core.
var layersAhead = []Edit{
	{File: "util/readahead/reader.go", New: readahead.Source},
	{File: "cmd/buildkitd/layers.go", New: layers},
}

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
		Edits:           slices.Concat(quietSessions, volatileOverlays, layersAhead),
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
