package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/buildkit/display"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/variables"
)

var bakeHelp = `Build the targets of a bake or compose file with docker buildx bake, each with a cache of its own.

All arguments go to docker buildx bake unchanged, except --progress, which sets how layercache shows the build. buildx reads
the files; layercache adds cache-from, cache-to and the form of the image to each target. The targets build at the same time
on one builder, and a stage that several share is built once. With --print and --list nothing is built.

Each target has its own verdict and its own part of the report. Its app is APP/TARGET, where APP is LAYERCACHE_APP (default:
the name of the Git repository or of the checkout's folder; the cache tags then also depend on the working directory and
on --file). The other variables are those of layercache build.

The exit status is that of docker buildx bake. A problem with a cache is a warning and never fails a build.`

func newBake() *cobra.Command {
	return &cobra.Command{
		Use:                "bake [ARGS of docker buildx bake]",
		Short:              "Build the targets of a bake or compose file, each with its cache",
		Long:               bakeHelp,
		Example:            "  layercache bake --push\n  layercache bake -f compose.yaml --push api web",
		DisableFlagParsing: true, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "-h" || args[0] == "--help") {
				return cmd.Help()
			}
			return runBakeOf(cmd.Context(), args)
		},
	}
}

// runBakeOf runs a build with arguments for docker buildx bake and the settings of the environment.
func runBakeOf(ctx context.Context, args []string) error {
	s, err := variables.FromEnv(os.LookupEnv)
	if err := errors.Join(report.Clear(s.ReportDir), err); err != nil {
		warnOfMisspelt(os.Stderr)
		return err
	}
	_, err = runBake(ctx, run.Request{Args: args, Settings: s, Stdin: os.Stdin})
	return err
}

// runBake builds what the request's Args, Settings and Stdin say, and writes the reports. It
// returns the digests of the images by target, and the build's exit status.
func runBake(ctx context.Context, request run.Request) (images map[string]string, err error) {
	ignoreClosedOutput()
	var stderr io.Writer = os.Stderr
	if run.BakeShowsJSON(request.Args, os.LookupEnv) {
		stderr = display.ToJSON(stderr)
	}
	request.LookupEnv, request.Stdout, request.Stderr = os.LookupEnv, os.Stdout, stderr
	if run.BakeOnlyReads(request.Args) {
		code, err := run.PassBake(ctx, request)
		if err == nil && code != 0 {
			return nil, exitStatus(code)
		}
		return nil, err
	}
	r, err := run.Bake(ctx, request)
	if r != nil {
		images = map[string]string{}
		for _, target := range r.Targets {
			images[target.Target] = target.Image
		}
	}
	return images, finishBuild(ctx, r, err, request.Settings, stderr, nil)
}
