//go:build linux

package hostile

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/cache"
)

// outsideText is the content of files on the machine that no build may read.
const outsideText = "this-text-is-outside-of-every-context-4711"

// outside are sources that try to read files outside of their folder. The build may fail, but must not read
// these files.
var outside = []struct {
	name string
	// given creates the source. secret is a file outside, with outsideText.
	given func(p *project, secret string)
	// exitCode is the exit status of the build. log is a part of its log.
	exitCode int
	log      string
}{
	{"COPY of a path above the context", func(p *project, _ string) {
		p.write("Dockerfile", "FROM "+base+"\nCOPY ../outside/secret ../../../outside/secret /\n")
	}, 1, "not found"},
	{"COPY of an absolute path", func(p *project, secret string) {
		p.write("Dockerfile", "FROM "+base+"\nCOPY "+secret+" /\n")
	}, 1, "not found"},
	{"ADD of a file URL", func(p *project, secret string) {
		p.write("Dockerfile", "FROM "+base+"\nADD file://"+secret+" /\n")
	}, 1, ""},
	{"COPY of symlinks to a file and a folder outside", func(p *project, secret string) {
		p.link(secret, "link")
		p.link("../outside", "folder")
		p.write("Dockerfile", "FROM "+base+"\nCOPY . /all\nRUN cat /all/link /all/folder/secret; true\n")
	}, 0, "No such file"},
	{"COPY through a symlink to a folder outside", func(p *project, _ string) {
		p.link("../outside", "folder")
		p.write("Dockerfile", "FROM "+base+"\nCOPY folder/secret /\n")
	}, 1, "not found"},
	{"a mount of a path above the context", func(p *project, _ string) {
		p.link("../outside", "folder")
		p.write("Dockerfile", "FROM "+base+"\nRUN --mount=type=bind,source=../outside,target=/a cat /a/secret\n")
	}, 1, ""},
	{"a mount of a secret that the build does not have", func(p *project, _ string) {
		p.write("Dockerfile", "FROM "+base+"\nRUN --mount=type=secret,id=AWS_SECRET_ACCESS_KEY,env=X,required=true echo $X\n")
	}, 1, "secret AWS_SECRET_ACCESS_KEY: not found"},
	{"a step without its sandbox", func(p *project, secret string) {
		p.write("Dockerfile", "FROM "+base+"\nRUN --security=insecure mount && cat "+secret+"\n")
	}, 1, "security.insecure is not allowed"},
	{"a step that searches for processes and files of the machine", func(p *project, secret string) {
		p.write("Dockerfile", "FROM "+base+"\nRUN cat "+secret+" /proc/*/environ /proc/*/root"+secret+" 2>&1 | tr '\\0' '\\n'; true\n")
	}, 0, "No such file"},
	{"a Dockerfile that is a symlink to a file outside", func(p *project, secret string) {
		require.NoError(p.t, os.Remove(filepath.Join(p.dir, "Dockerfile")))
		p.link(secret, "Dockerfile")
	}, 1, "Dockerfile is a symlink that leads out of"},
	{"a Dockerfile that is an endless device", func(p *project, _ string) {
		require.NoError(p.t, os.Remove(filepath.Join(p.dir, "Dockerfile")))
		p.link("/dev/zero", "Dockerfile")
	}, 1, "Dockerfile is a symlink that leads out of"},
	{"an ignore file that is a symlink to a file outside", func(p *project, secret string) {
		p.link(secret, ".dockerignore")
		p.write("Dockerfile", "FROM "+base+"\nCOPY . /all\nRUN cat /all/.dockerignore; true\n")
	}, 0, ""},
	{"an ignore file that is an endless device", func(p *project, _ string) { p.link("/dev/zero", ".dockerignore") }, 0, ""},
	{"a pipe, devices and a file of a terabyte that no step copies", func(p *project, _ string) {
		require.NoError(p.t, syscall.Mkfifo(filepath.Join(p.dir, "pipe"), 0o600))
		p.link("/dev/zero", "zero")
		p.link("/proc/self/environ", "environ")
		p.write("huge", "")
		require.NoError(p.t, os.Truncate(filepath.Join(p.dir, "huge"), 1<<40))
	}, 0, ""},
	{"a context that is a symlink to a folder outside", func(p *project, _ string) {
		p.link("../outside", "context")
		p.env["LAYERCACHE_CONTEXT"] = "context"
		p.write("Dockerfile", "FROM "+base+"\nCOPY secret /\n")
	}, 1, "leads out of the working directory"},
	{"a Dockerfile in a folder that is a symlink to a folder outside", func(p *project, _ string) {
		p.link("../outside", "docker")
		p.env["LAYERCACHE_DOCKERFILE"] = "docker/secret"
	}, 1, "leads out of the working directory"},
}

func TestASourceIsGivenNothingOfTheMachine(t *testing.T) {
	for _, source := range outside {
		t.Run(source.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			secret := filepath.Join(p.root, "outside", "secret")
			p.write("../outside/secret", outsideText+"\n")
			source.given(p, secret)
			got := p.image()
			assert.Equal(t, source.exitCode, got.exitCode, "%.3000s", got.log)
			assert.Contains(t, got.log, source.log)
			places := p.places(got)
			p.absent(places, append(p.aws.Secrets(), outsideText)...)
			p.harmless(got)
		})
	}
}

// reportFiles are the files that the helper writes.
var reportFiles = []string{"report.json", "report.md", "report.html", "junit.xml", "exports.env"}

