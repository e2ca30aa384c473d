package jobbuilder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/private"
	"github.com/layercache/layercache/internal/filelock"
)

const (
	// socketsName is the folder below the first state folder that has the keepers' sockets.
	socketsName = "jobs"
	// answerTimeout limits how long a keeper may take to answer a build that joins.
	answerTimeout = 10 * time.Second
)

// Join joins the builder of the job, and starts it if that is wanted and none is running.
func Join(ctx context.Context, config Config) (*Member, error) {
	configuration, err := builder.Configuration(kept(config.Options).options())
	if err != nil {
		return nil, err
	}
	dir := socketsDir()
	if err := private.MakeDir(dir); err != nil {
		return nil, err
	}
	turn, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := filelock.Acquire(ctx, turn); err != nil {
		return nil, err
	}
	defer turn.Close()
	socket := filepath.Join(dir, keyOf(config.Name)+"-"+keyOf(configuration)+".sock")
	m, first, err := dial(socket, config.Options.Mounts != nil)
	if errors.Is(err, errNone) && config.Start {
		if err = startKeeper(ctx, startMessage{Socket: socket, Idle: config.Idle, Options: kept(config.Options)}); err == nil {
			m, first, err = dial(socket, config.Options.Mounts != nil)
		}
	}
	if err != nil {
		return nil, err
	}
	turn.Close()
	m.Builder, err = builder.Connect(ctx, config.Options, *first.Daemon, builder.Link{
		Exited: m.exited, Failure: m.whyEnded, Kill: m.kill, Leave: m.line.Close, Used: first.Used,
	})
	if err != nil {
		return nil, errors.Join(err, m.line.Close())
	}
	return m, nil
}

// Stop ends the builders of the job once no build uses them, and waits until their files are removed. No build joins them
// any more. It returns how many there were.
func Stop(ctx context.Context, name string) (stopped int, err error) {
	sockets, _ := filepath.Glob(filepath.Join(socketsDir(), keyOf(name)+"-*.sock"))
	for _, socket := range sockets {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			continue // its keeper was killed
		}
		l := newLine(conn)
		stopWaiting := context.AfterFunc(ctx, func() { _ = l.Close() })
		err = l.send(request{Stop: true})
		if err == nil {
			var none answer
			_ = l.receive(&none) // the keeper closes the connection when it ends
			stopped++
		}
		stopWaiting()
		_ = l.Close()
		if ctx.Err() != nil {
			return stopped, context.Cause(ctx)
		}
	}
	return stopped, nil
}

func socketsDir() string { return filepath.Join(builder.StateDirs()[0], socketsName) }

func keyOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// dial joins the keeper at the socket. The error is errNone if there is none, or if it is about to end.
func dial(socket string, keepsMounts bool) (*Member, answer, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, answer{}, errNone
	}
	l := newLine(conn)
	_ = conn.SetReadDeadline(time.Now().Add(answerTimeout))
	var first answer
	err = errors.Join(l.send(request{Join: true, KeepsMounts: keepsMounts}), l.receive(&first))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("the job's builder did not answer within %v", answerTimeout)
	case err != nil, first.Ending:
		err = errNone
	case first.MountsInUse:
		err = errMountsInUse
	}
	if err != nil {
		return nil, answer{}, errors.Join(err, conn.Close())
	}
	_ = conn.SetReadDeadline(time.Time{})
	return newMember(l), first, nil
}

// startKeeper starts a keeper, and waits until it accepts builds. The keeper has a session of its own and inherits no open
// file, so that neither Ctrl-C nor the end of a phase in CodeBuild concerns it.
func startKeeper(ctx context.Context, message startMessage) error {
	removeStale(filepath.Dir(message.Socket))
	own, err := os.Executable()
	if err != nil {
		return err
	}
	input, err := json.Marshal(message)
	if err != nil {
		return err
	}
	cmd := &exec.Cmd{
		Path: own, Args: []string{keeperName}, Dir: "/", Env: builder.KeeperEnvironment(os.Environ()),
		Stdin: strings.NewReader(string(input)), SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the builder of this job: %w", err)
	}
	// It ends its buildkitd and removes the files.
	stopKilling := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stopKilling()
	var ready answer
	err = json.NewDecoder(stdout).Decode(&ready)
	go func() { _ = cmd.Wait() }()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("start the builder of this job: it ended before it was ready: %w", err)
	case ready.Error != "":
		return fmt.Errorf("start the builder of this job: %s", ready.Error)
	}
	return nil
}

// removeStale removes the sockets of keepers that were killed.
func removeStale(dir string) {
	sockets, _ := filepath.Glob(filepath.Join(dir, "*.sock"))
	for _, socket := range sockets {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			_ = conn.Close()
		} else if errors.Is(err, unix.ECONNREFUSED) {
			_ = os.Remove(socket)
		}
	}
}

// kept returns the options that the keeper gets.
func kept(options builder.Options) keptOptions {
	k := keptOptions{Parallelism: options.Parallelism, PlainHTTP: options.PlainHTTP}
	for _, m := range options.Mirrors {
		k.Mirrors = append(k.Mirrors, mirror(m))
	}
	return k
}
