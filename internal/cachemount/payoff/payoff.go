// Package payoff decides whether a cache mount saves more time than restoring and saving it costs.
//
// The record of a cache has the last builds that used the mount: how long its restore and its save took, and how
// long each step ran, with the mount filled or empty. What a restore saved in a build is the sum over its steps of
// the median time with an empty mount less the time with the filled one. A mount whose restores cost more than
// they save in the median of the last builds is left empty, and tried again now and then.
package payoff

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

const (
	// minBuilds is the number of restores that are compared before a mount is first left empty.
	minBuilds = 3
	// maxJudged is the number of restores that count, the latest ones.
	maxJudged = 5
	// trialInterval is how often a mount that does not pay is restored nevertheless: in every 10th build that uses it.
	trialInterval = 10
	// minEmptyUnread is how many builds must have run with the mount empty before a mount of which no file was read is
	// believed to save time. Most such mounts save nothing, and a single slow build must not hide that.
	minEmptyUnread = 2
	// minUnreadSeconds and minUnreadShare are what such a mount has to save: in seconds, and as a share of the time of
	// its steps. Less is noise.
	minUnreadSeconds, minUnreadShare = 1, 0.2
	// maxEmpty is the number of builds with the mount empty that a history keeps, and maxSteps that of the steps of
	// each build.
	maxEmpty = trialInterval + 2
	maxSteps = 16
)

// MountHistory is the history of a mount.
type MountHistory struct {
	ID string `json:"id"`
	// Bytes is the size of the mount's archive when it was last read or written; 0 if not known.
	Bytes int64 `json:"bytes,omitempty"`
	// RenewAt is when the archive has to be renewed so that it does not expire; zero if not known.
	RenewAt time.Time `json:"renewAt,omitzero"`
	// Builds are the last builds that used the mount, the latest one last.
	Builds []Use `json:"builds"`
}

// Use is the use of the mount by one build.
type Use struct {
	// Restored is true if the mount was restored. Otherwise it was empty when the first step began.
	Restored bool `json:"restored,omitempty"`
	// LeftEmpty is true if the mount was left empty because it does not pay.
	LeftEmpty bool `json:"left,omitempty"`
	// RestoreSeconds is how long the restore took, and SaveSeconds how much longer the build took because of the save.
	RestoreSeconds float64 `json:"restoreSeconds,omitempty"`
	SaveSeconds    float64 `json:"saveSeconds,omitempty"`
	// ReadFiles is the number of restored files that a step read; nil if not known.
	ReadFiles *int `json:"readFiles,omitempty"`
	// Steps are the steps that used the mount and succeeded.
	Steps []Step `json:"steps,omitempty"`
}

// Step is a step that used the mount.
type Step struct {
	// Command is the digest of the step's command.
	Command string  `json:"command"`
	Seconds float64 `json:"seconds"`
	// Share is the mount's part of what the step saved, from 0 to 1. The mounts of a step share it in proportion to
	// how long their restores took, because a step's time does not tell which of them helped.
	Share float64 `json:"share,omitempty"`
}

// Add returns the history with one more build. It forgets old builds. The receiver is not changed.
func (m MountHistory) Add(b Use) MountHistory {
	b.Steps = b.Steps[:min(len(b.Steps), maxSteps)]
	builds := append(slices.Clone(m.Builds), b)
	drop := func(restored bool, limit int) {
		count := 0
		for i := len(builds) - 1; i >= 0; i-- {
			if builds[i].Restored != restored {
				continue
			}
			if count++; count > limit {
				builds = slices.Delete(builds, i, i+1)
			}
		}
	}
	drop(true, maxJudged)
	drop(false, maxEmpty)
	m.Builds = builds
	return m
}

// Decision is whether to use a mount in a build.
type Decision struct {
	// Use is false if the mount is to be left empty and not saved.
	Use bool
	// Drop is true if its archive is not to be stored either, because no step reads it.
	Drop bool
	// Reason is why it is left empty, with the figures, or that it is tried again; empty otherwise.
	Reason string
}

// Decide returns whether to restore the mount for a step with the command.
func (m MountHistory) Decide(command string) Decision {
	left := m.leftEmptyInARow()
	if left == 0 {
		return m.afterUse(command)
	}
	judged := m.judge(command, 0)
	switch {
	case judged.pays():
		return Decision{Use: true}
	case left >= trialInterval-1:
		return Decision{Use: true, Reason: fmt.Sprintf("tried again after %d builds without it", left)}
	case !m.knows(command):
		return Decision{Use: true, Reason: "tried again because the step's command is new"}
	case len(judged.nets) == 0:
		judged = m.judge("", 0)
	}
	// The builds without it have shown that its steps take no longer then.
	return Decision{Reason: judged.reason(), Drop: judged.unread && len(judged.nets) > 0}
}

// WillUse reports whether the next build will use the mount if it runs the commands of the last build.
func (m MountHistory) WillUse() bool {
	if len(m.Builds) == 0 {
		return false
	}
	steps := m.Builds[len(m.Builds)-1].Steps
	return len(steps) > 0 && !slices.ContainsFunc(steps, func(s Step) bool { return !m.Decide(s.Command).Use })
}

