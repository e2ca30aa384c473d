package docker

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

// large writes a Dockerfile for an image with a layer of that many MB, which cannot be compressed, beside the usual one.
func (m *machine) large(megabytes int) {
	m.t.Helper()
	content := make([]byte, megabytes<<20)
	_, err := rand.Read(content)
	require.NoError(m.t, err)
	m.write("large", string(content))
	m.write("Dockerfile.large", "FROM scratch\nCOPY large /large\n")
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	m.env["LAYERCACHE_MODE"] = "off" // Layers that a cache has are not kept here.
}

// full builds an image that does not fit on the disk, with the command line in BUILD.
const full = `
mount -t tmpfs -o size=24m tmpfs "$FOLDER" && export TMPDIR="$FOLDER" || exit 99
docker build -q -t "$IMAGE:small" . > small || exit 98
sh -c "$BUILD"; echo "build $?"
docker images --format '{{.Repository}}:{{.Tag}}'
docker push -q "$IMAGE:large"; echo "push $?"
docker push -q "$IMAGE:small"; echo "push $?"
du -sm "$FOLDER"/layercache-docker-* | cut -f1
`

func TestAFullDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, build string }{
		{"build", `docker build -t "$IMAGE:large" -f Dockerfile.large .`},
		{"bake", `docker buildx bake`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			m.large(32)
			image := m.registry.Addr() + "/team/shop"
			m.env["IMAGE"], m.env["FOLDER"], m.env["BUILD"] = image, t.TempDir(), c.build
			m.write("docker-bake.hcl", `target "default" {
				dockerfile = "Dockerfile.large"
				tags = ["`+image+`:large"]
			}`)
			got := m.shell(full)
			require.Zero(t, got.code, got.stderr)
			assert.Equal(t, []string{"build 1", image + ":small", "push 1"}, strings.Split(got.stdout, "\n")[:3], got.stderr)
			assert.True(t, strings.HasSuffix(got.stdout, "push 0\n1\n"), "the image that was there is not harmed, and nothing is left: %s", got.stdout)
			assert.Regexp(t, `layercache: the built image cannot be kept: .*: no space left on device: nothing is kept of this build\. Free space there, set TMPDIR`, got.stderr)
			assert.Contains(t, got.stderr, "tag does not exist: "+image+":large")
			assert.Equal(t, []string{"small"}, m.tags("team/shop"))
		})
	}
}

// killed kills a build while BuildKit hands its image over.
const killed = `
docker build -q -t "$IMAGE:large" -f Dockerfile.large . & build=$!
until ls "$TMPDIR"/layercache-docker-*/image-*/* > /dev/null 2>&1; do
	kill -0 $build || exit 99
	sleep 0.01
done
kill -9 $build
wait $build; echo "build $?"
docker images -q
docker push -q "$IMAGE:large"; echo "push $?"
docker build -q -t "$IMAGE:small" . > small; echo "build $?"
docker push -q "$IMAGE:small"; echo "push $?"
ls -d "$TMPDIR"/layercache-docker-*/image-* | wc -l
`

func TestABuildIsKilledWhileItsImageIsKept(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.large(96)
	image := m.registry.Addr() + "/team/shop"
	m.env["IMAGE"] = image
	got := m.shell(killed)
	require.Zero(t, got.code, got.stderr)
	assert.Equal(t, []string{"build 137", "push 1", "build 0", image + ":small", "push 0", "1", ""}, strings.Split(got.stdout, "\n"),
		"one folder: that of the image which is kept")
	assert.Equal(t, []string{"small"}, m.tags("team/shop"))
}

// builderKilled kills the builder of a job between build and push, which has a folder of its own.
const builderKilled = `
docker build -q -t "$IMAGE:1" . > one || exit 99
for builder in /var/lib/layercache/builder-*; do
	for process in $(grep -lsa "^[^[:cntrl:]]*buildkitd[[:cntrl:]].*${builder##*/}/buildkitd.toml" /proc/[0-9]*/cmdline); do
		kill -9 "$(basename "$(dirname "$process")")" && echo killed
	done
done
docker push -q "$IMAGE:1"; echo "push $?"
docker build -q -t "$IMAGE:2" . > two; echo "build $?"
"$1" stop
`

func TestTheBuilderIsKilledBetweenBuildAndPush(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	image := m.registry.Addr() + "/team/shop"
	m.env["IMAGE"], m.env["LAYERCACHE_JOB"] = image, "killed-"+strings.ToLower(rand.Text()[:8])
	got := m.shell(builderKilled, programs.Path(programs.Bundled))
	require.Zero(t, got.code, got.stderr)
	assert.Equal(t, "killed\n"+image+":1\npush 0\nbuild 0\nlayercache: the builder of this job has ended\n", got.stdout, got.stderr)
	assert.Equal(t, strings.TrimSpace(m.read("one")), m.idOf(image+":1"), "all of the image")
}
