package jobbuilder

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/variables"
)

// Keep starts a builder as the message on stdin asks, serves the builds of its job, and returns when the builder has
// ended and its files are removed. It writes one answer to stdout once the builder is ready.
func Keep(stdin io.Reader, stdout io.WriteCloser) (exitStatus int) {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	// Not signal.Ignore, which buildkitd would inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
	k, err := newKeeper(ctx, stdin)
	if err != nil {
		_ = json.NewEncoder(stdout).Encode(answer{Error: err.Error()})
		return 1
	}
	err = json.NewEncoder(stdout).Encode(answer{Daemon: &k.daemon})
	_ = stdout.Close()
	if err == nil { // Otherwise the build that wanted it is gone.
		k.serve(ctx)
	}
	_ = k.listener.Close()
	_ = k.builder.Close()
	_ = k.builder.Wait()
	return 0
}

// keeper runs the builder of a job.
type keeper struct {
	builder  *builder.Builder
	daemon   builder.Daemon
	listener net.Listener
	idle     time.Duration
	// done is closed when the builder is to be removed.
	done chan struct{}

	lock sync.Mutex
	// members are the builds that use the builder.
	members map[*line]*membership
	// joined is how many builds have joined so far. ending is true if no build may join any more.
	joined int
	ending bool
	// killed is true if a build asked to kill the builder.
	killed bool
	// unused ends the keeper when no build uses the builder.
	unused *time.Timer
	// steps are the identities of the steps of all builds that have reported them. unsure are those that a build had only
	// declared when it left; unknown is true if one had not even done that, or has steps without an identity.
	steps, unsure map[string]bool
	unknown       bool
}

// membership is a build that uses the builder.
type membership struct {
	keepsMounts bool
	// declared are the steps that it may leave; nil if they are not known. reported is true once the keeper knows those
	// that it did leave.
	declared []string
	reported bool
}

// newKeeper starts the builder and listens.
func newKeeper(ctx context.Context, stdin io.Reader) (*keeper, error) {
	var message startMessage
	if err := json.NewDecoder(stdin).Decode(&message); err != nil {
		return nil, err
	}
	b, err := builder.Start(ctx, message.Options.options())
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", message.Socket)
	if err != nil {
		return nil, errors.Join(err, b.Close(), b.Wait())
	}
	return &keeper{
		builder: b, daemon: b.Daemon(), listener: listener, idle: message.Idle, done: make(chan struct{}),
		members: map[*line]*membership{}, steps: map[string]bool{}, unsure: map[string]bool{},
	}, nil
}

// options returns the options of the builder.
func (k keptOptions) options() builder.Options {
	options := builder.Options{Kind: variables.BuilderNative, Parallelism: k.Parallelism, PlainHTTP: k.PlainHTTP, SharedByBuilds: true}
	for _, m := range k.Mirrors {
		options.Mirrors = append(options.Mirrors, variables.Mirror(m))
	}
	return options
}

// serve serves builds until the builder is to be removed.
func (k *keeper) serve(ctx context.Context) {
	k.unused = time.AfterFunc(k.idle, func() { k.end(false) })
	defer k.unused.Stop()
	go k.accept()
	select {
	case <-k.done:
	case <-ctx.Done():
		k.end(true)
	case <-k.builder.Exited():
		k.announceEnd()
	}
}

func (k *keeper) accept() {
	for {
		conn, err := k.listener.Accept()
		if err != nil {
			return
		}
		go k.serveLine(newLine(conn))
	}
}

// end ends the keeper. Unless it is to end now, it does nothing while a build uses the builder.
func (k *keeper) end(now bool) {
	k.lock.Lock()
	defer k.lock.Unlock()
	if now || len(k.members) == 0 {
		k.refuse()
		k.finish()
	}
}

// refuse lets no build join any more. A build that then looks for a keeper finds no socket. The lock must be held.
func (k *keeper) refuse() {
	k.ending = true
	_ = k.listener.Close()
}

// finish ends the keeper. The lock must be held.
func (k *keeper) finish() {
	select {
	case <-k.done:
	default:
		close(k.done)
	}
}

