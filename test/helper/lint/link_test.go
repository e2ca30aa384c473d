// Package lint builds random Dockerfiles on random base images with a real BuildKit, before and after
// `layercache lint --fix`: the images must have the same files.
package lint

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/lint"
	"github.com/layercache/layercache/internal/lint/bases"
	"github.com/layercache/layercache/test/kit/buildkitd"
	"github.com/layercache/layercache/test/kit/localecr"
	"github.com/layercache/layercache/test/kit/programs"
)

var (
	count = flag.Int("dockerfiles", 40, "number of random Dockerfiles")
	first = flag.Uint64("seed", 1, "seed of the first Dockerfile")
)

func TestMain(m *testing.M) { programs.Main(m, programs.Buildkitd, programs.Buildctl) }

func TestFixDoesNotChangeTheFilesOfAnImage(t *testing.T) {
	b := newBuilder(t)
	fixed, flags, failed := 0, 0, 0
	for seed := *first; seed < *first+uint64(*count); seed++ {
		random := rand.New(rand.NewPCG(seed, 14))
		base := b.push(fmt.Sprintf("base:%d", seed), randomBase(t, random))
		before := randomDockerfile(random, base)
		dir := b.context(before)
		known, err := lint.ReadContext(dir, filepath.Join(dir, "Dockerfile"))
		require.NoError(t, err)
		after, done, err := lint.Fix([]byte(before), lint.Options{Context: known, Bases: bases.New(t.Context(), bases.Options{
			Keychain: func(context.Context, []string) (authn.Keychain, error) { return authn.DefaultKeychain, nil },
			Progress: func(text string) {
				if strings.Contains(text, "cannot be read") && !strings.Contains(text, "is not a folder") {
					t.Errorf("seed %d: %s", seed, text)
				}
			},
		})})
		require.NoError(t, err)
		if len(done) == 0 {
			continue
		}
		want, err := b.build(dir, before)
		if err != nil {
			failed++ // There is no image that the fix could change.
			continue
		}
		fixed++
		flags += len(done)
		got, err := b.build(dir, string(after))
		require.NoError(t, err, "seed %d: the fixed Dockerfile does not build\n%s", seed, after)
		if !assert.Equal(t, b.files(want), b.files(got), "seed %d\n%s", seed, after) {
			return
		}
	}
	t.Logf("%d Dockerfiles, %d fixed with %d flags and built both ways; %d do not build", *count, fixed, flags, failed)
	assert.Greater(t, fixed, *count/5, "the test needs Dockerfiles with something to fix")
}

// randomBase returns an image of two or three layers with folders of several modes and owners, symlinks,
// files and whiteouts.
func randomBase(t *testing.T, random *rand.Rand) v1.Image {
	image := v1.Image(empty.Image)
	links := map[string]bool{} // No layer has a file below a symlink, as none that a builder makes has.
	for range 2 + random.IntN(2) {
		layer, err := tarball.LayerFromOpener(func(content []byte) tarball.Opener {
			return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
		}(randomLayer(t, random, links)))
		require.NoError(t, err)
		image, err = mutate.AppendLayers(image, layer)
		require.NoError(t, err)
	}
	config := v1.Config{WorkingDir: pick(random, "", "/", "/app", "/usr/lib/app")}
	if random.IntN(4) == 0 {
		config.User = pick(random, "1000", "1000:1000", "0")
	}
	file, err := image.ConfigFile()
	require.NoError(t, err)
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", "amd64", config
	image, err = mutate.ConfigFile(image, file)
	require.NoError(t, err)
	return image
}

// layout lists the folders that layers, destinations and symlinks choose from.
var layout = []string{"/app", "/app/lib", "/etc", "/etc/app", "/usr", "/usr/bin", "/usr/lib", "/usr/lib/app", "/root", "/tmp", "/bin", "/lib"}

func randomLayer(t *testing.T, random *rand.Rand, links map[string]bool) []byte {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	write := func(header tar.Header, data string) {
		header.Size = int64(len(data))
		header.Format = tar.FormatPAX
		require.NoError(t, w.WriteHeader(&header))
		_, err := io.WriteString(w, data)
		require.NoError(t, err)
	}
	if random.IntN(3) == 0 {
		write(tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: int64(pick(random, 0o755, 0o555))}, "")
	}
	for _, folder := range layout {
		name := folder[1:]
		if random.IntN(5) == 0 || below(links, folder) {
			continue
		}
		switch random.IntN(12) {
		case 0:
			write(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: int64(pick(random, 0o700, 0o1777, 0o2755, 0o775))}, "")
		case 1:
			owner := pick(random, 1000, 33)
			write(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, Uid: owner, Gid: owner}, "")
		case 2, 4, 5:
			links[folder] = true
			write(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: pick(random, "usr", "/usr/lib", "/etc", "nowhere")}, "")
		case 3:
			parent := filepath.Dir(folder)
			if parent != "/" {
				write(tar.Header{Typeflag: tar.TypeReg, Name: filepath.Join(parent[1:], ".wh."+filepath.Base(folder)), Mode: 0o644}, "")
			}
		default:
			write(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}, "")
			if random.IntN(8) == 0 {
				write(tar.Header{Typeflag: tar.TypeReg, Name: name + "/.wh..wh..opq", Mode: 0o644}, "")
			}
			if random.IntN(3) == 0 {
				write(tar.Header{Typeflag: tar.TypeReg, Name: name + "/" + pick(random, "a", "b", "x"), Mode: 0o644}, "base")
			}
		}
	}
	require.NoError(t, w.Close())
	return content.Bytes()
}

