package flow

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// daemon is a process that runs until it is stopped.
type daemon struct {
	cmd    *exec.Cmd
	exited chan struct{}
	log    bytes.Buffer
}

// start starts a daemon of this build and waits until it answers.
func (r *run) start(ctx context.Context, answers func(context.Context) bool, program string, args ...string) error {
	// The daemon outlives an interrupted build, so it can be stopped in order.
	d := &daemon{cmd: r.Command(context.WithoutCancel(ctx), program, args...), exited: make(chan struct{})}
	d.cmd.Env = r.env
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	d.cmd.SysProcAttr = ownMounts()
	if err := d.run(); err != nil {
		return err
	}
	r.daemons = append(r.daemons, d)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for !answers(ctx) {
		select {
		case <-d.exited:
			return fmt.Errorf("%s ended: %s", program, d.log.String())
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", program, errNotReady)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// run starts the process from a thread that waits for it. The kernel ends a process with Pdeathsig when the thread ends that
// started it, and other threads here can end early: that of startOver does.
func (d *daemon) run() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := d.cmd.Start()
		started <- err
		if err == nil {
			_ = d.cmd.Wait()
			close(d.exited)
		}
	}()
	return <-started
}

// ended returns an error with the daemon's last words if it has ended by itself, and nil if it runs.
func (d *daemon) ended() error {
	select {
	case <-d.exited:
		last := tail{}
		_, _ = last.Write(d.log.Bytes())
		return fmt.Errorf("%s ended during the build: %s", filepath.Base(d.cmd.Path), last.String())
	default:
		return nil
	}
}

// stop ends the daemon and everything it started.
func (d *daemon) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.exited:
	case <-time.After(15 * time.Second):
	}
	_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
	<-d.exited
}

// startBuildkitd starts an empty builder by hand and registers it with buildx as "bench".
func startBuildkitd(ctx context.Context, r *run) error {
	if err := r.bootBuildkitd(ctx); err != nil {
		return err
	}
	return r.command(ctx, r.Log, "buildx", "create", "--name", "bench", "--driver", "remote", r.builder)
}

// bootBuildkitd starts an empty builder by hand, with the same settings as layercache's.
func (r *run) bootBuildkitd(ctx context.Context) error {
	socket := r.path("buildkitd.sock")
	config := r.path("buildkitd.toml")
	if err := os.WriteFile(config, []byte("[worker.oci]\n  gc = false\n"), 0o600); err != nil {
		return err
	}
	r.builder = "unix://" + socket
	return r.start(ctx, accepts(socket), r.machine.tool("buildkitd"), "--config", config, "--root", r.path("buildkitd"), "--addr", r.builder,
		"--otel-socket-path", r.path("otel.sock"), "--containerd-worker=false", "--oci-worker-net", "host")
}

// startDockerd starts an empty docker daemon. It has no bridge, which would be left behind: steps use the
// host's network, as with buildkitd.
func startDockerd(ctx context.Context, r *run) error {
	socket := r.path("docker.sock")
	r.dockerHost = "unix://" + socket
	r.env = append(r.env, "DOCKER_HOST="+r.dockerHost, "DOCKER_CONFIG="+r.machine.docker)
	return r.start(ctx, pings(socket), r.machine.tool("dockerd"), "--data-root", r.path("dockerd"), "--exec-root", r.path("exec"), "--pidfile", r.path("docker.pid"),
		"--host", r.dockerHost, "--bridge=none", "--iptables=false", "--userland-proxy=false", "--storage-driver=overlay2")
}

// accepts returns a function that reports whether something listens on the socket.
func accepts(socket string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		connection, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	}
}

// pings returns a function that reports whether the docker daemon answers.
func pings(socket string) func(context.Context) bool {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	return func(ctx context.Context) bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
		if err != nil {
			return false
		}
		answer, err := client.Do(request)
		if err != nil {
			return false
		}
		return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	}
}
