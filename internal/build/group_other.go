//go:build unix && !linux

package build

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from reaching buildx twice: the helper passes it on.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
