package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/bundle/version"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "layercache",
		Short: "Build container images with a durable layer cache, and report what the cache did",
		Long: `layercache builds container images with a layer cache in a registry such as Amazon ECR.

It starts BuildKit in a fraction of a second, adds the cache flags to docker buildx build, and ends with one line that
states whether the cache was used.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(fixFlag)
	root.AddCommand(newBuild(), newBake(), newDocker(), newImage(), newIndex(), newPrewarm(), newReport(), newSetup(), newStop(), newVersion())
	root.AddCommand(machineCommands()...)
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version and commit of layercache, and the version of its BuildKit",
		Args:  noArguments,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), version.String())
		},
	}
}
