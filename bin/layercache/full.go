//go:build !bundled

package main

import "github.com/spf13/cobra"

// machineCommands are for people's machines. The helper that builds download goes without, and stays small.
func machineCommands() []*cobra.Command {
	return []*cobra.Command{newTry(), newLint(), newDoctor(), newStart()}
}
