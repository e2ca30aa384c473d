package jobbuilder

import (
	"encoding/json"
	"net"
	"sync"
	"time"

	"github.com/layercache/layercache/internal/buildkit/builder"
)

// request is what a build sends to the keeper: first join or stop, then the others.
type request struct {
	// Join asks for the builder; KeepsMounts is true if the build keeps its cache mounts.
	Join        bool `json:",omitempty"`
	KeepsMounts bool `json:",omitempty"`
	// Stop ends the keeper once no build uses the builder. The connection is closed when its files are removed.
	Stop bool `json:",omitempty"`
	// Kill kills the builder.
	Kill bool `json:",omitempty"`
	// Declare tells the identities of all steps that the build may leave in the builder, for builds that end before it.
	Declare []string `json:",omitempty"`
	// Report tells the identities of the steps that the build left in the builder, and asks which of Asked earlier builds
	// had left there.
	Report bool     `json:",omitempty"`
	Steps  []string `json:",omitempty"`
	Asked  []string `json:",omitempty"`
	// Unidentified is true if the build left steps without an identity.
	Unidentified bool `json:",omitempty"`
}

// answer is what the keeper sends: an answer to Join and Report, and one with Ended when the
// builder has ended.
type answer struct {
	// Daemon and Used answer Join.
	Daemon *builder.Daemon `json:",omitempty"`
	Used   bool            `json:",omitempty"`
	// MountsInUse and Ending refuse Join.
	MountsInUse bool `json:",omitempty"`
	Ending      bool `json:",omitempty"`
	// History answers Report.
	History *StepOrigins `json:",omitempty"`
	// Ended is why the builder ended by itself. Killed is true if it was killed, ByBuild if a build asked for that.
	Ended   string `json:",omitempty"`
	Killed  bool   `json:",omitempty"`
	ByBuild bool   `json:",omitempty"`
	// Error is why the keeper could not start the builder.
	Error string `json:",omitempty"`
}

// StepOrigins is what a builder of a job knows about the steps of a build.
type StepOrigins struct {
	// Earlier are the identities of the steps that earlier builds of the job have left in the builder.
	Earlier []string
	// Unsure are those that another build may have left there: one that is still running, or that was killed.
	Unsure []string
	// Complete is true if the steps of all other builds that used the builder are known.
	Complete bool
	// Alone is true if no other build has used the builder.
	Alone bool
}

// startMessage is what the keeper gets on its standard input.
type startMessage struct {
	Socket string
	// Idle is Config.Idle.
	Idle    time.Duration
	Options keptOptions
}

// keptOptions are the options of the builder that configure buildkitd.
type keptOptions struct {
	Mirrors     []mirror
	Parallelism int
	PlainHTTP   []string
}

type mirror struct{ Upstream, Location string }

// line is a connection with a JSON value on each line.
type line struct {
	net.Conn
	decoder *json.Decoder
	sending sync.Mutex
}

func newLine(conn net.Conn) *line { return &line{Conn: conn, decoder: json.NewDecoder(conn)} }

func (l *line) send(message any) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	return json.NewEncoder(l.Conn).Encode(message)
}

func (l *line) receive(message any) error { return l.decoder.Decode(message) }
