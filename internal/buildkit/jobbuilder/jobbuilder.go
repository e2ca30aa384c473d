// Package jobbuilder gives the builds of one job, such as a build of CodeBuild, one native builder.
//
// The first build starts a keeper: this program, detached, under the name "buildkit-keeper". The keeper starts buildkitd
// as its child, so all guards of a native builder hold, and the kernel kills buildkitd when the keeper dies. Every build
// joins the keeper through a Unix socket in a private folder, and stays connected for as long as it uses the builder: a
// build that is killed has left. The keeper ends when no build has used it for Config.Idle, when Stop asks for it, or
// when buildkitd dies; then the builder's files are removed. One build at a time looks for a keeper and starts one.
//
// A builder belongs to one job and one configuration: builds with other mirrors, proxies or limits get another one. Builds
// keep what is their own: the sign-ins and secrets, which BuildKit asks for through the session of the build, and the
// list of builders of buildx.
//
// BuildKit does not tell to which build a step belongs. So one build at a time may keep its cache mounts on the builder:
// it serves the steps' mounts itself, and starts with none, because those of earlier builds are removed before. A
// further build that keeps its mounts at the same time gets errMountsInUse, and takes a builder of its own. The caller
// gives no Options.Mounts to a build that has no cache mounts.
//
// The keeper remembers which steps each build has left in the builder, so that a build can tell those from steps of the
// registry's cache: BuildKit shows both as cached.
package jobbuilder

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/layercache/layercache/internal/buildkit/builder"
)

// Config describes the builder that a build wants to join.
type Config struct {
	// Name is the job's name. Only builds with the same name share a builder.
	Name string
	// Idle is how long the builder is kept while no build uses it.
	Idle time.Duration
	// Start starts the builder if none is running.
	Start bool
	// Options configure the builder. The keeper uses what configures buildkitd; the rest is the build's own.
	// A build with Options.Mounts keeps its cache mounts.
	Options builder.Options
}

var (
	// errNone is the error of Join if no builder is running and none is to be started.
	errNone = fmt.Errorf("%w by the builds of this job", builder.ErrNotShared)
	// errMountsInUse is the error of Join if another build keeps its cache mounts on the builder.
	errMountsInUse = errors.New("another build of this job keeps its cache mounts on the job's builder at the same time")
	// ErrEndedByBuild is the error of a builder that another build of the job ended.
	ErrEndedByBuild = errors.New("another build of this job ended it, because its cache had made the builder unusable")
	// errKeeperEnded is the error of a builder whose keeper has ended without a reason.
	errKeeperEnded = errors.New("the process that kept it for this job was killed")
)

// Off is the name that gives every build a builder of its own.
const Off = "off"

// Name returns the name of the job that a build belongs to; empty if it shares no builder. setting is the name that the
// user gave. Builds of different CodeBuild builds never share one, whatever its name: their roles may differ.
func Name(setting string, lookup func(string) (string, bool)) string {
	id, _ := lookup("CODEBUILD_BUILD_ID")
	if setting == Off || setting == "" && id == "" {
		return ""
	}
	return id + "\n" + setting
}

// keeperName is the name under which this program is the keeper of a builder.
const keeperName = "buildkit-keeper"

// IsKeeper reports whether this program was called under the name of the keeper.
func IsKeeper(program string) bool { return filepath.Base(program) == keeperName }

// Member is a build that has joined the builder of its job. It leaves when it closes Builder.
type Member struct {
	// Builder is the builder of the job.
	Builder *builder.Builder
	line    *line
	exited  chan struct{}
	history chan StepOrigins

	lock    sync.Mutex
	failure error
}

// newMember returns the member at the other end of the line.
func newMember(l *line) *Member {
	m := &Member{line: l, exited: make(chan struct{}), history: make(chan StepOrigins, 1)}
	go m.read()
	return m
}

// read receives what the keeper sends until the connection ends.
func (m *Member) read() {
	defer close(m.exited)
	for {
		var a answer
		if err := m.line.receive(&a); err != nil {
			return
		}
		switch {
		case a.History != nil:
			m.history <- *a.History
		case a.Ended != "":
			m.lock.Lock()
			m.failure = endError(a)
			m.lock.Unlock()
		}
	}
}

// endError returns why the builder ended.
func endError(a answer) error {
	switch {
	case a.ByBuild:
		return ErrEndedByBuild
	case a.Killed:
		return builder.ErrKilled
	}
	return errors.New(a.Ended)
}

func (m *Member) whyEnded() error {
	m.lock.Lock()
	defer m.lock.Unlock()
	return cmp.Or(m.failure, errKeeperEnded)
}

// killTimeout limits how long the keeper may take to kill the builder.
const killTimeout = 10 * time.Second

func (m *Member) kill() {
	if m.line.send(request{Kill: true}) != nil {
		return
	}
	select {
	case <-m.exited:
	case <-time.After(killTimeout):
	}
}

// Declare tells the keeper the identities of all steps that the build may leave in the builder. Other builds that end
// before this one then know what cannot be from it.
func (m *Member) Declare(steps []string) {
	_ = m.line.send(request{Declare: steps})
}

// Identity returns the identity of a step for a platform, which is empty in a build for one platform. Declared steps have
// no platform.
func Identity(platform, step string) string { return platform + " " + step }

func withoutPlatform(identity string) string {
	_, step, _ := strings.Cut(identity, " ")
	return step
}

// historyTimeout limits how long the keeper may take to answer.
const historyTimeout = 5 * time.Second

// Report tells the keeper the identities of the steps that the build has left in the builder, and returns what it knows
// of others. unidentified is true if the build has left steps without an identity. Call it once, after the build. Without
// an answer nothing is known.
func (m *Member) Report(steps, asked []string, unidentified bool) StepOrigins {
	if m.line.send(request{Report: true, Steps: steps, Asked: asked, Unidentified: unidentified}) != nil {
		return StepOrigins{}
	}
	select {
	case history := <-m.history:
		return history
	case <-m.exited:
	case <-time.After(historyTimeout):
	}
	return StepOrigins{}
}
