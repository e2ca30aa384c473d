package payoff

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// empty, restored and left are builds with one step, which ran the command "make".
func empty(seconds float64) Use {
	return Use{Steps: []Step{{Command: "make", Seconds: seconds}}}
}

func restored(cost, seconds float64) Use { return read(10, cost, seconds) }

func unread(cost, seconds float64) Use { return read(0, cost, seconds) }

func read(files int, cost, seconds float64) Use {
	return Use{Restored: true, RestoreSeconds: cost, ReadFiles: &files, Steps: []Step{{Command: "make", Seconds: seconds, Share: 1}}}
}

func left(seconds float64) Use {
	b := empty(seconds)
	b.LeftEmpty = true
	return b
}

func of(command string, b Use) Use {
	b.Steps[0].Command = command
	return b
}

func saving(cost float64, b Use) Use {
	b.SaveSeconds = cost
	return b
}

func shared(share float64, b Use) Use {
	b.Steps[0].Share = share
	return b
}

func unknownReads(b Use) Use {
	b.ReadFiles = nil
	return b
}

func times(n int, b Use) []Use {
	var builds []Use
	for range n {
		builds = append(builds, b)
	}
	return builds
}

func after(parts ...[]Use) []Use {
	var m MountHistory
	for _, part := range parts {
		for _, b := range part {
			m = m.Add(b)
		}
	}
	return m.Builds
}

func one(builds ...Use) []Use { return builds }

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		name    string
		builds  []Use
		command string
		use     bool
		drop    bool
		reason  string
	}{
		{name: "a mount of which nothing is known is used", use: true},
		{name: "two bad restores are too few to judge", builds: after(one(empty(2)), times(2, restored(5, 2))), use: true},
		{name: "three bad restores are enough", builds: after(one(empty(2)), times(3, restored(5, 2))),
			reason: "it costs more than it saves: 0.0 s saved - 5.0 s to restore it - 0.0 s to save it in the last 3 builds that restored it (medians)"},
		{name: "a mount that saves more than it costs is used", builds: after(one(empty(60)), times(5, restored(5, 2))), use: true},
		{name: "one slow restore does not count against a mount that pays", builds: after(one(empty(60)), times(2, restored(5, 2)), one(restored(500, 2))), use: true},
		{name: "one fast step does not count for a mount that does not pay", builds: after(one(empty(8)), times(2, restored(5, 6)), one(restored(5, 1))),
			reason: "2.0 s saved - 5.0 s"},
		{name: "the wait for the save is a cost", builds: after(one(empty(10)), times(3, saving(6, restored(3, 2)))), reason: "8.0 s saved - 3.0 s to restore it - 6.0 s to save it"},
		{name: "mounts share what their step saved", builds: after(one(empty(10)), times(3, shared(0.25, restored(3, 2)))), reason: "2.0 s saved - 3.0 s"},
		{name: "without a time with the mount empty it is used", builds: after(times(5, restored(50, 2))), use: true},
		{name: "old restores do not count", builds: after(one(empty(10)), times(5, restored(50, 2)), times(5, restored(1, 2))), use: true},
		{name: "a step that failed shows nothing", builds: after(one(empty(2)), times(2, restored(5, 2)), one(Use{Restored: true, RestoreSeconds: 9})), use: true},

		{name: "a mount of which no file is read is left empty", builds: after(one(empty(8)), times(3, unread(0.1, 2))),
			reason: "no step read a file of it in the last 3 builds that restored it"},
		{name: "also if no time with the mount empty is known", builds: after(times(3, unread(0.1, 2))), reason: "no step read a file of it"},
		{name: "a mount that was read once is not unread", builds: after(one(empty(8)), times(2, unread(0.1, 2)), one(restored(0.1, 2)), times(1, unread(0.1, 2))),
			reason: "it costs more than it saves"},
		{name: "a mount whose reads are not known is judged by time only", builds: after(one(empty(8)), times(3, unknownReads(unread(0.1, 2)))), use: true},
		{name: "a mount whose files are only looked at is used again once that shows", builds: after(one(empty(8)), times(3, unread(0.1, 2)), one(left(8))), use: true},
		{name: "an unread mount stays empty if the step takes no longer", builds: after(one(empty(8)), times(3, unread(0.1, 2)), one(left(2), left(2))), drop: true, reason: "no step read a file"},
		{name: "a difference of less than a second is noise", builds: after(one(empty(0.9)), times(3, unread(0.1, 0.2)), one(left(0.9))), drop: true, reason: "0.0 s saved"},
		{name: "so is a small part of the step's time", builds: after(one(empty(66)), times(3, unread(0.1, 60)), one(left(66))), drop: true, reason: "0.0 s saved"},
		{name: "it is no longer stored after one build without it that took no longer", builds: after(one(empty(2)), times(3, unread(0.1, 2)), one(left(2))), drop: true, reason: "no step read a file"},
		{name: "it is stored until then", builds: after(one(empty(2)), times(3, unread(0.1, 2))), reason: "no step read a file"},
		{name: "a mount that is read stays stored", builds: after(one(empty(2)), times(3, restored(5, 2)), times(3, left(2))), reason: "it costs more"},

		{name: "a mount that does not pay stays empty", builds: after(one(empty(2)), times(3, restored(5, 2)), times(8, left(2))), reason: "0.0 s saved - 5.0 s"},
		{name: "the tenth build tries it again", builds: after(one(empty(2)), times(3, restored(5, 2)), times(9, left(2))), use: true,
			reason: "tried again after 9 builds without it"},
		{name: "a trial that does not pay is the last", builds: after(one(empty(2)), times(3, restored(5, 2)), times(9, left(2)), one(restored(5, 2))),
			reason: "0.0 s saved - 5.0 s to restore it - 0.0 s to save it in the last build that restored it"},
		{name: "a trial that pays is repeated", builds: after(one(empty(9)), times(3, restored(10, 2)), times(9, left(9)), one(restored(1, 2))), use: true},
		{name: "a trial that had nothing to restore is repeated", builds: after(one(empty(2)), times(3, restored(5, 2)), times(9, left(2)), one(empty(2))), use: true},
		{name: "the first time with an empty mount was too short", builds: after(one(empty(2)), times(3, restored(5, 2)), one(left(60))), use: true},

		{name: "a new command is tried", builds: after(one(empty(2)), times(3, restored(5, 2)), times(2, left(2))), command: "make all", use: true,
			reason: "tried again because the step's command is new"},
		{name: "a new command of a mount that was never left empty is tried in silence", builds: after(one(empty(2)), times(3, restored(5, 2))), command: "make all", use: true},
		{name: "after that it is empty once for comparison", builds: after(one(empty(2)), times(3, restored(5, 2)), one(left(2), of("make all", restored(5, 2)))), command: "make all",
			reason: "it costs more than it saves"},
		{name: "it is used if it pays for the new command", builds: after(one(empty(2)), times(3, restored(5, 2)), one(left(2), of("make all", restored(5, 2)), of("make all", left(60)))),
			command: "make all", use: true},
		{name: "it stays empty if it does not pay for the new command", builds: after(one(empty(2)), times(3, restored(5, 2)), one(left(2), of("make all", restored(5, 2)), of("make all", left(2)))),
			command: "make all", reason: "0.0 s saved - 5.0 s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			command := c.command
			if command == "" {
				command = "make"
			}
			decision := MountHistory{Builds: c.builds}.Decide(command)
			require.Equal(t, c.use, decision.Use, decision.Reason)
			require.Equal(t, c.drop, decision.Drop)
			require.Contains(t, decision.Reason, c.reason)
			if c.reason == "" {
				require.Empty(t, decision.Reason)
			}
		})
	}
}

