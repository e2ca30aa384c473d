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
		Short: "Check a machine and an account set-up, and say what to fix",
		Long: `Check the LAYERCACHE_* variables and what builds need of this machine; and, where LAYERCACHE_REPOSITORY or --repository
names one, the cache repository and the mirrors: sign-in, tags, lifecycle, policy, pull-through rules. Nothing is changed.
What the caller may not look at is skipped. The exit status is 1 when a check failed.`,
		Example: "  layercache doctor\n  layercache doctor --account --repository 111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write, known := map[string]func([]doctor.Check) error{
				"text": func(checks []doctor.Check) error { return doctor.Write(cmd.OutOrStdout(), checks) },
				"json": func(checks []doctor.Check) error { return doctor.WriteJSON(cmd.OutOrStdout(), checks) },
			}[format]
			if !known {
				return fmt.Errorf("--format %s: expected text or json", format)
			}
			// What is wrong with the settings is the first check; the rest goes by those that are right.
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
	flags.BoolVar(&machine, "machine", false, "check the machine alone")
	flags.BoolVar(&account, "account", false, "check the account alone")
	flags.StringVar(&repository, "repository", "", "cache repository, HOST/NAME (default LAYERCACHE_REPOSITORY)")
	flags.StringVar(&format, "format", "text", "text or json")
	return command
}
