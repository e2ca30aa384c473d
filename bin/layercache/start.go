//go:build !bundled

package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/layercache/layercache/internal/start"
	"github.com/layercache/layercache/internal/variables"
)

func newStart() *cobra.Command {
	var (
		account start.Account
		request start.Request
		set     []string
		follow  bool
		batch   bool
	)
	command := &cobra.Command{
		Use:   "start NAME",
		Short: "Start a CodeBuild build, follow its log and print its verdict",
		Long: `Start a build of an AWS CodeBuild project, like "Start build with overrides" in the console, and print the build's id
and its page in the console. With --follow, show the build's log from CloudWatch Logs, then the verdict on the cache. The
exit status is then 0 if the build succeeded and 1 if it did not. Ctrl-C leaves the build running.

NAME is a CodeBuild project, or what it builds: the name of the build in cdk.json, of the image repository, or
LAYERCACHE_APP. The name of a build means its release project, not the one for pull requests. A project that is configured
for batches starts a batch. Without NAME, or if none or several match, the command fails with a list of the builds.

Needed permissions: codebuild:StartBuild; with --follow also codebuild:BatchGetBuilds and logs:GetLogEvents; for a batch
codebuild:StartBuildBatch, codebuild:BatchGetBuildBatches and codebuild:BatchGetProjects; to find a project by the name
of its build and for the list, codebuild:BatchGetProjects and codebuild:ListProjects.`,
		Example: "  layercache start shop --set LAYERCACHE_REFRESH=true --follow\n  layercache start shop --source-version feature/x",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return errors.New("start needs the name of one build or CodeBuild project: layercache start NAME")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if len(args) > 0 {
				request.Project = args[0]
			}
			if cmd.Flags().Changed("batch") {
				request.Batch = &batch
			}
			if request.Variables, err = start.ParseVariables(set); err != nil {
				return err
			}
			for _, v := range request.Variables {
				if warning := variables.Misspelt(v.Name); warning != "" {
					cmd.PrintErrln("layercache:", warning)
				}
			}
			return startBuild(cmd, account, request, follow)
		},
	}
	flags := command.Flags()
	flags.StringArrayVar(&set, "set", nil, "environment variable for this build, NAME=VALUE; can be repeated")
	flags.BoolVar(&follow, "follow", false, "show the log and wait for the end")
	flags.StringVar(&request.SourceVersion, "source-version", "", "branch, tag, commit or pr/NUMBER (default: the project's)")
	flags.BoolVar(&batch, "batch", false, "start a batch of builds (default: if the project is configured for batches)")
	flags.StringVar(&account.Region, "region", "", "AWS region (default: as for the AWS CLI)")
	flags.StringVar(&account.Profile, "profile", "", "AWS profile (default: as for the AWS CLI)")
	return command
}

// startBuild prints the build's id to standard output, unless the log goes there.
func startBuild(cmd *cobra.Command, account start.Account, request start.Request, follow bool) error {
	client, err := start.Connect(cmd.Context(), account)
	if err != nil {
		return err
	}
	build, err := client.Start(cmd.Context(), request)
	if err != nil {
		return err
	}
	if !follow {
		fmt.Fprintln(cmd.OutOrStdout(), build.ID)
	} else {
		cmd.PrintErrln("layercache: started build", build.ID)
	}
	if build.ConsoleURL != "" {
		cmd.PrintErrln("layercache:", build.ConsoleURL)
	}
	if !follow {
		return nil
	}
	return client.Follow(cmd.Context(), build, start.Output{
		Log: cmd.OutOrStdout(), Notes: cmd.ErrOrStderr(),
		Colours: term.IsTerminal(int(os.Stdout.Fd())), Live: term.IsTerminal(int(os.Stderr.Fd())),
	})
}
