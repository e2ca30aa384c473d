package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/buildkit/setup"
	"github.com/layercache/layercache/internal/docker"
	"github.com/layercache/layercache/internal/variables"
)

func newSetup() *cobra.Command {
	takesPlace := false
	command := &cobra.Command{
		Use:   "setup",
		Short: "Prepare this machine for builds, and print the builder that they will use",
		Long: `Prepare this machine for builds: check the LAYERCACHE_* variables, find buildx and buildkitd or compile them with Go,
and start and stop the builder once.

With --docker it puts layercache in the place of docker instead: as docker and layercache-docker in a folder of PATH before
that of docker, so that docker build, tag and push of scripts and buildspecs use the cache. See layercache docker --help.
To undo it, remove the two links: layercache doctor --leftovers lists them.`,
		Example: "  layercache setup\n  layercache setup --docker",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			warnOfMisspelt(cmd.ErrOrStderr())
			if takesPlace {
				return installDocker(cmd.ErrOrStderr())
			}
			s, err := variables.FromEnv(os.LookupEnv)
			if err != nil {
				return err
			}
			ignoreClosedOutput()
			return setup.Run(cmd.Context(), s, cmd.ErrOrStderr())
		},
	}
	command.Flags().BoolVar(&takesPlace, "docker", false, "Put layercache in the place of docker on PATH")
	return command
}

// installDocker puts layercache in the place of docker, and says so.
func installDocker(stderr io.Writer) error {
	dir, behind, err := docker.Install()
	if err != nil {
		return err
	}
	if behind == "" {
		fmt.Fprintf(stderr, "layercache: docker is now layercache (%s); there is no other docker on PATH, so it can only build, tag and push\n", dir)
		return nil
	}
	fmt.Fprintf(stderr, "layercache: docker is now layercache (%s), which leaves what it does not answer to %s\n", dir, behind)
	return nil
}
