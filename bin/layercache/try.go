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
		Long: `Measure on this machine what the cache would do for a Dockerfile. No account is needed.

The Dockerfile is built cold, unchanged and changed against a throw-away registry on loopback, each time on a fresh builder,
and once without a cache. DIR itself is not written: the change is made in a copy. Reports go to LAYERCACHE_REPORT_DIR.`,
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
			outliveReaders()
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
	command.Flags().StringVar(&options.Touch, "touch", "", "the file to change, relative to DIR (default: the newest that the last COPY takes)")
	return command
}
