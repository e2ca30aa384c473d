package lint

import (
	"slices"
	"strings"
)

// harmless lists programs that install no package and read no build argument from the environment. Rules that
// claim that something is not done need every command of a RUN to be known: a script may do anything.
var harmless = []string{
	"echo", "printf", "true", ":", "false", "test", "[", "[[", "mkdir", "rmdir", "rm", "cp", "mv", "ln", "touch", "chmod", "chown", "chgrp", "install",
	"cat", "ls", "cd", "pwd", "export", "unset", "set", "umask", "sleep", "head", "tail", "sort", "uniq", "wc", "grep", "sed", "cut", "tr", "tee", "date",
	"tar", "gzip", "gunzip", "xz", "unzip", "curl", "wget", "sha256sum", "sha512sum", "md5sum", "gpg", "id", "whoami", "uname", "locale-gen",
	"command", "which", "groupadd", "useradd", "usermod", "adduser", "addgroup", "update-ca-certificates", "ldconfig", "for", "fi", "done", "}", "exit",
}

// systemManagers maps package managers of distributions to their subcommands.
var systemManagers = map[string][]string{
	"apt-get": aptCommands, "apt": aptCommands, "aptitude": aptCommands,
	"apk": {"add", "del", "update", "upgrade", "fix", "info", "list", "search", "cache", "fetch", "version", "policy"},
	"dnf": dnfCommands, "yum": dnfCommands, "microdnf": dnfCommands,
}

var (
	aptCommands = []string{
		"update", "upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade", "install", "reinstall", "remove", "purge", "autoremove", "autopurge",
		"clean", "autoclean", "source", "build-dep", "download", "changelog", "check", "indextargets", "list", "show", "search", "policy",
	}
	dnfCommands = []string{
		"install", "update", "upgrade", "remove", "erase", "autoremove", "clean", "makecache", "check-update", "reinstall", "downgrade", "swap",
		"module", "group", "groupinstall", "config-manager", "repolist", "list", "info", "search", "builddep", "download", "copr", "distro-sync",
	}
)

// subcommand returns the subcommand of a distribution's package manager; empty if there is none.
func (c shellCommand) subcommand() string {
	for _, arg := range c.args {
		if slices.Contains(systemManagers[c.program], arg) {
			return arg
		}
	}
	return ""
}

// isHarmless reports whether the command is known to install no package and to read no build argument.
func (c shellCommand) isHarmless() bool {
	args := c.args
	if i := slices.IndexFunc(args, func(arg string) bool { return strings.ContainsAny(arg, "<>") }); i >= 0 {
		args = args[:i]
	}
	printsAll := c.program == "set" && len(args) == 0 || c.program == "export" && (len(args) == 0 || slices.Equal(args, []string{"-p"}))
	return !printsAll && slices.Contains(harmless, c.program) && !strings.Contains(c.String(), "/environ")
}

// isSystem reports whether the command is a distribution's package manager.
func (c shellCommand) isSystem() bool { return systemManagers[c.program] != nil }
