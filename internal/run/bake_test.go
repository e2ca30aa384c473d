package run

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/bake"
	"github.com/layercache/layercache/internal/report"
)

func TestTheVerdictOnAllTargets(t *testing.T) {
	for _, c := range []struct {
		name         string
		verdicts     []string
		want, reason string
	}{
		{"all agree", []string{"used", "used"}, "used", "2 of 2 targets took every step from their cache"},
		{"one ran a step", []string{"used", "partly-used"}, "partly-used", "1 of 2 targets took every step from their cache (partly used: b)"},
		{"none used a cache", []string{"cold", "import-failed"}, "import-failed", "0 of 2 targets took every step from their cache (import failed: b; cold: a)"},
		{"one has no cache yet", []string{"used", "cold", "used"}, "partly-used", "2 of 3 targets took every step from their cache (cold: b)"},
		{"the cache is off", []string{"off", "off"}, "off", "why"},
		{"a single target", []string{"cold"}, "cold", "why"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var targets []*report.Report
			for i, verdict := range c.verdicts {
				targets = append(targets, &report.Report{Target: string(rune('a' + i)), Verdict: verdict, VerdictReason: "why"})
			}
			name, reason := jointVerdict(targets)
			assert.Equal(t, c.want, name)
			assert.Equal(t, c.reason, reason)
		})
	}
}

func TestTheExportOfAllTargets(t *testing.T) {
	of := func(results ...string) string {
		var targets []*report.Report
		for _, result := range results {
			targets = append(targets, &report.Report{Exported: result})
		}
		return jointExport(targets)
	}
	assert.Equal(t, "failed", of("yes", "failed", "unchanged"))
	assert.Equal(t, "yes", of("unchanged", "yes"))
	assert.Equal(t, "unchanged", of("off", "unchanged"))
	assert.Equal(t, "off", of("off"))
}

func TestTargetsThatPushOneImage(t *testing.T) {
	push := func(name, tag string) bake.Target {
		targets, err := bake.ReadTargets([]byte(`{"target":{"` + name + `":{"context":".","dockerfile":"Dockerfile","tags":["` + tag + `"],"output":[{"type":"image","push":"true"}]}}}`))
		assert.NoError(t, err)
		return targets[0]
	}
	assert.NoError(t, refuseSameImages([]bake.Target{push("a", "shop/a"), push("b", "shop/b")}))
	err := refuseSameImages([]bake.Target{push("a", "docker.io/shop/a:latest"), push("b", "shop/a")})
	assert.ErrorContains(t, err, "the targets a and b both push shop/a", "two spellings of one name")
	local := push("b", "shop/a")
	local.Outputs = nil
	assert.NoError(t, refuseSameImages([]bake.Target{push("a", "shop/a"), local}), "it is not pushed")
}

func TestTheAdviceForABakeFileThatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		name string
		err  ReadError
		want string
	}{
		{"a local file has a mistake", ReadError{Status: 1}, "docker buildx bake could not read the targets (exit status 1). Its message above says why; " +
			"correct the bake file, --file or the names of targets"},
		{"a remote file may not have been fetched", ReadError{Status: 2, Remote: true}, "docker buildx bake could not read the targets (exit status 2). Its message above says why; " +
			"if the bake file could not be fetched, correct its address, or let the builder reach and read it; otherwise correct the bake file, --file or the names of targets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.EqualError(t, c.err, c.want)
			assert.Equal(t, c.err.Status, ExitCode(c.err))
		})
	}
}

func TestABakeFileThatLeadsOutOfTheSource(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "source")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(outer, "secret"), []byte("x"), 0o600))
	request := Request{Dir: dir}
	assert.NoError(t, refuseBakeLinks(request, bake.ParseArgs(nil)), "there is none")
	require.NoError(t, os.Symlink("../secret", filepath.Join(dir, "mine.hcl")))
	assert.NoError(t, refuseBakeLinks(request, bake.ParseArgs(nil)), "buildx does not read it")
	assert.ErrorContains(t, refuseBakeLinks(request, bake.ParseArgs([]string{"-f", "mine.hcl"})), "mine.hcl is a symlink")
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "docker-bake.hcl")))
	assert.ErrorContains(t, refuseBakeLinks(request, bake.ParseArgs(nil)), "docker-bake.hcl is a symlink", "a file that buildx finds by itself")
}

func TestABakeFileOfTheSourceIsNotEndless(t *testing.T) {
	dir := t.TempDir()
	request := Request{Dir: dir}
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".env"), 0o755), "a virtual environment of Python")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker-bake.hcl"), nil, 0o600))
	assert.NoError(t, refuseBakeLinks(request, bake.ParseArgs(nil)))
	assert.NoError(t, refuseBakeLinks(request, bake.ParseArgs([]string{"-f", "-", "-f", "/dev/stdin", "-f", "https://git.example/o/r.git"})))
	require.NoError(t, os.Truncate(filepath.Join(dir, "docker-bake.hcl"), 4<<20+1))
	assert.ErrorContains(t, refuseBakeLinks(request, bake.ParseArgs(nil)), "docker-bake.hcl is not a regular file of at most 4 MiB")
	require.NoError(t, os.Remove(filepath.Join(dir, "docker-bake.hcl")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	assert.NoError(t, refuseBakeLinks(request, bake.ParseArgs(nil)), "buildx does not read it")
	assert.ErrorContains(t, refuseBakeLinks(request, bake.ParseArgs([]string{"-f", "pipe"})), "pipe is not a regular file of at most 4 MiB")
}

func TestABakesMetadataThatWouldBeWrittenOutOfTheSource(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "source")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "inside"), 0o755))
	require.NoError(t, os.Symlink("..", filepath.Join(dir, "meta")))
	for file, refused := range map[string]bool{
		"inside/new.json": false, filepath.Join(outer, "meant.json"): false, "../meant.json": false, "meta/new.json": true, "meta/deeper/new.json": true,
	} {
		err := refuseBakeLinks(Request{Dir: dir}, bake.ParseArgs([]string{"--metadata-file", file}))
		if refused {
			assert.ErrorContains(t, err, "--metadata-file is \""+file+"\", a symlink that leads out", file)
		} else {
			assert.NoError(t, err, file)
		}
	}
}
