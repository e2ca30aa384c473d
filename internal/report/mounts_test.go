package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func restored(id string, bytes int64, seconds float64) Mount {
	return Mount{ID: id, Restored: true, From: "h/c:a", Files: 3, Bytes: bytes, RestoreSeconds: seconds, NotSaved: nothingNew}
}

func savedMount(m Mount, bytes int64) Mount {
	m.Saved, m.NotSaved, m.UploadedBytes = true, "", bytes
	return m
}

func notSaved(m Mount, why string) Mount {
	m.NotSaved = why
	return m
}

func TestOneLineSaysWhatWasDoneWithTheCacheMounts(t *testing.T) {
	const noCache, noStep = "this build writes no cache", "no step that can change it succeeded"
	empty := Mount{ID: "c", NotSaved: nothingNew}
	cases := []struct {
		name       string
		mounts     []Mount
		activities []Activity
		notKept    string
		want       string
	}{
		{"no step used a mount", nil, nil, "", ""},
		{"no step used a mount, and something else was restored", nil, []Activity{{Kind: Restore, Label: "a", Seconds: 1}}, "", ""},
		{"all were restored and one has something new", []Mount{savedMount(restored("a", 160_000_000, 1.1), 3_000_000), restored("b", 7_000_000, 0.2)}, nil, "",
			"cache mounts: 2 restored, 167 MB in 1.1 s; 3 MB saved"},
		{"they were restored at the same time", []Mount{restored("a", 1_500_000, 1), restored("b", 1_500_000, 1)},
			[]Activity{{Kind: Restore, Label: "a", Start: 2, Seconds: 1}, {Kind: Restore, Label: "b", Start: 2.5, Seconds: 1}}, "",
			"cache mounts: 2 restored, 3 MB in 1.5 s; nothing new to save"},
		{"they were restored one after the other", []Mount{restored("a", 1_500_000, 1), restored("b", 1_500_000, 1)},
			[]Activity{{Kind: Restore, Label: "b", Start: 9, Seconds: 1}, {Kind: Restore, Label: "a", Start: 2, Seconds: 1}}, "",
			"cache mounts: 2 restored, 3 MB in 2.0 s; nothing new to save"},
		{"a restore that failed took long, which is not the time of the others", []Mount{restored("a", 1_500_000, 1), {ID: "b", NotSaved: "x", Problem: "silent"}},
			[]Activity{{Kind: Restore, Label: "a", Start: 2, Seconds: 1}, {Kind: Restore, Label: "b", Start: 2, Seconds: 10}}, "",
			"cache mounts: 1 restored, 1.5 MB in 1.0 s, 1 not restored; nothing saved, because nothing is new, and x"},
		{"all were empty, and were filled", []Mount{savedMount(empty, 153_400_000)}, nil, "", "cache mounts: 0 restored; 153 MB saved"},
		{"all were empty and stay so", []Mount{empty}, nil, "", "cache mounts: 0 restored; nothing new to save"},
		{"one was empty", []Mount{restored("a", 999, 0.04), empty}, nil, "", "cache mounts: 1 restored, 999 bytes in 0.0 s, 1 not restored; nothing new to save"},
		{"the build may not write", []Mount{notSaved(restored("a", 5000, 1), noCache), notSaved(restored("b", 5000, 1), noCache)}, nil, "",
			"cache mounts: 2 restored, 10 kB in 1.0 s; nothing saved, because this build writes no cache"},
		{"all of its steps failed", []Mount{notSaved(empty, noStep)}, nil, "", "cache mounts: 0 restored; nothing saved, because no step that can change it succeeded"},
		{"one has nothing new, and the steps of the other failed", []Mount{empty, notSaved(empty, noStep)}, nil, "",
			"cache mounts: 0 restored; nothing saved, because nothing is new, and no step that can change it succeeded"},
		{"one was saved, and the steps of the other failed", []Mount{savedMount(empty, 2000), notSaved(empty, noStep)}, nil, "", "cache mounts: 0 restored; 2 kB saved"},
		{"the save failed", []Mount{{ID: "a", Problem: "not saved: 403 Forbidden"}}, nil, "", "cache mounts: 0 restored; 1 not saved"},
		{"one save of two failed", []Mount{savedMount(empty, 2000), {ID: "a", Problem: "not saved: 403 Forbidden"}}, nil, "", "cache mounts: 0 restored; 2 kB saved, 1 not saved"},
		{"one save failed, and the other mount has nothing new", []Mount{empty, {ID: "a", Problem: "not saved: 403 Forbidden"}}, nil, "", "cache mounts: 0 restored; 1 not saved"},
		{"they were not kept", nil, nil, "only the native builder can keep them", "cache mounts: not kept with the cache: only the native builder can keep them"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := Report{Mounts: c.mounts, Activities: c.activities, MountsNotKept: c.notKept}
			assert.Equal(t, c.want, r.MountsLine())
			var log strings.Builder
			r.Summary(&log)
			lines := 0
			for line := range strings.Lines(log.String()) {
				if strings.HasPrefix(line, "layercache: cache mounts: ") {
					lines++
					assert.Equal(t, "layercache: "+c.want+"\n", line)
				}
			}
			assert.Equal(t, map[bool]int{false: 1}[c.want == ""], lines, "the log has it once, and only if there is something to say")
		})
	}
}