func below(links map[string]bool, folder string) bool {
	for ; folder != "/"; folder = filepath.Dir(folder) {
		if links[folder] {
			return true
		}
	}
	return false
}

// randomDockerfile returns a Dockerfile of a few steps on a base image, below a stage that has files to copy.
func randomDockerfile(random *rand.Rand, base string) string {
	lines := []string{"FROM scratch AS source", "COPY . /out/", "FROM " + base}
	if random.IntN(6) == 0 {
		lines[2] = "FROM scratch"
	}
	for range 1 + random.IntN(6) {
		switch random.IntN(8) {
		case 0:
			lines = append(lines, "WORKDIR "+pick(random, append([]string{"sub", "/new/app"}, layout...)...))
		case 1:
			lines = append(lines, "USER "+pick(random, "0", "1000", "1000:1000"))
		case 2:
			lines = append(lines, "FROM "+base+" AS next"+fmt.Sprint(len(lines)))
		default:
			lines = append(lines, randomCopy(random))
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func randomCopy(random *rand.Rand) string {
	destination := pick(random, append([]string{"/new", "/new/app", ".", "sub", "/"}, layout...)...) + pick(random, "", "/", "/a", "/b/", "/c/d/", "/")
	line := "COPY " + pick(random, "", "", "", "--chown=0:0 ", "--chown=1000:1000 ", "--exclude=a ")
	switch random.IntN(6) {
	case 0:
		return line + "--from=source " + pick(random, "/out/a", "/out/dir", "/out/b") + " " + destination
	case 1:
		return line + "a b " + strings.TrimSuffix(destination, "/") + "/"
	case 2:
		return line + pick(random, "z*", "a*", "link", "dir/*") + " " + strings.TrimSuffix(destination, "/") + "/"
	case 3:
		return line + "<<x " + destination + "\nhere\nx"
	}
	return line + pick(random, "a", "b", "dir", ".", "dir/lib", "link") + " " + destination
}

func pick[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

// builder is a buildkitd with a registry.
type builder struct {
	t        *testing.T
	registry *localecr.Server
	address  string
	images   int
}

func newBuilder(t *testing.T) *builder {
	server, err := localecr.Start(localecr.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return &builder{t: t, registry: server, address: buildkitd.Start(t, "")}
}

// push pushes an image to the registry and returns its name.
func (b *builder) push(tag string, image v1.Image) string {
	b.t.Helper()
	ref, err := name.ParseReference(b.registry.Addr() + "/" + tag)
	require.NoError(b.t, err)
	require.NoError(b.t, remote.Write(ref, image))
	return ref.String()
}

// context returns a new build context with the Dockerfile.
func (b *builder) context(dockerfile string) string {
	b.t.Helper()
	dir := b.t.TempDir()
	for path, content := range map[string]string{
		"a": "A", "b": "B", "dir/a": "DA", "dir/x": "DX", "dir/lib/y": "DY", "app/lib/z": "Z", ".dockerignore": "Dockerfile*\n.dockerignore\n", "Dockerfile": dockerfile,
	} {
		require.NoError(b.t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755))
		require.NoError(b.t, os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644))
	}
	require.NoError(b.t, os.Chmod(filepath.Join(dir, "dir"), 0o750))
	require.NoError(b.t, os.Chmod(filepath.Join(dir, "dir/lib"), 0o775))
	require.NoError(b.t, os.Symlink("dir", filepath.Join(dir, "link")))
	return dir
}

// build builds a Dockerfile and returns the name of the image. The error says that BuildKit cannot build it.
func (b *builder) build(dir, dockerfile string) (string, error) {
	b.t.Helper()
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644))
	b.images++
	image := fmt.Sprintf("%s/built:%d", b.registry.Addr(), b.images)
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, programs.Path(programs.Buildctl), "--addr", b.address, "build", "--progress", "plain", "--frontend", "dockerfile.v0",
		"--opt", "platform=linux/amd64", "--local", "context="+dir, "--local", "dockerfile="+dir, "--output", "type=image,push=true,name="+image)
	out, err := cmd.CombinedOutput()
	require.NoError(b.t, ctx.Err())
	if err != nil {
		return "", errors.New(string(out))
	}
	return image, nil
}

// files returns the files of an image: everything but modification times, a line for each.
func (b *builder) files(image string) []string {
	b.t.Helper()
	ref, err := name.ParseReference(image)
	require.NoError(b.t, err)
	pulled, err := remote.Image(ref)
	require.NoError(b.t, err)
	content := mutate.Extract(pulled)
	defer content.Close()
	files := map[string]string{}
	reader := tar.NewReader(content)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(b.t, err)
		hash := sha256.New()
		_, err = io.Copy(hash, reader)
		require.NoError(b.t, err)
		path := filepath.Clean("/" + header.Name)
		files[path] = fmt.Sprintf("%s %c %04o %d:%d %q %x %v", path, header.Typeflag, header.Mode, header.Uid, header.Gid, header.Linkname, hash.Sum(nil)[:4], attributes(header))
	}
	return slices.Sorted(maps.Values(files))
}

func attributes(header *tar.Header) map[string]string {
	all := maps.Clone(header.PAXRecords)
	maps.DeleteFunc(all, func(key, _ string) bool { return !strings.HasPrefix(key, "SCHILY.xattr.") })
	return all
}