// TestHowOftenAMountIsRestored runs 100 builds with a mount.
func TestHowOftenAMountIsRestored(t *testing.T) {
	for _, c := range []struct {
		name           string
		filled, empty  float64
		minimum, limit int
	}{
		{"a mount that pays is always restored", 2, 60, 99, 99},
		{"a mount that costs more than it saves is restored in every tenth build", 6, 8, 12, 13},
		{"so is one that saves nothing", 2, 2, 12, 13},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m MountHistory
			count := 0
			for i := range 100 {
				switch {
				case i == 0:
					m = m.Add(empty(c.empty))
				case m.Decide("make").Use:
					count++
					m = m.Add(restored(5, c.filled))
				default:
					m = m.Add(left(c.empty))
				}
			}
			require.GreaterOrEqual(t, count, c.minimum)
			require.LessOrEqual(t, count, c.limit)
			content, err := json.Marshal(m)
			require.NoError(t, err)
			require.Less(t, len(content), 4<<10)
		})
	}
}

func TestAddForgetsOldBuilds(t *testing.T) {
	m := MountHistory{Builds: after(one(empty(1)), times(20, restored(1, 2)), times(30, left(2)))}
	require.Len(t, m.Builds, maxJudged+maxEmpty)
	require.Len(t, MountHistory{}.Add(Use{Steps: make([]Step, 50)}).Builds[0].Steps, maxSteps)
}

func TestSaved(t *testing.T) {
	m := MountHistory{Builds: after(one(empty(10), empty(30), restored(5, 2)))}
	seconds, known := m.Saved(Step{Command: "make", Seconds: 4, Share: 0.5})
	require.True(t, known)
	require.Equal(t, 8.0, seconds)
	_, known = m.Saved(Step{Command: "other", Seconds: 4, Share: 1})
	require.False(t, known)
}