// In the buildspecs, a shell reads exports.env after the helper has ended, even after a failure. CodeBuild
// reads junit.xml, and people and programs read the other files.
func TestAReportInTheSourceIsNotUsedAsTheBuildsReport(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		spoil   func(p *project)
	}{
		"invalid settings":               {"image", func(p *project) { p.env["LAYERCACHE_MODE"] = "none" }},
		"a context that leads outside":   {"image", func(p *project) { p.link("/", "context"); p.env["LAYERCACHE_CONTEXT"] = "context" }},
		"an index, which writes its own": {"index", func(p *project) { p.env["LAYERCACHE_PLATFORMS"] = "linux/amd64" }},
		"a cache with the name of the image": {"image", func(p *project) {
			p.env["LAYERCACHE_REPOSITORY"], p.env["LAYERCACHE_TAGS"] = imageHost+"/shop", "shop--linux-"+runtime.GOARCH+"--main"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			for _, name := range reportFiles {
				p.write("layercache-report/"+name, "touch pwned\n")
			}
			delete(p.env, "LAYERCACHE_REPORT_DIR")
			c.spoil(p)
			got := p.run(c.command)
			assert.Equal(t, 1, got.exitCode, got.log)
			for _, name := range reportFiles {
				if content, err := os.ReadFile(filepath.Join(p.dir, "layercache-report", name)); err == nil {
					assert.NotContains(t, string(content), "pwned", name)
				}
			}
		})
	}
}

// The project chooses where the helper writes its reports. The source must not redirect them.
func TestReportsAreNotWrittenThroughSymlinksOfTheSource(t *testing.T) {
	for name, c := range map[string]struct {
		plant    func(p *project)
		exitCode int
		log      string
	}{
		"the folder is a symlink":           {func(p *project) { p.link("../outside", "layercache-report") }, 1, "LAYERCACHE_REPORT_DIR"},
		"the folder is an absolute symlink": {func(p *project) { p.link(filepath.Join(p.root, "outside"), "layercache-report") }, 1, "LAYERCACHE_REPORT_DIR"},
		"a parent folder is a symlink": {func(p *project) {
			p.link("../outside", "out")
			p.env["LAYERCACHE_REPORT_DIR"] = "out/reports"
		}, 1, "LAYERCACHE_REPORT_DIR"},
		"the folder is a symlink to a missing folder": {func(p *project) { p.link("../outside/new", "layercache-report") }, 1, "LAYERCACHE_REPORT_DIR"},
		"the folder is a pipe": {func(p *project) {
			require.NoError(p.t, syscall.Mkfifo(filepath.Join(p.dir, "layercache-report"), 0o600))
		}, 0, "set LAYERCACHE_REPORT_DIR to a writable folder"},
		"the files are symlinks": {func(p *project) {
			for _, name := range reportFiles {
				p.write("layercache-report/x", "")
				p.link("../../outside/kept", "layercache-report/"+name)
			}
		}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			p.write("../outside/kept", "kept")
			p.write("../outside/reports/kept", "kept")
			p.env["LAYERCACHE_REPORT_DIR"] = "layercache-report"
			c.plant(p)
			got := p.image()
			assert.Equal(t, c.exitCode, got.exitCode, got.log)
			assert.Contains(t, got.log, c.log)
			var found []string
			require.NoError(t, filepath.WalkDir(filepath.Join(p.root, "outside"), func(path string, entry fs.DirEntry, err error) error {
				if err == nil && !entry.IsDir() {
					content, err := os.ReadFile(path)
					require.NoError(t, err)
					found = append(found, entry.Name()+": "+string(content))
				}
				return err
			}))
			assert.Equal(t, []string{"kept: kept", "kept: kept"}, found, "the helper must neither write nor remove files there")
		})
	}
}

// BuildKit's client writes the files of a local cache outside every step, and follows symlinks.
func TestALocalCacheIsNotWrittenThroughSymlinksOfTheSource(t *testing.T) {
	local := func(t *testing.T) *project {
		p := newProject(t)
		p.write("../outside/kept", "kept")
		p.env["LAYERCACHE_MODE"], p.env["LAYERCACHE_LOCAL_DIR"] = "local", filepath.Join(p.dir, "cache")
		delete(p.env, "LAYERCACHE_REPOSITORY")
		return p
	}
	p := local(t)
	got := p.image()
	require.Zero(t, got.exitCode, got.log)
	entries, err := os.ReadDir(filepath.Join(p.dir, "cache"))
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.Name() == cache.RecordFile {
			continue // layercache replaces a symlink there.
		}
		for _, target := range []string{"../../outside/new", "../../outside/kept", "../../outside"} {
			t.Run(entry.Name()+" is a symlink to "+filepath.Base(target), func(t *testing.T) {
				t.Parallel()
				p := local(t)
				p.write("cache/.keep", "")
				p.link(target, "cache/"+entry.Name())
				got := p.image()
				assert.Equal(t, 1, got.exitCode, got.log)
				assert.Contains(t, got.log, "cache/"+entry.Name()+" is not a regular file or folder")
				left, err := os.ReadDir(filepath.Join(p.root, "outside"))
				require.NoError(t, err)
				assert.Len(t, left, 1, "nothing is created")
				content, err := os.ReadFile(filepath.Join(p.root, "outside", "kept"))
				require.NoError(t, err)
				assert.Equal(t, "kept", string(content))
			})
		}
	}
}

// link creates a symlink in the source.
func (p *project) link(target, name string) {
	p.t.Helper()
	require.NoError(p.t, os.Symlink(target, filepath.Join(p.dir, name)))
}
