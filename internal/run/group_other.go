//go:build unix && !linux

package run

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from reaching buildx twice, as layercache passes it on.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
