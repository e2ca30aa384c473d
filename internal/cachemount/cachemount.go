// Package cachemount makes cache mounts survive the machine: RUN --mount=type=cache.
//
// No cache exporter of BuildKit has what is in a mount. So on a builder that starts empty every mount is empty,
// and what a step once downloaded into one is lost, even if that step itself comes from the layer cache.
// A Keeper is told when a step with cache mounts is about to run and when it has ended. By the time the step runs it
// has restored the mount, from the store of the first cache that has it, and after the build it saves what is
// new. A build whose steps all come from the layer cache reads no mount at all.
//
// Trouble with a mount never fails a build: the mount is then empty, as without layercache, and the result has the
// reason.
package cachemount

import (
	"context"
	"time"

	"github.com/layercache/layercache/internal/cachemount/payoff"
	"github.com/layercache/layercache/internal/report/escape"
)

// Mount is a cache mount of a step.
type Mount struct {
	// ID is the mount's id in BuildKit.
	ID string
	// Copy distinguishes the copies of a mount that is not shared between steps.
	Copy string
	// Dir is the mount's folder while the step is about to run, and Kept the folder with what was added to it
	// once the step has ended. If KeptBelow is not empty, that is the folder KeptBelow in Kept. A step may have
	// replaced it.
	Dir, Kept, KeptBelow string
	// Unkept is why the mount cannot be kept; empty if it can.
	Unkept string
	// ReadOnly is true if the step cannot change the mount.
	ReadOnly bool
	// Command is the digest of the step's command.
	Command string
	// Exclude lists the paths below the mount at which the step has other mounts.
	Exclude []string
}

// Options are the settings of a Keeper.
type Options struct {
	// Stores returns the stores to read, in this order, and the one to write; nil means that nothing is saved. It is
	// called when the first step with a mount runs, and may wait.
	Stores func() (read []Store, written Store)
	// Chosen reports whether the mount with this id is to be kept; nil means all.
	Chosen func(id string) bool
	// Decide returns whether a mount is used by a build in which a step with the command is the first that has it; nil
	// means always. It may wait.
	Decide func(id, command string) payoff.Decision
	// Limit is the largest size of a mount in bytes.
	Limit int64
	// Silence is how long a store may send nothing.
	Silence time.Duration
	// Temp is an existing private folder on the file system of the mounts.
	Temp string
}

// Result is what was done with a mount.
type Result struct {
	// ID is the mount's id.
	ID string
	// Restored is true if it was filled from a store; then From is the position of its store among those that are read.
	Restored bool
	From     int
	// RestoredFiles and RestoredBytes are the files that were restored, DownloadedBytes what was downloaded for
	// them, and RestoreSeconds how long it took.
	RestoredFiles                  int
	RestoredBytes, DownloadedBytes int64
	RestoreSeconds                 float64
	// RestoreBegin is when the restore began. RestoreFailed is true if it ended with a problem.
	RestoreBegin  time.Time
	RestoreFailed bool
	// ReadFiles and ReadBytes are the restored files that a step read. They are known only if ReadKnown is true:
	// after Save has looked through the mount.
	ReadKnown bool
	ReadFiles int
	ReadBytes int64
	// Saved is true if something new was saved: UploadedBytes in SaveSeconds. StoredBytes is the size of the
	// archive after that, EvictedBytes that of the files that the limit left out.
	Saved                                    bool
	UploadedBytes, StoredBytes, EvictedBytes int64
	SaveSeconds                              float64
	// SaveBegin is when the save began; zero if it did not. NotSaved is why nothing was saved although nothing went
	// wrong; empty otherwise.
	SaveBegin time.Time
	NotSaved  NotSaved
	// RenewAt is when the archive has to be renewed, also by a build that does not use the mount; zero if not known.
	RenewAt time.Time
	// SaveWaitSeconds is the mount's part of the time that the build waited for saves after everything else had ended.
	SaveWaitSeconds float64
	// Decision is whether the mount was used. If not, it was left empty and nothing was saved.
	Decision payoff.Decision
	// Dropped is true if its archive was replaced by one without files, because no step read it.
	Dropped bool
	// NotKept is why it was neither restored nor saved although nothing went wrong, such as that it started with the
	// files of its from=; empty otherwise.
	NotKept string
	// Steps are the steps that used the mount.
	Steps []StepResult
	// Problem is why the mount was not restored or not saved; empty if all went well.
	Problem string
}

// addProblem adds a problem to those that the mount has already. Errors of a registry may quote signed URLs.
func (r *Result) addProblem(text string) {
	text = escape.Redact(text)
	if r.Problem != "" {
		text = r.Problem + "; " + text
	}
	r.Problem = text
}

// NotSaved is a reason why nothing was saved, as a clause that follows "because".
type NotSaved string

// The reasons why nothing was saved.
const (
	NothingNew    NotSaved = "nothing is new"
	WritesNoCache NotSaved = "this build writes no cache"
	NoStepChanged NotSaved = "no step that can change it succeeded"
	StoredIsKept  NotSaved = "what is stored was not read, and is kept"
	OtherCopy     NotSaved = "another copy of the mount was used later"
	StepRuns      NotSaved = "a step of another build is using it"
	StepFailed    NotSaved = "a step failed, and what is stored is in another cache"
)

// StepResult is a step that used a mount.
type StepResult struct {
	// Begin is when the step asked for its mounts, and Seconds how long it then ran itself, without the restore.
	Begin     time.Time
	Seconds   float64
	Succeeded bool
	// Command is the digest of the step's command. Share is the mount's part of what the step saved.
	Command string
	Share   float64
}

// Keeper keeps the mounts of one builder.
type Keeper interface {
	// BeforeStep fills the mounts that no step has used before. It returns when all of them are ready.
	BeforeStep(ctx context.Context, mounts []Mount)
	// MountsUnknown is called instead when the cache mounts of a step cannot be told. The step runs with them as
	// BuildKit made them.
	MountsUnknown(err error)
	// AfterStep is called when the step that BeforeStep was called for has ended. begin is when BeforeStep was
	// called, and duration how long the step itself took.
	AfterStep(mounts []Mount, begin time.Time, duration time.Duration, succeeded bool)
}
