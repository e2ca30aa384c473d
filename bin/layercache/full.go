//go:build !bundled

package main

import "github.com/spf13/cobra"

// machineCommands returns the commands for developers' machines. The helper that builds download omits them
// to stay small.
func machineCommands() []*cobra.Command {
	return []*cobra.Command{newTry(), newLint(), newDoctor(), newStart()}
}
