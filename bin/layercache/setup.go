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
		Short: "Make sure that builds can run here, and say which builder they will take",
		Long: `Make sure that builds can run here: find buildx and buildkitd, or compile them where Go is installed and they are
not; check the LAYERCACHE_* variables; start the builder once and stop it again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := variables.FromEnv(os.LookupEnv)
			if err != nil {
				return err
			}
			outliveReaders()
			return setup.Run(cmd.Context(), s, cmd.ErrOrStderr())
		},
	}
}
