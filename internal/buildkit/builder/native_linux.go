package builder

import (
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
	"github.com/layercache/layercache/internal/buildkit/toolchain/volatile"
	"github.com/layercache/layercache/internal/bundle/packed"
)

const (
	// bootTimeout limits the start of buildkitd, which usually takes 0.2 s.
	bootTimeout = 20 * time.Second
	// stopTimeout is the time that buildkitd has to end its steps before it is killed.
	stopTimeout = 10 * time.Second
	// logLimit is how much of buildkitd's log is kept, in bytes. The builder of a job may run for hours.
	logLimit = 64 << 10
	// daemonSocket is the name of the socket in the state folder at which buildkitd accepts builds.
	daemonSocket = "buildkitd.sock"
)

// errEnded is the error of a buildkitd that ended during its start.
var errEnded = errors.New("buildkitd ended before it was ready")

// startNative joins the builder that is shared, or runs buildkitd as a child of this process, with its own socket and
// state folder. It blocks dockerd's port at the same time.
func startNative(ctx context.Context, options Options) (*Builder, error) {
	if err := canRunBuildkitd(); err != nil {
		return nil, err
	}
	started := make(chan error, 1)
	var b *Builder
	go func() {
		var err error
		b, err = joinOrRun(ctx, options)
		started <- err
	}()
	open := blockDockerAPI(ctx)
	if err := <-started; err != nil {
		return nil, err
	}
	b.note = joinNotes(b.note, OneLine(open))
	return b, nil
}

// joinOrRun joins the builder that is shared. If there is none, or it cannot be used, it runs buildkitd.
func joinOrRun(ctx context.Context, options Options) (*Builder, error) {
	if options.Join == nil {
		return runNative(ctx, options)
	}
	b, joinErr := options.Join(ctx, options)
	if joinErr == nil {
		return b, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	b, err := runNative(ctx, options)
	if err == nil && !errors.Is(joinErr, ErrNotShared) {
		b.note = joinNotes("a builder of its own, because "+OneLine(joinErr), b.note)
	}
	return b, err
}

// runNative runs buildkitd as a child of this process.
func runNative(ctx context.Context, options Options) (*Builder, error) {
	binary, err := findBuildkitd()
	if err != nil {
		return nil, err
	}
	daemon, restartNote, err := startWithRetry(ctx, binary, options)
	if err != nil {
		return nil, err
	}
	state := daemon.state
	var mounts *mountServer
	if options.Mounts != nil {
		keeper := options.Mounts(state.path("tmp"))
		if mounts, err = serveMounts(state, keeper, daemon.cmd.Process.Pid); err != nil {
			daemon.stop()
			return nil, errors.Join(err, state.remove())
		}
	}
	pid, kill := daemon.cmd.Process.Pid, daemon.cmd.Process.Kill
	b := &Builder{Kind: "native", Name: state.name(), ExportsCache: true, configured: true, note: joinNotes(restartNote, state.slowNote())}
	b.daemon = Daemon{Dir: state.dir, Snapshotter: state.snapshotter, PID: pid, Note: state.slowNote()}
	b.process = &process{
		pid: pid, exited: daemon.exited, socket: state.path(daemonSocket),
		failure: func() error { return daemon.failure }, kill: func() { _ = kill() },
	}
	b.close = func() error {
		daemon.stop()
		if mounts != nil {
			mounts.close()
		}
		b.removed = state.discard()
		return nil
	}
	return b, nil
}

// startWithRetry starts buildkitd, and a second time if it ended before it was ready, for example because the
// kernel killed it when memory ran out. note has the reason for the second start.
func startWithRetry(ctx context.Context, binary string, options Options) (daemon *daemon, note string, err error) {
	daemon, err = startDaemon(ctx, binary, options)
	if errors.Is(err, errEnded) && ctx.Err() == nil {
		note = "started a second time, because " + OneLine(err)
		daemon, err = startDaemon(ctx, binary, options)
	}
	return daemon, note, err
}

func canRunBuildkitd() error {
	if os.Geteuid() != 0 {
		return errors.New("buildkitd needs root: run as root, or use Docker")
	}
	if _, err := exec.LookPath(machineRuntime); err != nil {
		return errors.New("runc is not on PATH: install the runc package")
	}
	return nil
}

func lacksOnlyBuildkitd() bool {
	_, err := findBuildkitd()
	return err != nil && canRunBuildkitd() == nil
}

// findBuildkitd looks next to this program, where the bundle has it packed, then on PATH, then in the cache
// of compiled programs. It refuses a buildkitd next to this program that another user may have put there, for
// example in /tmp.
func findBuildkitd() (string, error) {
	const name = "buildkitd"
	var candidates []string
	if own, err := os.Executable(); err == nil {
		sibling := filepath.Join(filepath.Dir(own), name)
		if err := unpackOnce(sibling, own); err != nil {
			return "", err
		}
		candidates = append(candidates, sibling)
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
	return "", errors.New("buildkitd is neither next to layercache nor on PATH: `layercache setup` compiles it if Go is installed")
}

// unpackOnce unpacks the program if only its packed form exists.
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
	log    tail
	exited chan struct{}
	// failure is the error of the ended process; read it only after exited is closed.
	failure error
}

// startDaemon starts buildkitd with a new state folder, which is removed if the start fails.
func startDaemon(ctx context.Context, binary string, options Options) (*daemon, error) {
	state, err := newState()
	if err != nil {
		return nil, err
	}
	d := &daemon{binary: binary, state: state, log: tail{limit: logLimit}}
	if err := d.start(ctx, options); err != nil {
		d.kill()
		return nil, d.explain(err, state.remove())
	}
	return d, nil
}

// start starts buildkitd and registers it with buildx at the same time, and waits for both.
func (d *daemon) start(ctx context.Context, options Options) error {
	config := d.state.path("buildkitd.toml")
	if err := writeConfiguration(config, options, ReadNameServers().Steps); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.boot(groupCtx, config, d.state.address(), options.S3) })
	if options.Buildx.Path != "" {
		group.Go(func() error { return d.state.register(groupCtx, options) })
	}
	return group.Wait()
}

