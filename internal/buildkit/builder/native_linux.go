package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/layercache/layercache/internal/buildkit/private"
	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/bundle/packed"
)

const (
	// bootTimeout is how long buildkitd may take to be ready; it takes a fifth of a second.
	bootTimeout = 20 * time.Second
	// stopTimeout is how long buildkitd may take to end its steps before it is killed.
	stopTimeout = 10 * time.Second
)

// errEnded says that buildkitd did not live to be ready.
var errEnded = errors.New("buildkitd ended before it was ready")

// startNative runs buildkitd as a child of this process, on a socket and a state folder of its own, and shuts dockerd's port
// meanwhile.
func startNative(ctx context.Context, options Options) (*Builder, error) {
	if err := canRunBuildkitd(); err != nil {
		return nil, err
	}
	binary, err := findBuildkitd()
	if err != nil {
		return nil, err
	}
	var daemon *daemon
	var again string
	started := make(chan error, 1)
	go func() {
		var err error
		daemon, again, err = startTwice(ctx, binary, options)
		started <- err
	}()
	open := shutDockerAPI(ctx)
	if err := <-started; err != nil {
		return nil, err
	}
	state := daemon.state
	b := &Builder{Kind: "native", Name: state.name(), ExportsCache: true, configured: true, reason: remarks(again, state.slow(), text(open))}
	b.process = &process{daemon.cmd.Process, daemon.exited}
	b.close = func() error {
		daemon.stop()
		b.removed = state.discard()
		return nil
	}
	return b, nil
}

// startTwice starts a second buildkitd where the first ends before it is ready, as one does that the kernel kills for want of
// memory; again is why.
func startTwice(ctx context.Context, binary string, options Options) (daemon *daemon, again string, err error) {
	daemon, err = startDaemon(ctx, binary, options)
	if errors.Is(err, errEnded) && ctx.Err() == nil {
		again = "started a second time, because " + text(err)
		daemon, err = startDaemon(ctx, binary, options)
	}
	return daemon, again, err
}

func canRunBuildkitd() error {
	if os.Geteuid() != 0 {
		return errors.New("buildkitd needs root")
	}
	if _, err := exec.LookPath(machineRuntime); err != nil {
		return errors.New("runc is not on PATH: install the runc package")
	}
	return nil
}

func lacksBuildkitd() bool {
	_, err := findBuildkitd()
	return err != nil && canRunBuildkitd() == nil
}

// findBuildkitd looks beside this program, where the bundle has it packed; then on PATH; then for what this machine has
// compiled. A program that another user may have put beside this one, as into /tmp, is refused.
func findBuildkitd() (string, error) {
	const name = "buildkitd"
	var candidates []string
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), name)
		if err := unpackOnce(beside, own); err != nil {
			return "", err
		}
		candidates = append(candidates, beside)
	}
	candidates = append(candidates, name)
	if compiled := toolchain.Lookup(toolchain.Buildkitd(), toolchain.Host()); compiled != "" {
		candidates = append(candidates, compiled)
	}
	for _, candidate := range candidates {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", errors.New("buildkitd is neither beside layercache nor on PATH (`layercache setup` compiles it where Go is installed)")
}

// unpackOnce unpacks the program where its packed form is there and it is not.
func unpackOnce(program, executable string) error {
	if _, err := os.Stat(program); err == nil {
		return private.CheckProgram(program, executable)
	}
	if _, err := os.Stat(program + packed.Suffix); err != nil {
		return nil
	}
	if err := private.CheckProgram(program+packed.Suffix, executable); err != nil {
		return err
	}
	return packed.Unpack(program+packed.Suffix, program)
}

type daemon struct {
	binary string
	state  *state
	cmd    *exec.Cmd
	log    bytes.Buffer
	exited chan struct{}
	// failure is why the daemon ended, valid once exited is closed.
	failure error
}

// startDaemon starts buildkitd on a state of its own. What a start that fails has left is removed.
func startDaemon(ctx context.Context, binary string, options Options) (*daemon, error) {
	state, err := newState()
	if err != nil {
		return nil, err
	}
	d := &daemon{binary: binary, state: state}
	if err := d.start(ctx, options); err != nil {
		d.stop()
		return nil, d.explain(err, state.remove())
	}
	return d, nil
}

