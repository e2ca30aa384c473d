package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/buildkit/display"
	"github.com/layercache/layercache/internal/outputs"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/report/metrics"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/variables"
	"github.com/layercache/layercache/internal/verdict"
)

var buildHelp = `Build an image with docker buildx build, with the cache flags added and on a builder of its own.

All arguments go to docker buildx build unchanged, except --progress and --quiet, which set how layercache shows the build.
With --progress=rawjson, stderr is JSON only: the lines of layercache are logs of a vertex "[internal] layercache".
Environment variables configure the cache:

` + variablesHelp(variables.Build) + `

The exit status is the build's. A problem with the cache is a warning and never fails a build.`

func newBuild() *cobra.Command {
	return &cobra.Command{
		Use:                "build [ARGS of docker buildx build]",
		Short:              "Build an image with the cache, and report what the cache did",
		Long:               buildHelp,
		Example:            "  LAYERCACHE_REPOSITORY=111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/cache/dev \\\n  layercache build --push --tag 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:v1 .",
		DisableFlagParsing: true, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "-h" || args[0] == "--help") {
				return cmd.Help()
			}
			s, err := variables.FromEnv(os.LookupEnv)
			if err := errors.Join(report.Clear(s.ReportDir), err); err != nil {
				warnOfMisspelt(cmd.ErrOrStderr())
				return err
			}
			return runBuild(cmd.Context(), args, s, nil)
		},
	}
}

// explained adds to the error of a build that did not start where it is explained. It adds nothing to an error that is not
// about this machine.
func explained(err error) error {
	var stopped run.Stopped
	var readErr run.ReadError
	if errors.As(err, &stopped) || errors.As(err, &readErr) {
		return err
	}
	return fmt.Errorf("%w\n`layercache doctor` checks this machine; see %s", err, verdict.NotStarted().Address())
}

// runBuild runs a build with arguments for docker buildx build, and writes the reports. It returns the
// build's exit status. The deployment may be nil.
func runBuild(ctx context.Context, args []string, s variables.Settings, d *waitingDeployment) error {
	_, err := runRequest(ctx, run.Request{Args: args, Settings: s}, d)
	return err
}

// runRequest is runBuild for a request, which needs no environment and no files. It also returns the digest of the image.
func runRequest(ctx context.Context, request run.Request, d *waitingDeployment) (image string, err error) {
	ignoreClosedOutput()
	var stderr io.Writer = os.Stderr
	if run.ShowsJSON(request.Args, os.LookupEnv) {
		stderr = display.ToJSON(stderr)
	}
	request.LookupEnv, request.Stdin, request.Stdout, request.Stderr = os.LookupEnv, os.Stdin, os.Stdout, stderr
	r, err := run.Run(ctx, request)
	if r != nil {
		image = r.Image
	}
	return image, finishBuild(ctx, r, err, request.Settings, stderr, d)
}

// finishBuild writes the reports of a build, or the error with which it did not start, tells the deployment, which may
// be nil, and returns the exit status.
func finishBuild(ctx context.Context, r *report.Report, err error, s variables.Settings, stderr io.Writer, d *waitingDeployment) error {
	if err != nil {
		warnOfMisspelt(stderr)
		printError(stderr, explained(err))
		d.failed(ctx, err)
		return exitStatus(run.ExitCode(err))
	}
	r.Warnings = append(variables.MisspeltIn(os.Environ()), r.Warnings...)
	sent := make(chan error, 1)
	go func() {
		var err error
		if s.MetricsNamespace != "" {
			err = metrics.Put(context.WithoutCancel(ctx), s.MetricsNamespace, r.App, metrics.FromReport(r))
		}
		sent <- err
	}()
	for _, err := range []error{r.Write(s.ReportDir), r.GitHub(os.LookupEnv, stderr), <-sent} {
		if err != nil {
			r.Warnings = append(r.Warnings, err.Error())
		}
	}
	outputs.Remember(report.FilesIn(s.ReportDir)...)
	r.Summary(stderr)
	d.built(ctx, r)
	if r.ExitCode != 0 {
		return exitStatus(r.ExitCode)
	}
	return nil
}
