package run

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/cachemount"
	"github.com/layercache/layercache/internal/cachemount/payoff"
	"github.com/layercache/layercache/internal/s3"
	"github.com/layercache/layercache/internal/variables"
)

// mountSaveTimeout limits how long a build waits for its mounts to be saved after everything else has ended. Then the
// save is cancelled.
const mountSaveTimeout = 5 * time.Minute

// keptMounts keeps the cache mounts of a build. Each builder of the build has a session of its own.
type keptMounts struct {
	build *build
	// flags are the cache flags of the settings. What acting chose about the layers does not change them.
	flags cache.Flags
	// ready is closed when the stores can be used: after the sign-in.
	ready chan struct{}

	lock     sync.Mutex
	sessions []*cachemount.Session
	// saving is closed when the last session's save has ended; nil before it has begun.
	saving chan struct{}
	// cancel ends that save; nil before it has begun.
	cancel context.CancelFunc
}

// newKeptMounts returns nil if the build keeps no mounts.
func newKeptMounts(b *build) *keptMounts {
	if !b.flags.KeepsRecord() || b.Settings.WhyMountsNotKept() != "" {
		return nil
	}
	return &keptMounts{build: b, flags: b.flags, ready: make(chan struct{})}
}

// newKeeper starts the session of a new builder.
func (k *keptMounts) newKeeper(temp string) cachemount.Keeper {
	session := cachemount.NewSession(cachemount.Options{
		Stores: k.stores, Chosen: k.chosen, Decide: k.decide, Limit: k.build.Settings.MountLimit, Silence: cacheTimeout(k.build.Settings), Temp: temp,
	})
	k.lock.Lock()
	defer k.lock.Unlock()
	k.sessions, k.saving = append(k.sessions, session), nil
	return session
}

// stores returns the stores to read, and the one to write, or nil.
func (k *keptMounts) stores() (read []cachemount.Store, written cachemount.Store) {
	<-k.ready
	read, written = mountStores(k.flags, k.build.signIn.keychain)
	if k.build.Settings.Refresh {
		read = nil
	}
	if k.flags.To == "" {
		written = nil
	}
	return read, written
}

// mountStores returns the stores of the caches to read, and of the one to write.
func mountStores(flags cache.Flags, keychain authn.Keychain) (read []cachemount.Store, written cachemount.Store) {
	if flags.Folder != "" {
		folder := cachemount.InFolder(flags.Folder)
		return []cachemount.Store{folder}, folder
	}
	open := func(ref string) cachemount.Store { return cachemount.InRegistry(ref, keychain) }
	if flags.Bucket != nil {
		client := s3.NewClient(*flags.Bucket)
		open = func(ref string) cachemount.Store { return cachemount.InBucket(flags.NameInBucket(ref), client) }
	}
	for _, ref := range flags.Refs.Imports {
		read = append(read, open(ref))
	}
	return read, open(flags.Refs.Export)
}

func (k *keptMounts) chosen(id string) bool {
	ids := k.build.Settings.Mounts
	return slices.Equal(ids, []string{variables.MountsAuto}) || len(ids) == 0 || slices.Contains(ids, id)
}

// decide decides whether a mount is used.
func (k *keptMounts) decide(id, command string) payoff.Decision {
	<-k.ready
	if k.build.Settings.Refresh {
		return payoff.Decision{Use: true}
	}
	return k.build.query.mountHistory(id).Decide(command)
}

// prefetch starts to restore the mounts that a RUN which will run uses, by the record. It leaves out mounts that do not
// start as an empty folder.
func (k *keptMounts) prefetch(ctx context.Context, instruction string) {
	if k == nil || k.build.Settings.Refresh {
		return
	}
	k.lock.Lock()
	defer k.lock.Unlock()
	if len(k.sessions) == 0 {
		return
	}
	session := k.sessions[len(k.sessions)-1]
	for _, options := range cacheMounts(instruction) {
		id := cmp.Or(options["id"], path.Clean(cmp.Or(options["target"], options["dst"], options["destination"])))
		if options["from"]+options["source"]+options["src"]+options["uid"]+options["gid"]+options["mode"] != "" {
			continue
		}
		go func() {
			<-k.ready
			if k.build.query.mountHistory(id).WillUse() {
				session.Prefetch(ctx, id)
			}
		}()
	}
}

// save starts to save the mounts of the current builder, once.
func (k *keptMounts) save(ctx context.Context) {
	if k == nil {
		return
	}
	k.lock.Lock()
	defer k.lock.Unlock()
	if k.saving != nil || len(k.sessions) == 0 {
		return
	}
	session, done := k.sessions[len(k.sessions)-1], make(chan struct{})
	ctx, k.cancel = context.WithCancel(ctx)
	k.saving = done
	go func() {
		defer close(done)
		session.Save(ctx)
	}()
}

// finish saves the mounts if that has not begun, waits for the end, and returns what was done.
func (k *keptMounts) finish(ctx context.Context) []cachemount.Result {
	if k == nil {
		return nil
	}
	k.save(context.WithoutCancel(ctx))
	k.lock.Lock()
	sessions, saving, cancel := k.sessions, k.saving, k.cancel
	k.lock.Unlock()
	begin := time.Now()
	if saving != nil {
		defer time.AfterFunc(mountSaveTimeout, cancel).Stop()
		<-saving
		cancel()
	}
	waited := time.Since(begin).Seconds()
	var results []cachemount.Result
	for _, session := range sessions {
		results = append(results, session.Results()...)
	}
	shareWait(results, waited)
	return results
}

