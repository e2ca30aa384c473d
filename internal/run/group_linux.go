package run

import "syscall"

// ownGroup puts buildx into its own process group, because layercache passes Ctrl-C on and buildx must not
// get it twice. If layercache is killed, buildx is killed too, so that buildkitd does not wait for a client
// when it ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
