package report

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func number(value float64) *float64 { return &value }

// full returns a report with every field set.
func full() *Report {
	return &Report{
		Verdict: "partly-used", VerdictReason: "1 of 2 steps had to run", Exported: "yes", HitRatio: number(0.5),
		Steps: []Step{
			{Stage: "build", Platform: "linux/amd64", Index: 1, Total: 3, Instruction: "FROM golang", Start: 0.6, Seconds: 1},
			{Stage: "build", Platform: "linux/amd64", Index: 2, Total: 3, Instruction: "RUN go mod download", Cached: true, SavedSeconds: number(12)},
			{Stage: "build", Platform: "linux/amd64", Index: 3, Total: 3, Instruction: "RUN <<EOF\ngo build\nEOF", Start: 2, Seconds: 3.5},
		},
		Policy:   &Policy{Choice: "all", Trial: true, Reason: "it is tried again after 25 builds with no cache"},
		HitsFrom: "cache", StartedAt: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		Misses: []Miss{{Step: 2, Cause: "its text changed", Advice: "move it last"}},
		Activities: []Activity{
			{Kind: Pull, Label: "golang", Start: 0.7, Seconds: 0.9, Bytes: 1 << 20}, {Kind: Restore, Label: "/go/pkg/mod", Start: 2.1, Seconds: 1.1, Bytes: 61_000_000},
		},
		Mounts: []Mount{
			{ID: "/go/pkg/mod", Restored: true, From: "h/c:a", Files: 8248, Bytes: 167_000_000, DownloadedBytes: 61_000_000, RestoreSeconds: 1.1,
				ReadFiles: new(8000), ReadBytes: new(int64(166_000_000)), Saved: true, UploadedBytes: 3_000_000, StoredBytes: new(int64(64_000_000)), EvictedBytes: 5_000_000, SaveSeconds: 0.4},
			{ID: "pip", Decision: "left empty: it costs 3 s and saves 1 s", NotSaved: "what is stored was not read, and is kept"},
			{ID: "npm", NotSaved: "what is stored was not read, and is kept", Problem: "not restored: 403 Forbidden"},
		},
		MountsNotKept: "only the native builder can keep them; their files stay on the builder docker for as long as it exists",
		Caches:        []Cache{{Ref: "h/c:a", Found: "cache"}, {Ref: "h/c:b", Found: "unknown", Problem: "connection refused"}},
		CriticalPath:  &CriticalPath{Without: 17, With: 3.5},
		Seconds:       Seconds{Total: 10, Setup: 0.5, Login: 0.25, Import: 1, Build: 5.75, Push: 1.15, Export: 1, MountSave: 0.25, Finish: 0.1},
		SavedSeconds:  number(12), OverheadSeconds: 2, ThrottledSeconds: 1,
		Worth: "keep", Reason: "100 builds like this one save 20.0 minutes (0.90 USD)", Cost: Cost{
			SavedUSD: number(0.01), StorageUSDPerMonth: number(0.1), CacheBytes: new(int64(1 << 30)), NetUSDPer100Builds: number(0.9),
			Arithmetic: []string{"12 s saved"},
		},
		Builder: "native", BuilderReason: "the fastest", Frontend: "docker.io/docker/dockerfile:1", Refs: Refs{Imports: []string{"h/c:a", "h/c:b"}, Export: "h/c:a"},
		Image: "sha256:" + strings.Repeat("0a", 32), Warnings: []string{"slow"}, ExitCode: 0,
		Failure: &Failure{Kind: FailureStep, Reason: "[2/2] RUN make failed with exit code 2"},
		Help:    &Help{Advice: "build again", Address: "https://layercache.example/troubleshooting.md#registry-failed"},
	}
}

// minimal returns the report of a build without a cache, with as few fields as possible.
func minimal() *Report {
	return &Report{
		Verdict: "off", VerdictReason: "no cache is configured", Exported: "off", Steps: []Step{}, Worth: "unknown",
		Builder: "docker", Refs: Refs{Imports: []string{}}, Warnings: []string{}, ExitCode: 1,
	}
}

