package flags

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/localecr"
	"github.com/layercache/layercache/test/kit/programs"
)

const (
	timeout = 2 * time.Minute
	// base is pulled through a mirror; without a network, the registry serves a stand-in for it.
	base = "public.ecr.aws/docker/library/busybox:1.37"
	// registryName stands for the registry's address in arguments and results.
	registryName = "REGISTRY"
)

// sourceDate is the time of all files of a source, so both ways build the same layers.
var sourceDate = time.Unix(1_700_000_000, 0)

// machine is one of the two ways, with a registry, a source and a home folder of its own.
type machine struct {
	t        *testing.T
	registry *localecr.Server
	app, tmp string
	env      []string
}

func newMachine(t *testing.T, r row, buildx string) *machine {
	t.Helper()
	server, err := localecr.Start(localecr.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	m := &machine{t: t, registry: server, app: t.TempDir(), tmp: t.TempDir()}
	m.env = append([]string{
		"TMPDIR=" + m.tmp, "HOME=" + m.tmp, "PATH=" + os.Getenv("PATH"), "SOURCE_DATE_EPOCH=1700000000", "BUILDX_NO_DEFAULT_ATTESTATIONS=1",
		"BUILDX_CONFIG=" + filepath.Join(m.tmp, "builders"),
	}, r.env...)
	if buildx == programs.CodeBuildBuildx {
		require.NoError(t, programs.UseCodeBuildBuildx(filepath.Join(m.tmp, ".docker")))
	}
	files := maps.Clone(source)
	maps.Copy(files, r.files)
	for path, content := range files {
		if content == "" {
			continue // A row that replaces a file of the source.
		}
		full := filepath.Join(m.app, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(content), 0o644))
		require.NoError(t, os.Chtimes(full, sourceDate, sourceDate))
	}
	if r.prepare != nil {
		r.prepare(m)
	}
	return m
}

// result is what a call leaves behind, with registryName for the registry's address.
type result struct {
	Status int
	Stdout string
	// Files are the files of the working folder by path: the content, or the names and contents in a tar.
	Files map[string]string
	// Image is the digest of the pushed image.
	Image string
	// stderr is not compared.
	stderr string
}

// call runs a program in the source's folder.
func (m *machine) call(r row, program string, args ...string) result {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), timeout)
	defer cancel()
	for _, arg := range r.args {
		args = append(args, strings.ReplaceAll(arg, registryName, m.registry.Addr()))
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = m.app, m.env, strings.NewReader(r.stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	require.NoError(m.t, ctx.Err(), stderr.String())
	got := result{Status: cmd.ProcessState.ExitCode(), Stdout: m.neutral(stdout.Bytes()), Image: m.pushed(), stderr: stderr.String()}
	got.Files = m.files(r)
	return got
}

// neutral replaces what is different each time.
func (m *machine) neutral(content []byte) string {
	return strings.ReplaceAll(string(content), m.registry.Addr(), registryName)
}

// pushed returns the digest of the image in the registry, or "".
func (m *machine) pushed() string {
	ref, err := name.ParseReference(m.registry.Addr() + "/shop:1")
	require.NoError(m.t, err)
	descriptor, err := remote.Get(ref)
	if err != nil {
		return ""
	}
	return descriptor.Digest.String()
}

var digests = regexp.MustCompile(`[0-9a-f]{64}`)

func (m *machine) files(r row) map[string]string {
	m.t.Helper()
	found := map[string]string{}
	require.NoError(m.t, filepath.WalkDir(m.app, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(m.app, path)
		require.NoError(m.t, err)
		content, err := os.ReadFile(path)
		require.NoError(m.t, err)
		switch {
		case r.onlyNames:
			found[digests.ReplaceAllString(relative, "DIGEST")] = "not compared"
		case filepath.Ext(path) == ".tar":
			found[relative] = m.neutral([]byte(listTar(m.t, content)))
		case filepath.Base(path) == "metadata.json":
			found[relative] = m.neutral([]byte(withoutRandom(m.t, content)))
		default:
			found[relative] = m.neutral(content)
		}
		return nil
	}))
	return found
}

// listTar returns the names and the contents in a tar.
func listTar(t *testing.T, content []byte) string {
	t.Helper()
	var entries []string
	reader := tar.NewReader(bytes.NewReader(content))
	for {
		header, err := reader.Next()
		if err == io.EOF {
			slices.Sort(entries)
			return strings.Join(entries, "\n")
		}
		require.NoError(t, err)
		content, err := io.ReadAll(reader)
		require.NoError(t, err)
		entries = append(entries, header.Name+": "+string(content))
	}
}

// withoutRandom removes the name of the build, and the times and the builder in provenance, from a metadata file.
func withoutRandom(t *testing.T, content []byte) string {
	t.Helper()
	var metadata map[string]any
	require.NoError(t, json.Unmarshal(content, &metadata))
	delete(metadata, "cache.manifest") // The cache is what the helper adds.
	for key := range metadata {
		if key == "buildx.build.ref" || strings.HasPrefix(key, "buildx.build.provenance") {
			metadata[key] = "not compared"
		}
	}
	neutral, err := json.MarshalIndent(metadata, "", " ")
	require.NoError(t, err)
	return string(neutral)
}

// plainly calls buildx on the plain builder.
func (m *machine) plainly(r row, buildx string) result {
	m.t.Helper()
	m.createBuilder()
	return m.call(r, programs.Path(buildx), append([]string{"build"}, builderFlag(r)...)...)
}

// createBuilder registers the plain builder in the home folder, as "plain".
func (m *machine) createBuilder() {
	m.t.Helper()
	cmd := exec.Command(programs.Path(programs.Buildx), "create", "--name", "plain", "--driver", "remote", plainAddress)
	cmd.Env = m.env
	output, err := cmd.CombinedOutput()
	require.NoError(m.t, err, string(output))
}

// builderFlag returns the flag for the plain builder, unless the row has it.
func builderFlag(r row) []string {
	if r.flag == "builder" {
		return nil
	}
	return []string{"--builder", "plain"}
}

// cached calls `layercache build` with a cache.
func (m *machine) cached(r row) result {
	m.t.Helper()
	if r.flag == "builder" {
		m.createBuilder()
	}
	// The form of the image is a setting of layercache, with a default other than that of buildx.
	m.env = append(m.env, "LAYERCACHE_ATTESTATIONS=oci-artifact", "LAYERCACHE_REWRITE_TIMESTAMP=false")
	m.env = append(m.env, "LAYERCACHE_REPOSITORY="+m.registry.Addr()+"/cache", "LAYERCACHE_MIRRORS=public.ecr.aws="+m.registry.Addr()+"/ecr-public",
		"LAYERCACHE_BRANCH=main", "LAYERCACHE_CACHE_TIMEOUT=60s", "LAYERCACHE_REPORT_DIR="+filepath.Join(m.tmp, "report"))
	return m.call(r, programs.Path(programs.Bundled), "build")
}

// helpFlag matches a flag in the help of buildx.
var helpFlag = regexp.MustCompile(`(?m)^\s+(?:-\w, )?--([a-z-]+)`)

// flagsOf returns the flags of a buildx, from its help.
func flagsOf(t *testing.T, buildx string) []string {
	t.Helper()
	help, err := exec.Command(programs.Path(buildx), "build", "--help").CombinedOutput()
	require.NoError(t, err, string(help))
	var names []string
	for _, match := range helpFlag.FindAllStringSubmatch(string(help), -1) {
		names = append(names, match[1])
	}
	require.Greater(t, len(names), 30, "the help is read")
	return names
}
