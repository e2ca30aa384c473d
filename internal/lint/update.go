package lint

import "slices"

// checkUpdate looks for package lists that are fetched in a RUN of their own.
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
				message: program + " update in a RUN of its own: the cache keeps its old lists when the RUN that installs changes, which then asks for versions that are gone",
				change:  "RUN " + program + " update && " + install + " … in one instruction",
				effect:  "lists and packages are of the same day, and there is one layer less to pull",
			})
		}
	}
}

// updatesAlone is the program that updates its lists without anything being installed or upgraded in the same RUN.
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