// The kept reports are checked against the schema in test/helper/report.
func TestAWrittenReportIsAsKeptAndReadsTheSame(t *testing.T) {
	for name, report := range map[string]*Report{"full": full(), "minimal": minimal()} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "made", "if need be")
			require.NoError(t, report.Write(dir))
			content, err := os.ReadFile(filepath.Join(dir, File))
			require.NoError(t, err)
			kept := filepath.Join("testdata", name+".json")
			if os.Getenv(update) != "" {
				require.NoError(t, os.WriteFile(kept, content, 0o644))
			}
			want, err := os.ReadFile(kept)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(content), "run this test with %s=true when the change is meant", update)
			got, err := Read(kept)
			require.NoError(t, err)
			assert.Equal(t, report, got)
		})
	}
}

// Every field that a report can hold is in the contract.
func TestTheSchemaKnowsEveryField(t *testing.T) {
	var schema struct{ Properties map[string]json.RawMessage }
	require.NoError(t, json.Unmarshal(Schema, &schema))
	all := full()
	all.Target, all.Targets = "api", []*Report{full()}
	content, err := json.Marshal(all)
	require.NoError(t, err)
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(content, &fields))
	for field := range fields {
		assert.Contains(t, schema.Properties, field)
	}
	assert.Len(t, fields, len(schema.Properties))
}

// The buildspecs source the file.
func TestTheExportsHoldNothingThatAShellWouldRun(t *testing.T) {
	line := regexp.MustCompile(`\ALAYERCACHE_[A-Z_]+=[A-Za-z0-9._:-]+\z`)
	cases := []struct{ name, digest, want string }{
		{"a digest", "sha256:" + strings.Repeat("0a", 32), "sha256:" + strings.Repeat("0a", 32)},
		{"no digest", "", "unknown"},
		{"a command", "$(reboot)", "unknown"},
		{"a command after a digest", "sha256:" + strings.Repeat("0a", 32) + ";reboot", "unknown"},
		{"a second line", "sha256:" + strings.Repeat("0a", 32) + "\nPATH=/evil", "unknown"},
		{"a line break", "sha256:" + strings.Repeat("0a", 32) + "\n", "unknown"},
		{"a digest in capitals", "sha256:" + strings.Repeat("0A", 32), "unknown"},
		{"a digest that is too short", "sha256:0a", "unknown"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := full()
			r.Image = c.digest
			dir := t.TempDir()
			require.NoError(t, r.Write(dir))
			content, err := os.ReadFile(filepath.Join(dir, "exports.env"))
			require.NoError(t, err)
			lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
			for _, got := range lines {
				assert.Regexp(t, line, got)
			}
			assert.Equal(t, []string{
				"LAYERCACHE_VERDICT=partly-used", "LAYERCACHE_HIT_RATIO=0.50", "LAYERCACHE_EXPORTED=yes", "LAYERCACHE_SECONDS=10.0",
				"LAYERCACHE_SAVED_SECONDS=12.0", "LAYERCACHE_WORTH=keep", "LAYERCACHE_IMAGE_DIGEST=" + c.want,
			}, lines)
		})
	}
}

func TestExportsWithoutAValidValueAreUnknown(t *testing.T) {
	r := minimal()
	r.Verdict, r.Exported, r.Worth = "$(reboot)", "a b", "keep;reboot"
	assert.Equal(t, "LAYERCACHE_VERDICT=unknown\nLAYERCACHE_HIT_RATIO=unknown\nLAYERCACHE_EXPORTED=unknown\nLAYERCACHE_SECONDS=0.0\n"+
		"LAYERCACHE_SAVED_SECONDS=unknown\nLAYERCACHE_WORTH=unknown\nLAYERCACHE_IMAGE_DIGEST=unknown\n", string(r.exports()))
}

func TestTheErrorOfAnUnwritableFolderNamesTheVariable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	err := full().Write(filepath.Join(file, "below"))
	require.ErrorContains(t, err, "set LAYERCACHE_REPORT_DIR to a writable folder")
}

