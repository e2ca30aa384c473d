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
		Long: `Measure on this machine what the cache would do for a Dockerfile, or for the targets of a bake or Compose file. No AWS
account is needed.

The Dockerfile is built cold, unchanged, with a changed source file and with a changed dependency, with a cache in a
temporary registry on this machine, then without a cache, each time on a new builder. The changes are made in a copy of DIR.
Reports go to LAYERCACHE_REPORT_DIR. With --bake the targets of that file are built; the arguments after -- are then those of
docker buildx bake, such as the targets to build.

With --offline nothing is pulled: base images come from the local Docker, else stand-ins are made of this machine's software
where that is possible. An OCI layout takes the place of a base image with -- --build-context NAME=oci-layout://DIR.`,
		Example: "  layercache try ./service\n  layercache try ./service --touch src/index.ts -- --target release\n  layercache try . --bake compose.yaml\n  layercache try ./service --offline",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("try needs the folder that holds the Dockerfile: layercache try DIR")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			warnOfMisspelt(cmd.ErrOrStderr())
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
	command.Flags().StringVar(&options.Bake, "bake", "", "build the targets of this bake or Compose file, relative to DIR, in place of one Dockerfile")
	command.Flags().StringVar(&options.Touch, "touch", "", "the source file to change, relative to DIR (default: the newest source file that the last COPY copies)")
	command.Flags().StringVar(&options.Dependency, "dependency", "", "the dependency file to change, relative to DIR (default: the one that the first COPY copies)")
	command.Flags().BoolVar(&options.Offline, "offline", false, "take base images from this machine instead of pulling them")
	return command
}
