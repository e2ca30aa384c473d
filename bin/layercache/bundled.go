//go:build bundled

package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// machineCommands returns commands that print where to get them, because the helper that builds download
// omits them.
func machineCommands() []*cobra.Command {
	var commands []*cobra.Command
	for _, name := range []string{"try", "lint", "doctor", "start"} {
		commands = append(commands, &cobra.Command{
			Use: name, Hidden: true, DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error {
				return fmt.Errorf("%s is not part of this helper for builds: install the whole program with `go install github.com/layercache/layercache/bin/layercache@latest`", name)
			},
		})
	}
	return commands
}
