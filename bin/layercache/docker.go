package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/docker"
	"github.com/layercache/layercache/internal/run"
)

var dockerHelp = `Take the place of docker: build images with the cache, and keep them until docker push.

  build, buildx build, image build, builder build
        build with the cache, as layercache build does, and report what the cache did
  buildx bake, compose build
        build as layercache bake does; Docker Compose reads its files
  tag, push, compose push, inspect, images, rmi
        work with the images that were built this way: they go from the builder to the registry, not through docker
  everything else
        is passed on to the docker on PATH; images built this way that it names are first loaded into docker

Output, exit status and files are those of docker. The reports of an image are in a folder of its own below
LAYERCACHE_REPORT_DIR. The program does the same under the names docker and layercache-docker: layercache setup --docker
puts these names in front of docker on PATH. The variables are those of layercache build.`

func newDocker() *cobra.Command {
	return &cobra.Command{
		Use:                "docker [ARGS of docker]",
		Short:              "Take the place of docker: build with the cache, push what was built",
		Long:               dockerHelp,
		Example:            "  layercache docker build --tag 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:v1 .\n  layercache docker push 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:v1",
		DisableFlagParsing: true, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "-h" || args[0] == "--help") && !docker.IsName(os.Args[0]) {
				return cmd.Help()
			}
			return runDocker(cmd.Context(), args)
		},
	}
}

// runDocker answers a call of docker.
func runDocker(ctx context.Context, args []string) error {
	err := docker.Run(ctx, docker.Request{
		Args: args, LookupEnv: os.LookupEnv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Build: func(ctx context.Context, b docker.Build) (string, error) {
			return runRequest(ctx, run.Request{Args: b.Args, Settings: b.Settings, ChooseOutput: b.ChooseOutput, StartJobBuilder: true}, nil)
		},
		Bake: func(ctx context.Context, b docker.Bake) (map[string]string, error) {
			return runBake(ctx, run.Request{
				Args: b.Args, Settings: b.Settings, Stdin: b.Stdin, BakeFiles: b.Files, PlaceTarget: b.PlaceTarget, StartJobBuilder: true,
			})
		},
	})
	var status docker.Status
	if errors.As(err, &status) {
		return exitStatus(status)
	}
	return err
}
