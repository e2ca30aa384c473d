// Package programs compiles layercache for tests that run it as a user does, and puts the pinned tools next
// to it, as in the bundle.
package programs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/test/kit/checkout"
)

// The programs, by their names in the folder.
const (
	// Bundled is the helper that builds download.
	Bundled = "layercache"
	// Whole is the program that people install.
	Whole     = "layercache-whole"
	Buildkitd = "buildkitd"
	Buildx    = "buildx"
	// Buildctl is BuildKit's own client.
	Buildctl = "buildctl"
	// DeployFunction is the function that starts builds when a stack is deployed, for this machine.
	DeployFunction = "deploy-function"
	// CodeBuildBuildx is the buildx in AWS's images for CodeBuild, which comes with their Docker. The helper prefers
	// it there, so it is the client of most builds.
	CodeBuildBuildx = "buildx-of-codebuild"
	// Compose is Docker Compose, a plugin of docker.
	Compose = "docker-compose"
	// Docker is Docker's command line, and Dockerd its daemon, which starts the other two.
	Docker         = "docker"
	Dockerd        = "dockerd"
	Containerd     = "containerd"
	ContainerdShim = "containerd-shim-runc-v2"
)

// Dir is the folder of the programs, set when Main runs the tests.
var Dir string

// Path returns the path of a program. Call it in a test, so that the test's cached result depends on the
// program's source.
func Path(program string) string {
	if program == Bundled || program == Whole || program == DeployFunction {
		lookAtSource()
	}
	return filepath.Join(Dir, program)
}

// lookAtSource looks at every file that layercache is compiled from. The go command does not track files that
// are read by a compiler which a test has started, so it would reuse a cached test result although the helper
// has changed. It does track the files of the module that the test itself looks at.
var lookAtSource = sync.OnceFunc(func() {
	var err error
	for _, part := range []string{"bin/layercache", "bin/deploy-function", "internal", "go.mod", "go.sum"} {
		err = errors.Join(err, fs.WalkDir(checkout.FS(), part, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = fs.Stat(checkout.FS(), path)
			}
			return err
		}))
	}
	if err != nil {
		panic("look at the source of layercache: " + err.Error())
	}
})

// Main is called by a TestMain: it prepares the programs, runs the tests and exits.
func Main(m *testing.M, wanted ...string) {
	os.Exit(run(m, wanted))
}

func run(m *testing.M, wanted []string) int {
	dir, err := os.MkdirTemp("", "layercache-programs-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = install(context.Background(), dir, wanted)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare the programs under test:", err)
		return 1
	}
	Dir = dir
	return m.Run()
}

// tools returns the pinned programs by name.
func tools() map[string]toolchain.Program {
	return map[string]toolchain.Program{
		Buildkitd: toolchain.Buildkitd(), Buildx: toolchain.Buildx(), Buildctl: buildctl(), CodeBuildBuildx: codeBuildBuildx(), Compose: compose(),
		Docker:         ofDocker(Docker, "github.com/docker/cli", "cli/version.Version", "h1:XmG99IHcBmIAoC1PPg9eLBZPlTrNUAijsHLm8PjhBlg="),
		Dockerd:        ofDocker(Dockerd, "github.com/docker/docker", "dockerversion.Version", "h1:DBX0Y0zAjZbSrm1uzOkdr1onVghKaftjlSWt4AFexzM="),
		Containerd:     ofContainerd(Containerd),
		ContainerdShim: ofContainerd(ContainerdShim),
	}
}

// CompileTools compiles the tools that are not in the user's cache yet. It compiles two at a time, because one
// alone leaves cores idle while it downloads modules and links. Tools that share packages are apart in the
// list, because two go commands compile a package twice at the same time.
func CompileTools(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for _, name := range []string{Buildkitd, Dockerd, Buildctl, CodeBuildBuildx, Buildx, Compose, Docker, Containerd, ContainerdShim} {
		g.Go(func() error {
			_, err := Tool(ctx, name, os.Stderr)
			return err
		})
	}
	return g.Wait()
}