// unknown returns a warning for each builder that could not tell which cache mounts a step has.
func (k *keptMounts) unknown() []string {
	if k == nil {
		return nil
	}
	k.lock.Lock()
	defer k.lock.Unlock()
	var warnings []string
	for _, session := range k.sessions {
		if err := session.WhyMountsUnknown(); err != nil {
			warnings = append(warnings, fmt.Sprintf("a step's cache mounts were neither restored nor saved, because the builder could not tell which they are: %v", err))
		}
	}
	return warnings
}

// shareWait divides the time that the build waited for the saves among them.
func shareWait(results []cachemount.Result, waited float64) {
	var total float64
	for _, r := range results {
		total += r.SaveSeconds
	}
	for i := range results {
		if total > 0 {
			results[i].SaveWaitSeconds = waited * results[i].SaveSeconds / total
		}
	}
}

// histories returns the histories of the mounts that the build used, with this build.
func (k *keptMounts) histories(results []cachemount.Result) []payoff.MountHistory {
	var histories []payoff.MountHistory
	for _, build := range observeMounts(results) {
		history := k.build.query.mountHistory(build.id).Add(build.Use)
		for _, r := range results {
			if r.ID == build.id && r.StoredBytes > 0 {
				history.Bytes = r.StoredBytes
			}
			if r.ID == build.id && !r.RenewAt.IsZero() {
				history.RenewAt = r.RenewAt
			}
		}
		histories = append(histories, history)
	}
	return histories
}

// observation is what a build shows about a mount.
type observation struct {
	id string
	payoff.Use
}

// observeMounts returns what the build shows about each mount. The copies of a mount count as one. A mount without a step
// that succeeded shows nothing, and neither does one that had files of its own.
func observeMounts(results []cachemount.Result) []observation {
	var observed []observation
	for _, r := range results {
		build := buildOf(r)
		if r.NotKept != "" || len(build.Steps) == 0 {
			continue
		}
		i := slices.IndexFunc(observed, func(o observation) bool { return o.id == r.ID })
		switch {
		case i < 0:
			observed = append(observed, observation{r.ID, build})
		case observed[i].Restored == build.Restored && observed[i].LeftEmpty == build.LeftEmpty:
			o := &observed[i].Use
			o.RestoreSeconds += build.RestoreSeconds
			o.SaveSeconds += build.SaveSeconds
			o.Steps = append(o.Steps, build.Steps...)
			o.ReadFiles = addFiles(o.ReadFiles, build.ReadFiles)
		}
	}
	return observed
}

func buildOf(r cachemount.Result) payoff.Use {
	build := payoff.Use{Restored: r.Restored, LeftEmpty: !r.Decision.Use, SaveSeconds: r.SaveWaitSeconds}
	if r.Restored {
		build.RestoreSeconds = r.RestoreSeconds
	}
	if r.ReadKnown {
		build.ReadFiles = &r.ReadFiles
	}
	for _, step := range r.Steps {
		if step.Succeeded {
			build.Steps = append(build.Steps, payoff.Step{Command: step.Command, Seconds: step.Seconds, Share: step.Share})
		}
	}
	return build
}

// addFiles adds up the files that were read in two copies. The sum is not known if one of them is not.
func addFiles(a, b *int) *int {
	if a == nil || b == nil {
		return nil
	}
	sum := *a + *b
	return &sum
}

// emptySeconds returns how long each step would have taken with empty mounts. It is nil for the steps without restored
// mounts, and if no build has shown it yet.
func emptySeconds(steps []progress.Step, results []cachemount.Result, histories []payoff.MountHistory) []*float64 {
	seconds := make([]*float64, len(steps))
	for _, r := range results {
		history := slices.IndexFunc(histories, func(m payoff.MountHistory) bool { return m.ID == r.ID })
		if !r.Restored || history < 0 {
			continue
		}
		for _, used := range r.Steps {
			saved, known := histories[history].Saved(payoff.Step{Command: used.Command, Seconds: used.Seconds, Share: used.Share})
			step := stepAt(steps, used)
			if !known || step < 0 {
				continue
			}
			if seconds[step] == nil {
				seconds[step] = &used.Seconds
			}
			total := *seconds[step] + saved
			seconds[step] = &total
		}
	}
	return seconds
}

// stepAt returns the index of the step that asked for its mounts at that time, or -1. Of several steps that ran then, it
// is the one that took as long. The OCI runtime does not know which step of the Dockerfile it runs.
func stepAt(steps []progress.Step, used cachemount.StepResult) int {
	found := -1
	distance := func(i int) float64 {
		end := steps[i].Start.Add(time.Duration(steps[i].Seconds * float64(time.Second)))
		return math.Abs(end.Sub(used.Begin).Seconds() - used.Seconds)
	}
	for i, step := range steps {
		end := step.Start.Add(time.Duration(step.Seconds * float64(time.Second)))
		if !step.Ran || !hasCacheMount(step.Instruction) || used.Begin.Before(step.Start) || used.Begin.After(end) {
			continue
		}
		if found < 0 || distance(i) < distance(found) {
			found = i
		}
	}
	return found
}

// saveWait returns how long the build waited for the saves of its mounts.
func saveWait(results []cachemount.Result) float64 {
	var total float64
	for _, r := range results {
		total += r.SaveWaitSeconds
	}
	return total
}

// mountBytes returns the size of all mounts.
func mountBytes(mounts []payoff.MountHistory) int64 {
	var total int64
	for _, mount := range mounts {
		total += mount.Bytes
	}
	return total
}
