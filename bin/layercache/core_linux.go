package main

import "golang.org/x/sys/unix"

// leaveNoCore keeps this program and what it starts from leaving a core file, which would hold the build's credentials and
// stay on the machine. Go programs leave one where GOTRACEBACK=crash asks for it. Only the soft limit is lowered: a step of
// a build that wants core files of its own can raise it again.
func leaveNoCore() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &limit) == nil {
		limit.Cur = 0
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &limit)
	}
}
