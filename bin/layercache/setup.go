package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/buildkit/setup"
	"github.com/layercache/layercache/internal/variables"
)

func newSetup() *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Prepare this machine for builds, and print the builder that they will use",
		Long: `Prepare this machine for builds: check the LAYERCACHE_* variables, find buildx and buildkitd or compile them with Go,
and start and stop the builder once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := variables.FromEnv(os.LookupEnv)
			if err != nil {
				return err
			}
			ignoreClosedOutput()
			return setup.Run(cmd.Context(), s, cmd.ErrOrStderr())
		},
	}
}