// Tool returns the path of a pinned tool. It compiles the tool if it is not in the user's cache yet.
func Tool(ctx context.Context, name string, progress io.Writer) (string, error) {
	return toolchain.Build(ctx, tools()[name], toolchain.Host(), progress)
}

func install(ctx context.Context, dir string, wanted []string) error {
	for _, name := range wanted {
		output := filepath.Join(dir, name)
		if _, pinned := tools()[name]; !pinned {
			if err := compile(ctx, name, output); err != nil {
				return err
			}
			continue
		}
		path, err := Tool(ctx, name, os.Stderr)
		if err != nil {
			return err
		}
		if err := os.Symlink(path, output); err != nil {
			return err
		}
	}
	return nil
}

// compile compiles layercache from this source.
func compile(ctx context.Context, name, output string) error {
	tags, source := "", "./bin/layercache"
	switch name {
	case Bundled:
		tags = bundle.HelperTags
	case DeployFunction:
		tags, source = bundle.FunctionTags, "./bin/deploy-function"
	}
	return toolchain.Compile(ctx, toolchain.Compilation{
		Dir: checkout.Dir(), Package: source, LinkFlags: "-s -w", Tags: tags, Platform: toolchain.Host(), Output: output, Label: name,
	}, os.Stderr)
}

// buildctl returns BuildKit's client, which is in the same module as buildkitd.
func buildctl() toolchain.Program {
	program := toolchain.Buildkitd()
	program.Name, program.Package, program.Edits = Buildctl, "./cmd/buildctl", nil
	return program
}

// quickly compiles without optimization, for programs that only run in tests.
var quickly = []string{"all=-N -l", "std="}

// codeBuildBuildx returns the buildx of AWS's images.
//
// https://github.com/aws/aws-codebuild-docker-images/blob/master/al/x86_64/standard/6.0/Dockerfile
func codeBuildBuildx() toolchain.Program {
	program := toolchain.Buildx()
	program.Version, program.Sum = "v0.32.1", "h1:ecen0VNo7UINEv+Wx7xDPlTH5nQ1EaxzFOoslYIISuk="
	program.CompilerFlags = quickly
	return program
}

// compose returns Docker Compose, of which AWS's images have version 5.1.0.
func compose() toolchain.Program {
	return toolchain.Program{
		Name: Compose, Module: "github.com/docker/compose/v5", Version: "v5.1.2", Sum: "h1:HxtfGZA0DESw/+hvrNJDjM8VKmCond7OkmgVJCHku48=",
		Package: "./cmd", VersionVariable: "github.com/docker/compose/v5/internal.Version", CompilerFlags: quickly,
	}
}

// DockerVersion is the version of Docker in AWS's images.
const DockerVersion = "v28.5.2"

// ofDocker returns a program of the Docker in AWS's images, optimized, because the benchmark measures it. Docker's modules have
// go.mod under another name.
func ofDocker(name, module, version, sum string) toolchain.Program {
	return toolchain.Program{
		Name: name, Module: module, Version: DockerVersion + "+incompatible", Sum: sum, Package: "./cmd/" + name,
		VersionVariable: module + "/" + version,
		Edits:           []toolchain.Edit{{File: "go.mod", From: "vendor.mod"}, {File: "go.sum", From: "vendor.sum"}},
	}
}

// ofContainerd returns a program of the containerd that comes with this Docker.
func ofContainerd(name string) toolchain.Program {
	return toolchain.Program{
		Name: name, Module: "github.com/containerd/containerd", Version: "v1.7.28", Sum: "h1:Nsgm1AtcmEh4AHAJ4gGlNSaKgXiNccU270Dnf81FQ3c=", Package: "./cmd/" + name,
		VersionVariable: "github.com/containerd/containerd/version.Version",
	}
}

// UseCodeBuildBuildx makes helpers with this folder of Docker's configuration find the buildx of AWS's images, as a
// plugin.
func UseCodeBuildBuildx(dockerConfig string) error {
	plugins := filepath.Join(dockerConfig, "cli-plugins")
	return errors.Join(os.MkdirAll(plugins, 0o755), os.Symlink(Path(CodeBuildBuildx), filepath.Join(plugins, "docker-buildx")))
}
