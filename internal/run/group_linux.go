package run

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from reaching buildx twice, as layercache passes it on. When layercache is killed, buildx is
// killed too, so that buildkitd has no client to wait for when it ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
