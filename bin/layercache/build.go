package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/report/metrics"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/variables"
)

var buildHelp = `Build an image with docker buildx build, with the cache flags added and on a builder of its own.

All arguments go to docker buildx build unchanged, except --progress and --quiet, which set how layercache shows the build.
Environment variables configure the cache:

` + variablesHelp(variables.Build) + `

The exit status is the build's. A problem with the cache is a warning and never fails a build.`

func newBuild() *cobra.Command {
	return &cobra.Command{
		Use:                "build [ARGS of docker buildx build]",
		Short:              "Build an image with the cache, and report what the cache did",
		Long:               buildHelp,
		Example:            "  LAYERCACHE_REPOSITORY=111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev \\\n  layercache build --push --tag 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:v1 .",
		DisableFlagParsing: true, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "-h" || args[0] == "--help") {
				return cmd.Help()
			}
			s, err := variables.FromEnv(os.LookupEnv)
			if err := errors.Join(report.Clear(s.ReportDir), err); err != nil {
				return err
			}
			return runBuild(cmd.Context(), args, s)
		},
	}
}

// runBuild runs a build with arguments for docker buildx build, and writes the reports. It returns the
// build's exit status.
func runBuild(ctx context.Context, args []string, s variables.Settings) error {
	ignoreClosedOutput()
	r, err := run.Run(ctx, run.Request{
		Args: args, Settings: s, Lookup: os.LookupEnv,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		var err error
		if s.MetricsNamespace != "" {
			err = metrics.Put(context.WithoutCancel(ctx), s.MetricsNamespace, r.App, metrics.FromReport(r))
		}
		sent <- err
	}()
	for _, err := range []error{r.Write(s.ReportDir), r.GitHub(os.LookupEnv, os.Stdout), <-sent} {
		if err != nil {
			r.Warnings = append(r.Warnings, err.Error())
		}
	}
	r.Summary(os.Stderr)
	if r.ExitCode != 0 {
		return exitStatus(r.ExitCode)
	}
	return nil
}