func TestAMountIsDescribedInWords(t *testing.T) {
	full := savedMount(restored("a", 192_000_000, 1.13), 3_000_000)
	full.ReadFiles, full.ReadBytes, full.SaveSeconds = new(2), new(int64(1000)), 0.25
	cut := full
	cut.EvictedBytes = 1_000_000_000
	cases := []struct {
		name  string
		mount Mount
		want  string
	}{
		{"restored and saved", full, "restored from h/c:a: 3 files, 192 MB in 1.1 s; steps read 2 files, 1 kB; 3 MB saved in 0.25 s"},
		{"above the limit", cut, "restored from h/c:a: 3 files, 192 MB in 1.1 s; steps read 2 files, 1 kB; 3 MB saved in 0.25 s, without 1 GB above the limit"},
		{"what was read is not known", restored("a", 5000, 2), "restored from h/c:a: 3 files, 5 kB in 2.0 s; not saved, because nothing is new"},
		{"a problem", Mount{Problem: "not saved: 403"}, "not restored; not saved; not saved: 403"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, c.mount.words()) })
	}
}

func TestASizeHasADecimalBelowTen(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 bytes", 999: "999 bytes", 1000: "1 kB", 1049: "1 kB", 1050: "1.1 kB", 9_949: "9.9 kB", 9_950: "10 kB", 999_499: "999 kB", 999_500: "1 MB",
		3_200_000: "3.2 MB", 167_000_000: "167 MB", 999_600_000: "1 GB", 2_000_000_000: "2 GB", 5_000_000_000_000: "5 TB", 5_000_000_000_000_000: "5000 TB",
	} {
		assert.Equal(t, want, Size(bytes), bytes)
	}
}

func TestJUnitHasATestCaseForEachCacheMount(t *testing.T) {
	r := full()
	suite := parsedJUnit(t, r)
	assert.Contains(t, suite.Cases[0].Output, r.MountsLine())
	modules, npm := suite.Cases[len(suite.Cases)-3], suite.Cases[len(suite.Cases)-1]
	assert.Equal(t, "cache mounts", modules.ClassName)
	assert.Equal(t, "/go/pkg/mod", modules.Name)
	assert.Equal(t, "1.100", modules.Time)
	assert.Equal(t, []junitProperty{{"restored", "true"}, {"saved", "true"}}, modules.Properties)
	assert.Equal(t, r.Mounts[0].words(), modules.Output)
	assert.Equal(t, "npm", npm.Name)
	assert.Nil(t, npm.Failure, "a problem with a mount fails nothing")

	for range 600 {
		r.Mounts = append(r.Mounts, Mount{ID: "more"})
		r.Steps = append(r.Steps, Step{Instruction: "RUN more"})
	}
	suite = parsedJUnit(t, r)
	assert.Equal(t, caseLimit, suite.Tests, "the mounts leave room for the steps")
}
