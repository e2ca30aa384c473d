package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/verdict/worth"
)

// mounted has a step that downloads into a cache mount, and one that reads the mount when the sources change.
const mounted = `FROM ` + base + `
COPY deps.txt .
RUN --mount=type=cache,target=/modules cat deps.txt > /modules/left-pad && ln -s left-pad /modules/link && echo downloaded
COPY src src
RUN --mount=type=cache,target=/modules \
    --mount=type=cache,target=/own,id=own,uid=1000,gid=1000,mode=0700 \
    --mount=type=cache,target=/locked,sharing=locked,id=locked \
    echo "modules: $(ls /modules)"; echo "own: $(ls /own) $(stat -c %u:%a /own)"; echo "locked: $(ls /locked)"; \
    cat src/main.txt > /own/$(cat src/main.txt); touch /locked/lock-$(cat src/main.txt)
`

func TestCacheMountsSurviveTheMachine(t *testing.T) {
	w := newMachine(t)
	w.write("Dockerfile", mounted)
	w.write("src/main.txt", "one")
	cold := w.build()
	require.Zero(t, cold.exitCode, cold.log)
	require.Regexp(t, `own: +1000:700`, cold.log)
	require.Regexp(t, `layercache: cache mounts: 0 restored; \S+ (bytes|kB) saved\n`, cold.log)

	t.Run("a build whose steps are all cached reads no mount", func(t *testing.T) {
		unchanged := w.build()
		require.Zero(t, unchanged.exitCode, unchanged.log)
		require.NotContains(t, unchanged.log, "cache mounts:")
		require.Empty(t, unchanged.Mounts)
	})

	w.write("src/main.txt", "two")
	changed := w.build()
	require.Zero(t, changed.exitCode, changed.log)
	require.Contains(t, changed.log, "cache mounts: 3 restored")
	t.Run("the report has an entry and activities for each mount", func(t *testing.T) {
		require.Len(t, changed.Mounts, 3)
		for _, mount := range changed.Mounts {
			assert.True(t, mount.Restored, mount.ID)
			assert.Equal(t, changed.Refs.Imports[0], mount.From)
			assert.Positive(t, mount.Files)
			assert.Positive(t, mount.DownloadedBytes)
			assert.NotNil(t, mount.ReadFiles)
			assert.Equal(t, mount.ID == "/modules", !mount.Saved, "only %s has nothing new", mount.ID)
			assert.True(t, slices.ContainsFunc(changed.Activities, func(a report.Activity) bool { return a.Kind == report.Restore && a.Label == mount.ID }))
			assert.Equal(t, mount.Saved, slices.ContainsFunc(changed.Activities, func(a report.Activity) bool { return a.Kind == report.Save && a.Label == mount.ID }))
		}
	})
	require.Regexp(t, `modules: left-pad\n.* link`, changed.log)
	require.Regexp(t, `own: one 1000:700`, changed.log)
	require.Contains(t, changed.log, "locked: lock-one")

	w.write("src/main.txt", "three")
	again := w.build()
	require.Regexp(t, `own: one\n.*two 1000:700`, again.log)
}

func TestTheLogSaysWhereCacheMountsAreNotKept(t *testing.T) {
	w := newMachine(t)
	w.write("Dockerfile", mounted)
	w.write("src/main.txt", "one")
	const removed = "; their files were removed with the builder"
	for _, c := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"mode inline", map[string]string{"LAYERCACHE_MODE": "inline"}, "mode inline cannot keep them" + removed},
		{"no cache at all", map[string]string{"LAYERCACHE_MODE": "off"}, "the cache is off" + removed},
		{"the mounts are off", map[string]string{"LAYERCACHE_MOUNTS": "off", "LAYERCACHE_REFRESH": "true"}, "LAYERCACHE_MOUNTS=off" + removed},
		{"other mounts are named", map[string]string{"LAYERCACHE_MOUNTS": "go", "LAYERCACHE_REFRESH": "true"}, "LAYERCACHE_MOUNTS names none of them" + removed},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.env {
				w.env[name] = value
				defer delete(w.env, name)
			}
			built := w.succeeds(w.build())
			assert.Contains(t, built.log, "layercache: cache mounts: not kept with the cache: "+c.want+"\n")
			assert.Equal(t, c.want, built.MountsNotKept)
		})
	}
	t.Run("a build without cache mounts says nothing of them", func(t *testing.T) {
		w.write("Dockerfile", dockerfile)
		w.env["LAYERCACHE_MODE"] = "off"
		assert.NotContains(t, w.succeeds(w.build()).log, "cache mounts")
	})
}

