package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/localecr"
	"github.com/layercache/layercache/test/kit/programs"
)

func TestMain(m *testing.M) {
	programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx)
}

const dockerfile = `FROM public.ecr.aws/docker/library/busybox:1.37 AS build
WORKDIR /app
COPY deps.txt .
RUN cat deps.txt > installed
COPY src src
RUN cat installed src/* > program

FROM public.ecr.aws/docker/library/busybox:1.37
COPY --from=build --link /app/program /program
`

// mountsDockerfile is dockerfile with two cache mounts, used as the module and the build cache of Go are: the first step
// fills one, and the second reads it and adds a file to the other. Both are slow with an empty mount, because a
// mount that does not pay is not restored.
const mountsDockerfile = `FROM public.ecr.aws/docker/library/busybox:1.37 AS build
WORKDIR /app
COPY deps.txt .
RUN --mount=type=cache,target=/modules [ -e /modules/1 ] || sleep 1; cat deps.txt > /modules/$(cat deps.txt); cat deps.txt > installed
COPY src src
RUN --mount=type=cache,target=/modules --mount=type=cache,target=/objects \
    cat /modules/*; [ -e /objects/1-1 ] || sleep 1; cat src/main.txt > /objects/$(cat src/main.txt)-$(cat deps.txt); cat installed src/* > program

FROM public.ecr.aws/docker/library/busybox:1.37
COPY --from=build --link /app/program /program
`

type site struct {
	t        *testing.T
	registry *localecr.Server
	app, tmp string
	seen     int
}

func newSite(t *testing.T, dockerfile string) *site {
	server, err := localecr.Start(localecr.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	s := &site{t: t, registry: server, app: t.TempDir(), tmp: t.TempDir()}
	s.write("Dockerfile", dockerfile)
	s.write("deps.txt", "left-pad\n")
	s.write("src/main.txt", "hello\n")
	return s
}

func (s *site) write(path, content string) {
	full := filepath.Join(s.app, path)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(s.t, os.WriteFile(full, []byte(content), 0o644))
}

func (s *site) build(branch string, args ...string) []localecr.Entry {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	addr := s.registry.Addr()
	args = append(append([]string{"build", "--push", "--tag", addr + "/shop:" + branch}, args...), ".")
	cmd := exec.CommandContext(ctx, programs.Path(programs.Bundled), args...)
	cmd.Dir = s.app
	cmd.Env = []string{
		"TMPDIR=" + s.tmp, "HOME=" + s.tmp, "PATH=" + os.Getenv("PATH"),
		"LAYERCACHE_REPOSITORY=" + addr + "/cache", "LAYERCACHE_MIRRORS=public.ecr.aws=" + addr + "/ecr-public",
		"LAYERCACHE_BRANCH=" + branch, "LAYERCACHE_REPORT_DIR=" + filepath.Join(s.tmp, "report"),
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(s.t, cmd.Run(), "%s", &log)
	all := s.registry.Log()
	mine := all[s.seen:]
	s.seen = len(all)
	return mine
}

// TestRealBuildsSendTheRequestsOfTheModel runs a real build of every kind, without and with cache mounts. Each
// history has its own registry.
func TestRealBuildsSendTheRequestsOfTheModel(t *testing.T) {
	type build struct {
		branch string
		kind   kind
		// deps and src are the contents of the two files that change.
		deps, src string
	}
	histories := map[string][]build{
		"one branch": {
			{"main", kind{mainBranch, everything}, "1", "1"},
			{"main", kind{mainBranch, nothing}, "1", "1"},
			{"main", kind{mainBranch, source}, "1", "2"},
			{"main", kind{mainBranch, dependencies}, "2", "2"},
		},
		"branches of main": {
			{"main", kind{mainBranch, everything}, "1", "1"},
			{"fix", kind{first, source}, "1", "2"},
			{"fix", kind{later, nothing}, "1", "2"},
			{"fix", kind{later, source}, "1", "3"},
			{"fix", kind{later, dependencies}, "2", "3"},
			{"same", kind{first, nothing}, "1", "1"},
			{"upgrade", kind{first, dependencies}, "3", "1"},
		},
	}
	built := map[kind]bool{}
	for name, builds := range histories {
		for _, b := range builds {
			built[b.kind] = true
		}
		for variant, text := range map[string]string{"": dockerfile, " with cache mounts": mountsDockerfile} {
			t.Run(name+variant, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, text)
				for _, b := range builds {
					s.write("deps.txt", b.deps)
					s.write("src/main.txt", b.src)
					got, want := requestsOf(s.build(b.branch)), maps.Clone(perBuild[b.kind])
					if text == mountsDockerfile {
						want = withMounts()[b.kind]
					}
					if more := got[initiateUpload] - want[initiateUpload]; more >= -2 && more <= 2 {
						// Image, cache, record and mounts are written at the same time and share blobs. How many are
						// uploaded twice depends on who sees the upload of another.
						want.add(requests{initiateUpload: more, uploadPart: more, completeUpload: more})
					}
					got[getToken] = signIns
					assert.Equal(t, want, got, "%s: %s", b.kind.scope, b.kind.change)
				}
			})
		}
	}
	for _, k := range kinds {
		assert.True(t, built[k], "no history builds %s: %s", k.scope, k.change)
	}
}

func TestAnImageWithoutProvenanceIsOneManifest(t *testing.T) {
	t.Parallel()
	got := requestsOf(newSite(t, dockerfile).build("main", "--provenance=false"))
	assert.Equal(t, perBuild[kind{mainBranch, everything}][putImage]-2, got[putImage])
}
