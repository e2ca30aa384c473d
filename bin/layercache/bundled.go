//go:build bundled

package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// machineCommands are not in the helper that builds download; each says where it is.
func machineCommands() []*cobra.Command {
	var commands []*cobra.Command
	for _, name := range []string{"try", "lint", "doctor", "start"} {
		commands = append(commands, &cobra.Command{
			Use: name, Hidden: true, DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error {
				return fmt.Errorf("%s is not in the helper that builds download: `go install github.com/layercache/layercache/bin/layercache@latest` gives the whole program", name)
			},
		})
	}
	return commands
}