func TestAFileThatCannotBeWrittenDoesNotPreventTheOthers(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "report.md", "in the way"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, File), []byte("of an earlier build"), 0o600))
	require.ErrorContains(t, full().Write(dir), "report.md")
	var names []string
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	assert.Equal(t, []string{"exports.env", "junit.xml", "report.html", "report.json", "report.md"}, names, "no temporary file remains")
	_, err = Read(filepath.Join(dir, File))
	require.NoError(t, err, "the earlier report is replaced")
}

func TestClearRemovesReportsAndNothingElse(t *testing.T) {
	root := t.TempDir()
	outside := filepath.Join(root, "outside")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "source", "reports", "page"), 0o755))
	require.NoError(t, os.WriteFile(outside, []byte("kept"), 0o600))
	t.Chdir(filepath.Join(root, "source"))
	for _, name := range []string{"reports/report.md", "reports/junit.xml", "reports/page/index.html", "reports/notes.txt", "file"} {
		require.NoError(t, os.WriteFile(name, nil, 0o600))
	}
	require.NoError(t, os.Symlink(outside, "reports/report.json"))
	require.NoError(t, syscall.Mkfifo("reports/exports.env", 0o600))
	require.NoError(t, os.Symlink(root, "link"))

	require.NoError(t, Clear("reports"))
	var names []string
	entries, err := os.ReadDir("reports")
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	assert.Equal(t, []string{"notes.txt", "page"}, names, "folders and other files remain")
	content, err := os.ReadFile(outside)
	require.NoError(t, err)
	assert.Equal(t, "kept", string(content))

	require.NoError(t, os.Mkdir("reports/junit.xml", 0o755))
	assert.EqualError(t, Clear("reports"), "reports/junit.xml is a folder, where the report goes: remove it")

	assert.NoError(t, Clear("none"), "the folder does not exist")
	assert.NoError(t, Clear("file/reports"), "the path leads through a file")
	assert.ErrorContains(t, Clear("link"), "LAYERCACHE_REPORT_DIR")
	assert.ErrorContains(t, full().Write("link"), "LAYERCACHE_REPORT_DIR")
	assert.NoFileExists(t, filepath.Join(root, File))
}

func TestAReportIsNotWrittenThroughALink(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("kept"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, File)))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "junit.xml"), 0o600))
	require.NoError(t, full().Write(dir))
	for _, name := range []string{File, "junit.xml"} {
		info, err := os.Lstat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.True(t, info.Mode().IsRegular(), name)
	}
	content, err := os.ReadFile(outside)
	require.NoError(t, err)
	assert.Equal(t, "kept", string(content))
}

func TestANumberThatJSONCannotHoldPreventsOnlyTheFilesWithJSON(t *testing.T) {
	r := full()
	r.OverheadSeconds = math.Inf(1)
	dir := t.TempDir()
	require.ErrorContains(t, r.Write(dir), "report.json")
	for _, name := range []string{"report.md", "junit.xml", "exports.env"} {
		assert.FileExists(t, filepath.Join(dir, name))
	}
}

func TestTheErrorOfAnUnreadableReportNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	_, err := Read(path)
	require.ErrorContains(t, err, path)
	cases := []struct{ name, content, message string }{
		{"broken JSON", "{", "not a report.json"},
		{"other JSON", `{"name": "x"}`, `has no "verdict"`},
		{"a list", `[1]`, "not a report.json"},
		{"a file of any size", strings.Repeat(" ", maxReport+1), "has more than 64 MiB"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, []byte(c.content), 0o600))
			_, err = Read(path)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, c.message)
		})
	}
}

func TestFieldsOfANewerReportAreIgnored(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	require.NoError(t, os.WriteFile(path, []byte(`{"verdict": "used", "moon": {"phase": "full"}}`), 0o600))
	r, err := Read(path)
	require.NoError(t, err)
	assert.Equal(t, "used", r.Verdict)
}
