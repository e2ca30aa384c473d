package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/image"
	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/internal/registry/prewarm"
	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/variables"
)

func newImage() *cobra.Command {
	command := &cobra.Command{
		Use:   "image",
		Short: "Build and push the image that flags or LAYERCACHE_* variables describe",
		Long: `Build and push the image that flags or environment variables describe, as a CodeBuild project sets
them. With --bake it builds the targets of a bake file.

` + flagsHelp,
		Example: `  layercache image --image 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop \
    --tags latest,{commit} --target release`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			deployment, withoutTicket := waiting(cmd.ErrOrStderr())
			described, s, err := readImage(cmd, variables.Image)
			if err := errors.Join(withoutTicket, report.Clear(s.ReportDir), err); err != nil {
				warnOfMisspelt(cmd.ErrOrStderr())
				deployment.failed(cmd.Context(), err)
				return err
			}
			if described.BakeFile != "" {
				_, err := runBake(cmd.Context(), run.Request{Args: described.BakeArgs(), Settings: s, Stdin: os.Stdin, HideCredentials: true})
				return err
			}
			deployment.expect(described)
			return runBuild(cmd.Context(), described.BuildxArgs(), s, deployment)
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
		Long: `Join the images that ` + "`layercache image --platform-tags`" + ` pushed for each platform into one index per
tag, and push it.

` + flagsHelp,
		Example: `  layercache index --image 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop --tags latest \
    --platforms linux/amd64,linux/arm64`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			warnOfMisspelt(cmd.ErrOrStderr())
			deployment, withoutTicket := waiting(cmd.ErrOrStderr())
			described, s, err := readImage(cmd, variables.Index)
			if err := errors.Join(withoutTicket, report.Clear(s.ReportDir), err); err != nil {
				deployment.failed(cmd.Context(), err)
				return err
			}
			deployment.expect(described)
			started := time.Now()
			joined, lines, err := joinIndex(sayingWaits(cmd), described)
			if unwritten := report.WriteIndex(s.ReportDir, lines, firstDigest(joined), time.Since(started), err); unwritten != nil {
				lines = append(lines, "warning: "+unwritten.Error())
			}
			for _, line := range lines {
				fmt.Fprintln(cmd.ErrOrStderr(), "layercache: "+line)
			}
			if err != nil {
				deployment.failed(cmd.Context(), err)
				return err
			}
			deployment.joined(cmd.Context(), joined)
			return nil
		},
	}
	addFlags(command, variables.Index)
	return command
}

// joinIndex joins the images. It returns the indexes that it pushed, and a line for each.
func joinIndex(ctx context.Context, described image.Image) (joined []image.PushedIndex, lines []string, err error) {
	if !described.Push {
		return nil, []string{"nothing to join, because nothing was pushed (LAYERCACHE_PUSH=false)"}, nil
	}
	keychain, err := ecr.LoginFor(ctx, described.Names())
	if err != nil {
		return nil, nil, err
	}
	joined, err = described.Index(ctx, keychain)
	for _, done := range joined {
		lines = append(lines, fmt.Sprintf("%s@%s", done.Name, done.Digest))
	}
	return joined, lines, err
}

// firstDigest returns the digest of the indexes, which have the same content under each tag, or "".
func firstDigest(joined []image.PushedIndex) string {
	if len(joined) == 0 {
		return ""
	}
	return joined[0].Digest.String()
}

func newPrewarm() *cobra.Command {
	return &cobra.Command{
		Use:   "prewarm [IMAGE…]",
		Short: "Fill a pull-through cache with images before builds need them",
		Long: `Pull images through a pull-through cache before builds need them. IMAGE is HOST/PREFIX/NAME:TAG; LAYERCACHE_PREWARM may
hold more, separated by commas.

ECR imports an image only when it is pulled by a tag. For a pinned image write HOST/PREFIX/NAME:TAG@DIGEST: the tag is
pulled, then the digest is compared.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			warnOfMisspelt(cmd.ErrOrStderr())
			values, problems := variables.Read(os.LookupEnv, variables.Prewarm.Variables())
			if err := problems.Err(); err != nil {
				return err
			}
			images := append(args, values.List("LAYERCACHE_PREWARM")...)
			ctx := sayingWaits(cmd)
			keychain, err := ecr.LoginFor(ctx, images)
			if err != nil {
				return err
			}
			return prewarm.Run(ctx, images, keychain, cmd.ErrOrStderr())
		},
	}
}

// sayingWaits returns the command's context; waits for a registry that throttles are shown.
func sayingWaits(cmd *cobra.Command) context.Context {
	say := func(format string, args ...any) { fmt.Fprintf(cmd.ErrOrStderr(), "layercache: "+format+"\n", args...) }
	return throttle.NewContext(cmd.Context(), &throttle.Waits{Say: say})
}
