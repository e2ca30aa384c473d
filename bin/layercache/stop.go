package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/buildkit/jobbuilder"
	"github.com/layercache/layercache/internal/docker"
	"github.com/layercache/layercache/internal/variables"
)

// errNoJob is the error of a stop without a job.
var errNoJob = errors.New("there is no job: set LAYERCACHE_JOB to the name that its builds have")

func newStop() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "End the builder that the builds of a job share",
		Long: `End the builder that the builds of a job share, and remove its files and the images that layercache
docker kept. Builds that are running end first; a build that starts meanwhile gets another builder.

In CodeBuild this is not needed, because the builder ends with the build's container.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lookup := lookupFlags(cmd)
			values, problems := variables.Read(lookup, variables.Stop.Variables())
			if err := problems.Err(); err != nil {
				return err
			}
			name := jobbuilder.Name(values.Text("LAYERCACHE_JOB"), lookup)
			if name == "" {
				return errNoJob
			}
			stopped, err := jobbuilder.Stop(cmd.Context(), name)
			if err := errors.Join(err, docker.ForgetImages(lookup)); err != nil {
				return err
			}
			switch stopped {
			case 0:
				fmt.Fprintln(cmd.OutOrStdout(), "layercache: no builder of this job is running")
			case 1:
				fmt.Fprintln(cmd.OutOrStdout(), "layercache: the builder of this job has ended")
			default:
				// Builds with other mirrors or name servers have another builder.
				fmt.Fprintf(cmd.OutOrStdout(), "layercache: the %d builders of this job have ended\n", stopped)
			}
			return nil
		},
	}
	addFlags(cmd, variables.Stop)
	return cmd
}
