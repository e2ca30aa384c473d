//go:build unix

package agent

import (
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// group is the process group of all processes of a build. The holder process keeps the group alive between
// commands. Background processes of a command are stopped with the group at the end of the build.
type group struct {
	holder *exec.Cmd
	open   io.Closer
	once   sync.Once
}

func newGroup() (*group, error) {
	holder := exec.Command("/bin/sh", "-c", "read -r end")
	holder.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	open, err := holder.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	if err := holder.Start(); err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	return &group{holder: holder, open: open}, nil
}

// adopt makes the command start inside the group. When its context ends, the whole group is stopped.
func (g *group) adopt(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pgid = true, g.holder.Process.Pid
	cmd.Cancel = func() error { return g.signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
}

// grace is the time that processes have between SIGTERM and SIGKILL.
const grace = 20 * time.Second

func (g *group) signal(signal syscall.Signal) error {
	return syscall.Kill(-g.holder.Process.Pid, signal)
}

// Close stops the remaining processes of the group and waits for their end.
func (g *group) Close() { g.once.Do(g.stop) }

func (g *group) stop() {
	_ = g.signal(syscall.SIGTERM)
	_ = g.open.Close()
	_ = g.holder.Wait()
	for deadline := time.Now().Add(grace); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if g.signal(0) != nil {
			return
		}
	}
	_ = g.signal(syscall.SIGKILL)
}