// boot starts the process and waits until it reports, by systemd's notification protocol, that it is ready.
func (d *daemon) boot(ctx context.Context, config, address string, s3 bool) error {
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	bin, home, temp := d.state.path("bin"), d.state.path("home"), d.state.path("tmp")
	if err := errors.Join(installNames(bin, stepRuntime, firstProcess), os.Mkdir(home, 0o700), os.Mkdir(temp, 0o700)); err != nil {
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
	// Its temporary files are in the state folder, so they are removed even if it is killed.
	d.cmd.Env = daemonEnvironment(os.Environ(), os.Getenv("PATH"), home, temp, ready.path, s3)
	if d.state.isVolatile {
		d.cmd.Env = append(d.cmd.Env, volatile.Variable+"=1")
	}
	// Not the folder of the source: buildkitd runs git in its working directory, and git would read a .git of
	// the source.
	d.cmd.Dir = home
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{
		// A separate process group, so Ctrl-C does not stop the builder before the build has ended.
		Setpgid: true,
		// It is the first process of a PID namespace: when it ends, the kernel kills everything that it
		// started.
		Cloneflags: syscall.CLONE_NEWPID,
		// Its mounts are private and disappear with it.
		Unshareflags: syscall.CLONE_NEWNS,
		// The kernel kills it when this process ends, even if this process is killed.
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

// launch starts the process from a separate thread that waits for it. The process inherits the filter of
// ignoreSyncs from that thread, and Pdeathsig kills it when the thread ends, because the parent is a thread
// there.
func (d *daemon) launch() error {
	started := make(chan error)
	d.exited = make(chan struct{})
	go func() {
		// Never unlocked: the thread ends with this function, so the filter does not reach other goroutines.
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

// stop ends buildkitd and everything that it started; it kills it after stopTimeout.
func (d *daemon) stop() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.exited:
	case <-time.After(stopTimeout):
		d.kill()
	}
	d.cmd = nil
}

// kill ends buildkitd and everything that it started at once. While it starts it has no steps, and may not get another
// signal: the first process of a PID namespace gets only those that it handles.
func (d *daemon) kill() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Kill()
	<-d.exited
	d.cmd = nil
}

// explain adds the last line of buildkitd's log to the error of its start. Call it after kill.
func (d *daemon) explain(err, removeErr error) error {
	if log := strings.TrimSpace(d.log.String()); log != "" {
		lines := strings.Split(log, "\n")
		err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return errors.Join(err, removeErr)
}
