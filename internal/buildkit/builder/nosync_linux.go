package builder

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// auditArchitectures are the kernel's names of what this program may be compiled for.
var auditArchitectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// ignoreSyncs has the kernel answer fsync and its like at once with success, for this thread and every process started from
// it: waiting until bytes are on the disk serves what survives a crash of the machine, and nothing of a builder that lives for
// one build does. systemd-nspawn's SuppressSync= does the same. Where the kernel will not, syncs take what they take.
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
	// SPEC_ALLOW: older kernels would else slow every filtered process down, as if it ran code that it does not trust.
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, uintptr(unsafe.Pointer(&filter)))
	runtime.KeepAlive(program)
	if errno != 0 {
		return errno
	}
	return nil
}
