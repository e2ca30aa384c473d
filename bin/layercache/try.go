//go:build !bundled

package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/try"
	"github.com/layercache/layercache/internal/variables"
)

func newTry() *cobra.Command {
	options := try.Options{Stdout: os.Stdout, Stderr: os.Stderr}
	command := &cobra.Command{
		Use:   "try DIR [-- ARGS of docker buildx build]",
		Short: "Measure on this machine what the cache would do for a Dockerfile",
		Long: `Measure on this machine what the cache would do for a Dockerfile. No AWS account is needed.

The Dockerfile is built cold, unchanged and changed with a cache in a temporary registry on this machine, then without a
cache, each time on a new builder. The change is made in a copy of DIR. Reports go to LAYERCACHE_REPORT_DIR.`,
		Example: "  layercache try ./service\n  layercache try ./service --touch src/index.ts -- --target release",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("try needs the folder that holds the Dockerfile: layercache try DIR")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := variables.FromEnv(os.LookupEnv)
			if err != nil {
				return err
			}
			ignoreClosedOutput()
			options.Dir, options.BuildArgs, options.Settings = args[0], args[1:], s
			err = try.Run(cmd.Context(), options)
			var failed try.Failed
			if errors.As(err, &failed) {
				cmd.PrintErrln("layercache:", err)
				return exitStatus(failed.ExitCode)
			}
			return err
		},
	}
	command.Flags().StringVarP(&options.Dockerfile, "file", "f", "", "the Dockerfile (default DIR/Dockerfile)")
	command.Flags().StringVar(&options.Touch, "touch", "", "the file to change, relative to DIR (default: the newest file that the last COPY copies)")
	return command
}