// judged has a mount that saves seconds, one that costs seconds, and one that no step reads.
const judged = `FROM ` + base + `
COPY src src
RUN --mount=type=cache,target=/pays [ -f /pays/file ] || sleep 3; echo "pays: $(cat /pays/*)"; cp src/main.txt /pays/file
RUN --mount=type=cache,target=/costs [ ! -f /costs/file ] || sleep 2; echo "costs: $(cat /costs/*)"; cp src/main.txt /costs/file
RUN --mount=type=cache,target=/unread echo new > /unread/$(cat src/main.txt)
`

func TestMountsThatDoNotPayAreLeftEmpty(t *testing.T) {
	w := newMachine(t)
	w.write("Dockerfile", judged)
	for _, source := range []string{"one", "two", "three", "four"} {
		w.write("src/main.txt", source)
		built := w.build()
		require.Zero(t, built.exitCode, built.log)
		require.NotContains(t, built.log, "left empty")
		if source != "one" {
			require.Contains(t, built.log, "cache mounts: 3 restored")
		}
	}
	w.write("src/main.txt", "five")
	fifth := w.build()
	require.Zero(t, fifth.exitCode, fifth.log)
	require.Contains(t, fifth.log, "cache mounts: 1 restored")
	require.Contains(t, fifth.log, "pays: four")
	require.Regexp(t, `layercache: cache mount /costs: left empty: it costs more than it saves: -\d\.\d s saved - \d\.\d s to restore it - \d\.\d s to save it in the last 3 builds that restored it \(medians\)`, fifth.log)
	require.Regexp(t, `layercache: cache mount /unread: left empty: no step read a file of it in the last 3 builds`, fifth.log)

	require.NotContains(t, fifth.log, "no longer stored")
	require.Equal(t, worth.Keep, fifth.Worth, "what mounts save counts although no step came from the cache")
	require.Regexp(t, `^cache mounts: 1 of the steps ran with restored mounts: \d\.\d s with empty ones`, fifth.Cost.Arithmetic[0])

	t.Run("a new command is tried with what was kept before", func(t *testing.T) {
		w.write("Dockerfile", strings.ReplaceAll(judged, `echo "costs:`, `echo "now costs:`))
		w.write("src/main.txt", "six")
		sixth := w.build()
		require.Contains(t, sixth.log, "cache mounts: 2 restored")
		require.Contains(t, sixth.log, "cache mount /costs: tried again because the step's command is new")
		require.Contains(t, sixth.log, "now costs: four")
		require.Regexp(t, `cache mount /unread: left empty: .*; it is no longer stored`, sixth.log)
	})
}

func TestCacheMountsInOtherPlaces(t *testing.T) {
	for _, c := range []struct {
		name string
		env  func(*machine) map[string]string
	}{
		{"a folder", func(w *machine) map[string]string {
			return map[string]string{"LAYERCACHE_MODE": "local", "LAYERCACHE_LOCAL_DIR": filepath.Join(w.tmp, "cache,dir")}
		}},
		{"a bucket", bucket},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			w.set(c.env)
			w.write("Dockerfile", mounted)
			w.write("src/main.txt", "one")
			cold := w.build()
			require.Zero(t, cold.exitCode, cold.log)
			require.Contains(t, cold.log, "cache mounts: 0 restored; ")
			require.NotContains(t, cold.log, "nothing new to save")
			unchanged := w.build()
			require.Zero(t, unchanged.exitCode, unchanged.log)
			require.NotContains(t, unchanged.log, "cache mounts:")
			require.Equal(t, worth.Keep, unchanged.Worth, "the record is kept there too: %s", unchanged.Reason)
			w.write("src/main.txt", "two")
			w.env["LAYERCACHE_BRANCH"] = "feature"
			changed := w.build()
			require.Zero(t, changed.exitCode, changed.log)
			require.Contains(t, changed.log, "cache mounts: 3 restored")
			require.Regexp(t, `own: one 1000:700`, changed.log)
			require.Empty(t, changed.Warnings)

			w.write("src/main.txt", "three")
			again := w.build()
			require.Regexp(t, `own: one\n.*two 1000:700`, again.log)
			w.write("src/main.txt", "four")
			w.env["LAYERCACHE_WRITE"] = "false"
			require.Contains(t, w.build().log, "cache mounts: 3 restored")
			w.env["LAYERCACHE_WRITE"] = "true"
			w.write("src/main.txt", "five")
			require.NotContains(t, w.build().log, "own: four", "a build that may not write keeps nothing")
		})
	}
}
