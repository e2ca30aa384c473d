package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/image"
	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/internal/registry/prewarm"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/variables"
)

func newImage() *cobra.Command {
	command := &cobra.Command{
		Use:   "image",
		Short: "Build and push the image that flags or LAYERCACHE_* variables describe",
		Long: `Build and push the image that flags or environment variables describe, as a CodeBuild project sets them.

` + flagsHelp,
		Example: "  layercache image --image 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop --tags latest,{commit} --target release",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			described, s, err := readImage(cmd, variables.Image)
			if err := errors.Join(report.Clear(s.ReportDir), err); err != nil {
				return err
			}
			return runBuild(cmd.Context(), described.BuildxArgs(), s)
		},
	}
	addFlags(command, variables.Image)
	return command
}

// readImage reads the image and the settings from the flags and variables of a command.
func readImage(cmd *cobra.Command, read variables.Command) (image.Image, variables.Settings, error) {
	lookup := lookupFlags(cmd)
	values, problems := variables.Read(lookup, read.Variables())
	s, together := variables.SettingsFrom(values)
	described, ofImage := image.From(values, image.WordsFrom(cmd.Context(), s, lookup), lookup)
	return described, s, nameFlags(cmd, slices.Concat(problems, together, ofImage)).Err()
}

func newIndex() *cobra.Command {
	command := &cobra.Command{
		Use:   "index",
		Short: "Join the images of several platforms into one index",
		Long: `Join the images that ` + "`layercache image --platform-tags`" + ` pushed for each platform into one index per tag, and push it.

` + flagsHelp,
		Example: "  layercache index --image 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop --tags latest --platforms linux/amd64,linux/arm64",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			described, s, err := readImage(cmd, variables.Index)
			if err := errors.Join(report.Clear(s.ReportDir), err); err != nil {
				return err
			}
			if !described.Push {
				fmt.Fprintln(cmd.ErrOrStderr(), "layercache: nothing to join, because nothing was pushed (LAYERCACHE_PUSH=false)")
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
	addFlags(command, variables.Index)
	return command
}

func newPrewarm() *cobra.Command {
	return &cobra.Command{
		Use:   "prewarm [IMAGE…]",
		Short: "Fill a pull-through cache with images before builds need them",
		Long: `Pull images through a pull-through cache before builds need them. IMAGE is HOST/PREFIX/NAME:TAG; LAYERCACHE_PREWARM may
hold more, separated by commas.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			values, problems := variables.Read(os.LookupEnv, variables.Prewarm.Variables())
			if err := problems.Err(); err != nil {
				return err
			}
			images := append(args, values.List("LAYERCACHE_PREWARM")...)
			keychain, err := ecr.LoginFor(cmd.Context(), images)
			if err != nil {
				return err
			}
			return prewarm.Run(cmd.Context(), images, keychain, cmd.ErrOrStderr())
		},
	}
}
