package builder

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// auditArchitectures are the kernel's values for the architectures of this program.
var auditArchitectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// ignoreSyncs makes fsync, fdatasync, sync and syncfs return success without waiting, for this thread and
// every process started from it. Syncs protect data against a crash of the machine, and a builder for one
// build has no such data. systemd-nspawn's SuppressSync= does the same. If the kernel refuses the filter,
// syncs work as usual.
//
// https://www.freedesktop.org/software/systemd/man/latest/systemd.nspawn.html
func ignoreSyncs() error {
	const (
		architectureAt = 4 // offsets in struct seccomp_data
		numberAt       = 0
	)
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	skipIf := func(equal uint32, count uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: equal, Jt: count}
	}
	answer := func(action uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
	}

	program := []unix.SockFilter{
		load(architectureAt), skipIf(auditArchitectures[runtime.GOARCH], 1), answer(unix.SECCOMP_RET_ALLOW), load(numberAt),
	}
	syncs := []uint32{unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_SYNC, unix.SYS_SYNCFS}
	for i, number := range syncs {
		program = append(program, skipIf(number, uint8(len(syncs)-i)))
	}
	// An errno of 0 is success.
	program = append(program, answer(unix.SECCOMP_RET_ALLOW), answer(unix.SECCOMP_RET_ERRNO))

	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	// Without SPEC_ALLOW, older kernels slow down every filtered process with mitigations for untrusted code.
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, uintptr(unsafe.Pointer(&filter)))
	runtime.KeepAlive(program)
	if errno != 0 {
		return errno
	}
	return nil
}