// announceEnd tells the builds why the builder has ended by itself.
func (k *keeper) announceEnd() {
	k.lock.Lock()
	defer k.lock.Unlock()
	k.refuse()
	end := answer{Ended: "it ended without an error", ByBuild: k.killed}
	if err := k.builder.Failure(); err != nil {
		end.Ended, end.Killed = err.Error(), errors.Is(err, builder.ErrKilled)
	}
	for l := range k.members {
		_ = l.SetWriteDeadline(time.Now().Add(answerTimeout))
		_ = l.send(end)
		_ = l.Close()
	}
}

// serveLine serves one connection until it ends.
func (k *keeper) serveLine(l *line) {
	defer l.Close()
	var first request
	if l.receive(&first) != nil {
		return
	}
	switch {
	case first.Join:
		k.serveMember(l, first.KeepsMounts)
	case first.Stop:
		k.stop()
		// The connection is closed when this process ends.
		_ = l.receive(&first)
	}
}

// stop ends the keeper once no build uses the builder.
func (k *keeper) stop() {
	k.lock.Lock()
	defer k.lock.Unlock()
	k.refuse()
	if len(k.members) == 0 {
		k.finish()
	}
}

func (k *keeper) serveMember(l *line, keepsMounts bool) {
	joined := k.join(l, keepsMounts)
	if joined.Daemon == nil {
		_ = l.send(joined)
		return
	}
	defer k.leave(l)
	if l.send(joined) != nil {
		return
	}
	for {
		var r request
		if l.receive(&r) != nil {
			return
		}
		switch {
		case r.Kill:
			k.kill()
		case r.Declare != nil:
			k.declare(l, r.Declare)
		case r.Report:
			history := k.report(l, r)
			_ = l.send(answer{History: &history})
		}
	}
}

// join lets a build use the builder, or refuses it.
func (k *keeper) join(l *line, keepsMounts bool) answer {
	k.lock.Lock()
	defer k.lock.Unlock()
	if k.ending {
		return answer{Ending: true}
	}
	for _, other := range k.members {
		if keepsMounts && other.keepsMounts {
			return answer{MountsInUse: true}
		}
	}
	k.unused.Stop()
	k.members[l] = &membership{keepsMounts: keepsMounts}
	k.joined++
	return answer{Daemon: &k.daemon, Used: k.joined > 1}
}

// leave ends the use of a build.
func (k *keeper) leave(l *line) {
	k.lock.Lock()
	defer k.lock.Unlock()
	if left := k.members[l]; !left.reported {
		k.unknown = k.unknown || left.declared == nil
		for _, step := range left.declared {
			k.unsure[step] = true
		}
	}
	delete(k.members, l)
	switch {
	case len(k.members) > 0:
	case k.ending:
		k.finish()
	default:
		k.unused.Reset(k.idle)
	}
}

// kill kills the builder. No build joins it any more.
func (k *keeper) kill() {
	k.lock.Lock()
	k.refuse()
	k.killed = true
	k.lock.Unlock()
	k.builder.Kill()
}

func (k *keeper) declare(l *line, steps []string) {
	k.lock.Lock()
	defer k.lock.Unlock()
	k.members[l].declared = steps
}

// report returns what is known of the steps of a build, and remembers them.
func (k *keeper) report(l *line, r request) StepOrigins {
	k.lock.Lock()
	defer k.lock.Unlock()
	history := StepOrigins{Complete: !k.unknown, Alone: k.joined == 1}
	unsure := maps.Clone(k.unsure)
	for other, running := range k.members {
		if other == l || running.reported {
			continue
		}
		history.Complete = history.Complete && running.declared != nil
		for _, step := range running.declared {
			unsure[step] = true
		}
	}
	for _, step := range r.Asked {
		switch {
		case k.steps[step]:
			history.Earlier = append(history.Earlier, step)
		case unsure[withoutPlatform(step)]:
			history.Unsure = append(history.Unsure, step)
		}
	}
	for _, step := range r.Steps {
		k.steps[step] = true
	}
	k.members[l].reported = true
	k.unknown = k.unknown || r.Unidentified
	return history
}