// start boots buildkitd and registers it with buildx, side by side; it returns when both are done.
func (d *daemon) start(ctx context.Context, options Options) error {
	config := d.state.path("buildkitd.toml")
	if err := writeConfiguration(config, options); err != nil {
		return err
	}
	address := "unix://" + d.state.path("buildkitd.sock")
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.boot(groupCtx, config, address, options.S3) })
	group.Go(func() error {
		_, err := run(options.Buildx.Command(groupCtx, options.Env, "create", "--name", d.state.name(), "--driver", "remote", address))
		return err
	})
	return group.Wait()
}

// boot starts the process and waits until it says, by systemd's notification protocol, that it serves.
func (d *daemon) boot(ctx context.Context, config, address string, s3 bool) error {
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	bin, home, temp := d.state.path("bin"), d.state.path("home"), d.state.path("tmp")
	if err := errors.Join(installNames(bin, decompressor, stepRuntime, firstProcess), os.Mkdir(home, 0o700), os.Mkdir(temp, 0o700)); err != nil {
		return err
	}
	ready, err := listenNotify(d.state.path("notify.sock"))
	if err != nil {
		return err
	}
	defer ready.Close()

	d.cmd = exec.Command(filepath.Join(bin, firstProcess), d.binary, "--config", config, "--root", d.state.path("root"), "--addr", address,
		"--otel-socket-path", d.state.path("otel.sock"), "--containerd-worker=false",
		"--oci-worker-net", "host", "--oci-worker-binary", filepath.Join(bin, stepRuntime), "--oci-worker-snapshotter", d.state.snapshotter)
	// Its temporary files are removed with its state, as it cannot remove them when it is killed.
	path := os.Getenv("PATH") + string(os.PathListSeparator) + bin
	d.cmd.Env = daemonEnvironment(os.Environ(), path, home, temp, ready.path, s3)
	// Not the folder of the source: buildkitd runs git in its working directory, and git would read a .git of the source.
	d.cmd.Dir = home
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{
		// A group of its own: Ctrl-C reaches the build first, and the builder when the build has ended.
		Setpgid: true,
		// It is the first process of a PID namespace: when it ends, however it ends, the kernel kills all that it started.
		Cloneflags: syscall.CLONE_NEWPID,
		// Its mounts are seen by nobody else, and go when it goes.
		Unshareflags: syscall.CLONE_NEWNS,
		// It does not outlive this process, however that ends.
		Pdeathsig: syscall.SIGKILL,
	}
	if err := d.launch(); err != nil {
		d.cmd = nil
		return fmt.Errorf("start %s: %w", d.binary, err)
	}

	select {
	case <-ready.signal:
		return nil
	case <-d.exited:
		return fmt.Errorf("%w: %w", errEnded, d.failure)
	case <-ctx.Done():
		return fmt.Errorf("buildkitd was not ready: %w", ctx.Err())
	}
}

// launch starts the process from a thread of its own, to which it owes that it does not wait for the disk, and whose end
// would be its own: a parent, to Pdeathsig, is a thread.
func (d *daemon) launch() error {
	started := make(chan error)
	d.exited = make(chan struct{})
	go func() {
		// Never unlocked: the thread ends with this function, and takes the filter along.
		runtime.LockOSThread()
		_ = ignoreSyncs()
		err := d.cmd.Start()
		started <- err
		if err == nil {
			d.failure = d.cmd.Wait()
			close(d.exited)
		}
	}()
	return <-started
}

// stop ends buildkitd, in order where it can, and with it all that it started.
func (d *daemon) stop() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.exited:
	case <-time.After(stopTimeout):
		_ = d.cmd.Process.Kill()
		<-d.exited
	}
	d.cmd = nil
}

// explain adds the last line of buildkitd's log to why it could not be started, once it has been stopped.
func (d *daemon) explain(err, removing error) error {
	if log := strings.TrimSpace(d.log.String()); log != "" {
		lines := strings.Split(log, "\n")
		err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return errors.Join(err, removing)
}
