package build

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from reaching buildx twice: the helper passes it on. Should the helper be killed, buildx
// goes too; then buildkitd, told to end, has no client left to wait for.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
