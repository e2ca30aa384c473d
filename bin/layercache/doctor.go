//go:build !bundled

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/doctor"
	"github.com/layercache/layercache/internal/variables"
)

func newDoctor() *cobra.Command {
	var (
		machine, account bool
		repository       string
		format           string
	)
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Check this machine and the AWS account, and print what to fix",
		Long: `Check the LAYERCACHE_* variables and whether this machine can run builds. With LAYERCACHE_REPOSITORY or --repository,
also check the cache repository and the mirrors: sign-in, tags, lifecycle, policy, pull-through rules. Nothing is changed.
Checks that need permissions you do not have are skipped. The exit status is 1 if a check failed.`,
		Example: "  layercache doctor\n  layercache doctor --account --repository 111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write, known := map[string]func([]doctor.Check) error{
				"text": func(checks []doctor.Check) error { return doctor.Write(cmd.OutOrStdout(), checks) },
				"json": func(checks []doctor.Check) error { return doctor.WriteJSON(cmd.OutOrStdout(), checks) },
			}[format]
			if !known {
				return fmt.Errorf("unknown --format %q: expected text or json", format)
			}
			// doctor.Settings reports invalid settings. The other checks use the valid ones.
			s, _ := variables.FromEnv(os.LookupEnv)
			if repository != "" {
				s.Repository = repository
			}
			if !machine && !account {
				machine, account = true, s.Repository != ""
			}
			checks := doctor.Settings(os.Environ())
			if machine {
				checks = append(checks, doctor.Machine(cmd.Context(), s)...)
			}
			if account {
				checks = append(checks, doctor.Account(cmd.Context(), s)...)
			}
			if err := write(checks); err != nil {
				return err
			}
			if doctor.HasFailed(checks) {
				return exitStatus(1)
			}
			return nil
		},
	}
	flags := command.Flags()
	flags.BoolVar(&machine, "machine", false, "check only the machine")
	flags.BoolVar(&account, "account", false, "check only the account")
	flags.StringVar(&repository, "repository", "", "cache repository, HOST/NAME (default LAYERCACHE_REPOSITORY)")
	flags.StringVar(&format, "format", "text", "text or json")
	return command
}
