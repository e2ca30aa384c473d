package lint

import "slices"

// checkUpdate reports package lists that are fetched in a separate RUN.
func checkUpdate(c *checker) {
	for _, sequence := range c.sequences() {
		for _, in := range sequence {
			program := updatesAlone(in.commands())
			if program == "" {
				continue
			}
			install := program + " install"
			if program == "apk" {
				install = "apk add"
			}
			c.report(in, advice{
				message: program + " update in a separate RUN: when only the RUN that installs changes, it uses the old cached lists and requests versions that no longer exist",
				change:  "use one instruction: RUN " + program + " update && " + install + " …",
				effect:  "lists and packages have the same age, and there is one layer less to pull",
			})
		}
	}
}

// updatesAlone returns the program that updates its lists in a RUN that neither installs nor upgrades; empty
// if there is none.
func updatesAlone(commands []shellCommand) string {
	program := ""
	for _, c := range commands {
		if !slices.Contains([]string{"apt-get", "apt", "aptitude", "apk"}, c.program) {
			continue
		}
		switch {
		case c.has("update") && program == "":
			program = c.program
		case !c.has("update", "clean", "autoclean", "autoremove"):
			return ""
		}
	}
	return program
}
