package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/ecr"
	"github.com/layercache/layercache/internal/image"
	"github.com/layercache/layercache/internal/prewarm"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/settings"
)

const imageHelp = `Build and push the image that variables describe, as a CodeBuild project sets them. What layercache build
takes from variables, it takes too.

  LAYERCACHE_IMAGE          image repository, HOST/NAME; needed
  LAYERCACHE_TAGS           comma list; {commit}, {branch} and {build} are filled in (default latest)
  LAYERCACHE_PUSH           push the image (default true)
  LAYERCACHE_DOCKERFILE     (default Dockerfile)
  LAYERCACHE_CONTEXT        (default .)
  LAYERCACHE_TARGET         stage to build (default: the last)
  LAYERCACHE_PLATFORMS      comma list (default: this machine's own)
  LAYERCACHE_PLATFORM_TAGS  push TAG-linux-amd64 and the like, for layercache index to join (default false)
  LAYERCACHE_BUILD_ARGS     JSON object: {"VERSION":"1.2"}
  LAYERCACHE_SECRETS        JSON object, secret id to the variable that holds it: {"npmrc":"NPMRC"}
  LAYERCACHE_PROVENANCE, LAYERCACHE_SBOM   as docker buildx build takes them
  LAYERCACHE_ARGS           JSON array of further arguments of docker buildx build`

func newImage() *cobra.Command {
	return &cobra.Command{
		Use:   "image",
		Short: "Build and push the image that LAYERCACHE_* variables describe",
		Long:  imageHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, settingsErr := settings.FromEnv(os.LookupEnv)
			described, err := image.FromEnv(os.LookupEnv, image.WordsFrom(cmd.Context(), s, os.LookupEnv))
			if err := errors.Join(report.Clear(s.ReportDir), settingsErr, err); err != nil {
				return err
			}
			return runBuild(cmd.Context(), described.BuildxArgs(), s)
		},
	}
}

func newIndex() *cobra.Command {
	return &cobra.Command{
		Use:   "index",
		Short: "Join the images of several platforms into one index",
		Long: `Join, for each of LAYERCACHE_TAGS, the images that the builds for LAYERCACHE_PLATFORMS pushed with
LAYERCACHE_PLATFORM_TAGS=true into one index, and push it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, settingsErr := settings.FromEnv(os.LookupEnv)
			described, err := image.FromEnv(os.LookupEnv, image.WordsFrom(cmd.Context(), s, os.LookupEnv))
			if err := errors.Join(report.Clear(s.ReportDir), settingsErr, err); err != nil {
				return err
			}
			if !described.Push {
				fmt.Fprintln(cmd.ErrOrStderr(), "layercache: nothing was pushed (LAYERCACHE_PUSH=false), so there is nothing to join")
				return nil
			}
			keychain, err := ecr.LoginFor(cmd.Context(), described.Names())
			if err != nil {
				return err
			}
			joined, err := described.Index(cmd.Context(), keychain)
			for _, done := range joined {
				fmt.Fprintf(cmd.ErrOrStderr(), "layercache: %s@%s\n", done.Name, done.Digest)
			}
			return err
		},
	}
}

func newPrewarm() *cobra.Command {
	return &cobra.Command{
		Use:   "prewarm [IMAGE…]",
		Short: "Pull images through a pull-through cache, so that builds find them there",
		Long: `Pull images through a pull-through cache, so that builds find them there: HOST/PREFIX/NAME:TAG, as arguments or as a
comma list in LAYERCACHE_PREWARM.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			images := append(args, settings.List(os.Getenv("LAYERCACHE_PREWARM"))...)
			keychain, err := ecr.LoginFor(cmd.Context(), images)
			if err != nil {
				return err
			}
			return prewarm.Run(cmd.Context(), images, keychain, cmd.ErrOrStderr())
		},
	}
}
