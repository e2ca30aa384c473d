package main

import "golang.org/x/sys/unix"

// disableCoreFiles prevents core files of this program and of those that it starts. A core file would contain
// the build's credentials and stay on the machine; Go programs write one if GOTRACEBACK=crash is set. Only
// the soft limit is lowered, so a build step that needs core files can raise it again.
func disableCoreFiles() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &limit) == nil {
		limit.Cur = 0
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &limit)
	}
}
