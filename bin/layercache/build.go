package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/build"
	"github.com/layercache/layercache/internal/metrics"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/settings"
)

const buildHelp = `Build an image: docker buildx build with a builder of its own and the cache flags added.

Everything after "layercache build" goes to docker buildx build as it is, except for --progress and --quiet, which set how
layercache shows the build. The cache is set with variables:

  LAYERCACHE_REPOSITORY       cache repository, HOST/NAME; without it there is no cache
  LAYERCACHE_FALLBACK_REPOSITORY  a second cache repository, read and never written
  LAYERCACHE_MODE             registry, inline, image, local, s3, off (default registry)
  LAYERCACHE_WRITE            export the cache after the build (default true)
  LAYERCACHE_REFRESH          ignore what is cached, export anew (default false)
  LAYERCACHE_APP              first part of the cache tag (default: the image's name)
  LAYERCACHE_BRANCH           cache scope (default: from CodeBuild or git)
  LAYERCACHE_FALLBACK_BRANCH  cache scope that is read while the branch has none (default main)
  LAYERCACHE_BUILDER          auto, native, container, docker (default auto)
  LAYERCACHE_MIRRORS          UPSTREAM=HOST/PREFIX,… for base images
  LAYERCACHE_LAYERS           all, final: every step or the last stage's alone (default all)
  LAYERCACHE_COMPRESSION      zstd, gzip (default zstd)
  LAYERCACHE_COMPRESSION_LEVEL  0 to 22 for zstd (default 1), 0 to 9 for gzip
  LAYERCACHE_CACHE_TIMEOUT    how long a build waits in all for a cache that does not answer (default: 10s)
  LAYERCACHE_PARALLELISM      how many steps run side by side (default: no limit)
  LAYERCACHE_REPOSITORY_ROLE  IAM role to assume for the cache repository
  LAYERCACHE_LOCAL_DIR        cache folder of mode local; without it, docker's own builder
  LAYERCACHE_S3               BUCKET/PREFIX/ of mode s3
  LAYERCACHE_METRICS_NAMESPACE  CloudWatch namespace for figures; without it none are sent
  LAYERCACHE_USD_PER_MINUTE, LAYERCACHE_USD_PER_GB_MONTH, LAYERCACHE_BUILDS_PER_MONTH
                              what the saved time is worth (default 0.005, 0.10, 100)
  LAYERCACHE_REPORT_DIR       where report.json, report.html and others go (default ./layercache-report)

The exit status is the build's. Trouble with the cache is a warning.`

func newBuild() *cobra.Command {
	return &cobra.Command{
		Use:                "build [ARGS of docker buildx build]",
		Short:              "Build an image with the cache, and say what the cache did",
		Long:               buildHelp,
		Example:            "  LAYERCACHE_REPOSITORY=111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev \\\n  layercache build --push --tag 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:v1 .",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "-h" || args[0] == "--help") {
				return cmd.Help()
			}
			s, err := settings.FromEnv(os.LookupEnv)
			if err := errors.Join(report.Clear(s.ReportDir), err); err != nil {
				return err
			}
			return runBuild(cmd.Context(), args, s)
		},
	}
}

// runBuild builds with the arguments of docker buildx build, writes the reports and ends with the build's exit status.
func runBuild(ctx context.Context, args []string, s settings.Settings) error {
	outliveReaders()
	r, err := build.Run(ctx, build.Request{
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
			err = metrics.Put(context.WithoutCancel(ctx), s.MetricsNamespace, r.App, metrics.Of(r))
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