// afterUse decides if the mount was used in the last build.
func (m MountHistory) afterUse(command string) Decision {
	if len(m.Builds) == 0 || !m.Builds[len(m.Builds)-1].Restored {
		return Decision{Use: true} // what the last build saved has not been restored yet
	}
	// A mount that did not pay before is judged by its first restore.
	needed := minBuilds
	start := m.indexAfterLastEmpty()
	if start > 0 {
		needed = 1
	}
	since := m.judge(command, start)
	switch {
	case len(since.nets) >= needed && !since.pays():
		return Decision{Reason: since.reason()}
	case start > 0 && len(since.nets) == 0 && m.knows(command):
		return Decision{Reason: m.judge("", 0).reason()} // it has to be empty once, to learn how long the step takes then
	}
	return Decision{Use: true}
}

// knows reports whether a build in the history ran the command.
func (m MountHistory) knows(command string) bool {
	return slices.ContainsFunc(m.Builds, func(b Use) bool { return b.ran(command) })
}

func (b Use) ran(command string) bool {
	return slices.ContainsFunc(b.Steps, func(s Step) bool { return s.Command == command })
}

// leftEmptyInARow returns how many of the last builds in a row left the mount empty.
func (m MountHistory) leftEmptyInARow() int {
	count := 0
	for count < len(m.Builds) && m.Builds[len(m.Builds)-1-count].LeftEmpty {
		count++
	}
	return count
}

// indexAfterLastEmpty returns the index of the first build after the last one that left the mount empty.
func (m MountHistory) indexAfterLastEmpty() int {
	i := len(m.Builds)
	for i > 0 && !m.Builds[i-1].LeftEmpty {
		i--
	}
	return i
}

// judgement is what restores cost and saved.
type judgement struct {
	// nets are the seconds saved less the cost for each restore; the other lists are its parts.
	nets, saved, restore, save []float64
	unread                     bool
}

func (j judgement) pays() bool { return len(j.nets) > 0 && median(j.nets) > 0 }

func (j judgement) reason() string {
	last := fmt.Sprintf("in the last %d builds", len(j.nets))
	if len(j.nets) < 2 {
		last = "in the last build"
	}
	if len(j.nets) == 0 {
		return "it did not pay before, and how long the step takes without it is not known"
	}
	figures := fmt.Sprintf("%.1f s saved - %.1f s to restore it - %.1f s to save it", median(j.saved), median(j.restore), median(j.save))
	if j.unread {
		return fmt.Sprintf("no step read a file of it %s that restored it (medians: %s)", last, figures)
	}
	return fmt.Sprintf("it costs more than it saves: %s %s that restored it (medians)", figures, last)
}

// judge compares the last restores for the command from the build with the index on with all builds that had the mount
// empty. An empty command means all restores.
func (m MountHistory) judge(command string, from int) judgement {
	empty := m.emptySeconds()
	j := judgement{unread: true}
	for i := len(m.Builds) - 1; i >= from && len(j.nets) < maxJudged; i-- {
		b := m.Builds[i]
		if !b.Restored || command != "" && !b.ran(command) {
			continue
		}
		unread := b.ReadFiles != nil && *b.ReadFiles == 0
		saved, known := b.saved(empty, unread)
		if !known && !unread {
			continue
		}
		j.unread = j.unread && unread
		j.saved = append(j.saved, saved)
		j.restore = append(j.restore, b.RestoreSeconds)
		j.save = append(j.save, b.SaveSeconds)
		j.nets = append(j.nets, saved-b.RestoreSeconds-b.SaveSeconds)
	}
	return j
}

// emptySeconds returns how long each command ran with the mount empty, in each build that had it empty.
func (m MountHistory) emptySeconds() map[string][]float64 {
	seconds := map[string][]float64{}
	for _, b := range m.Builds {
		if b.Restored {
			continue
		}
		for _, s := range b.Steps {
			seconds[s.Command] = append(seconds[s.Command], s.Seconds)
		}
	}
	return seconds
}

// saved returns what the build saved. It is not known if no step has run with the mount empty.
func (b Use) saved(empty map[string][]float64, unread bool) (seconds float64, known bool) {
	var filled float64
	for _, s := range b.Steps {
		without := empty[s.Command]
		if len(without) == 0 || unread && len(without) < minEmptyUnread {
			continue
		}
		seconds += (median(without) - s.Seconds) * s.Share
		filled += s.Seconds
		known = true
	}
	if unread && seconds < max(minUnreadSeconds, minUnreadShare*filled) {
		seconds = 0
	}
	return seconds, known
}

// Saved returns how much longer a step would have taken with the mount empty, for the mount's share. It is not known
// if the history has no build with the mount empty and the command.
func (m MountHistory) Saved(s Step) (seconds float64, known bool) {
	return Use{Steps: []Step{s}}.saved(m.emptySeconds(), false)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(values), cmp.Compare[float64])
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
