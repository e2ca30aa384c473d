//go:build !bundled

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/doctor"
	"github.com/layercache/layercache/internal/variables"
)

// doctorOptions are the flags of doctor without --leftovers.
type doctorOptions struct {
	machine, account   bool
	repository, format string
}

func newDoctor() *cobra.Command {
	var o doctorOptions
	var leftovers bool
	var deployment doctor.Deployment
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Check this machine and the AWS account, and print what to fix",
		Long: `Check the LAYERCACHE_* variables and whether this machine can run builds. With LAYERCACHE_REPOSITORY or --repository,
also check the cache repository and the mirrors: sign-in, tags, lifecycle, policy, signing, pull-through rules. Nothing is changed.
Checks that need permissions you do not have are skipped. The exit status is 1 if a check failed.

With --leftovers, list instead what layercache left on this machine (compiled programs, state of builders, the links of
layercache setup --docker) and what a deployment left in the account and region after ` + "`cdk destroy`" + ` (repositories, log
groups, report groups), and print the commands that remove it. Nothing is removed. Needed permissions:
ecr:DescribeRepositories, logs:DescribeLogGroups, codebuild:ListReportGroups, and to see what is still in use
codebuild:ListProjects and codebuild:BatchGetProjects.`,
		Example: "  layercache doctor\n  layercache doctor --account --repository 111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/cache/dev\n" +
			"  layercache doctor --leftovers --name layercache --region eu-west-1",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if leftovers {
				return writeLeftovers(cmd, deployment, o.machine, o.account, o.format)
			}
			for _, only := range []string{"name", "prefix", "region", "profile"} {
				if cmd.Flags().Changed(only) {
					return fmt.Errorf("--%s needs --leftovers: add --leftovers, or leave --%[1]s out", only)
				}
			}
			return o.run(cmd)
		},
	}
	flags := command.Flags()
	flags.BoolVar(&o.machine, "machine", false, "check only the machine")
	flags.BoolVar(&o.account, "account", false, "check only the account")
	flags.StringVar(&o.repository, "repository", "", "cache repository, HOST/NAME (default LAYERCACHE_REPOSITORY)")
	flags.StringVar(&o.format, "format", "text", "text or json")
	flags.BoolVar(&leftovers, "leftovers", false, "list what can be removed after an uninstallation, and how")
	command.MarkFlagsMutuallyExclusive("leftovers", "repository")
	flags.StringVar(&deployment.Name, "name", "layercache", "with --leftovers: name in the configuration of cdk.json")
	flags.StringArrayVar(&deployment.Prefixes, "prefix", nil, "with --leftovers: repository prefix in pullThrough.prefixes; can be repeated")
	flags.StringVar(&deployment.Region, "region", "", "with --leftovers: AWS region (default: as for the AWS CLI)")
	flags.StringVar(&deployment.Profile, "profile", "", "with --leftovers: AWS profile (default: as for the AWS CLI)")
	return command
}

// run checks the machine, the account or both, and prints the checks.
func (o doctorOptions) run(cmd *cobra.Command) error {
	write, known := map[string]func([]doctor.Check) error{
		"text": func(checks []doctor.Check) error { return doctor.Write(cmd.OutOrStdout(), checks) },
		"json": func(checks []doctor.Check) error { return doctor.WriteJSON(cmd.OutOrStdout(), checks) },
	}[o.format]
	if !known {
		return unknownValue("format", o.format, "text", "json")
	}
	// doctor.Settings reports invalid settings. The other checks use the valid ones.
	s, _ := variables.FromEnv(os.LookupEnv)
	if o.repository != "" {
		s.Repository = o.repository
	}
	if !o.machine && !o.account {
		o.machine, o.account = true, s.Repository != ""
	}
	checks := doctor.Settings(os.Environ())
	if o.machine {
		checks = append(checks, doctor.Machine(cmd.Context(), s)...)
	}
	if o.account {
		checks = append(checks, doctor.Account(cmd.Context(), s, os.Getenv("LAYERCACHE_IMAGE"))...)
	}
	if err := write(checks); err != nil {
		return err
	}
	if doctor.HasFailed(checks) {
		return exitStatus(1)
	}
	return nil
}

// writeLeftovers prints what is left on the machine and in the account, or in one of the two.
func writeLeftovers(cmd *cobra.Command, deployment doctor.Deployment, machine, account bool, format string) error {
	if format != "text" && format != "json" {
		return unknownValue("format", format, "text", "json")
	}
	both := machine == account
	var left doctor.Leftovers
	if machine || both {
		left = doctor.LeftOnMachine(cmd.Context())
	}
	if account || both {
		left = left.Join(doctor.LeftInAccount(cmd.Context(), deployment))
	}
	if format == "json" {
		return left.WriteJSON(cmd.OutOrStdout())
	}
	return left.Write(cmd.OutOrStdout())
}
