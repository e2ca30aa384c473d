//go:build unix && !linux

package run

import "syscall"

// ownGroup puts buildx into its own process group, because layercache passes Ctrl-C on and buildx must not
// get it twice.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
