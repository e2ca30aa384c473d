package docker

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/registry/throwaway"
	"github.com/layercache/layercache/test/kit/programs"
)

// The buildspec of many teams: pull, build from it, tag, push.
const published = `
docker pull "$IMAGE:latest" || true
docker build --cache-from "$IMAGE:latest" --build-arg BUILDKIT_INLINE_CACHE=1 -t shop . || exit 1
docker tag shop:latest "$IMAGE:v$1" || exit 1
docker tag shop:latest "$IMAGE:latest" || exit 1
docker push "$IMAGE:v$1" || exit 1
docker push "$IMAGE:latest"
`

func TestAPublishedBuildspec(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	image := m.registry.Addr() + "/team/shop"
	m.env["IMAGE"] = image

	cold := m.shell(published, "1")
	require.Zero(t, cold.code, cold.stderr)
	assert.Equal(t, "cold", m.report("shop").Verdict)
	assert.Contains(t, cold.stderr, "layercache: --build-arg BUILDKIT_INLINE_CACHE is replaced by the cache of layercache\n")
	config, err := m.pulled(image + ":v1").RawConfigFile()
	require.NoError(t, err)
	assert.NotContains(t, string(config), "moby.buildkit.cache", "the image has no cache in it")
	assert.ElementsMatch(t, []string{"v1", "latest"}, m.tags("team/shop"))
	assert.Equal(t, m.idOf(image+":v1"), strings.TrimSpace(m.succeeds("inspect", "--format={{.Id}}", "shop").stdout))

	m.succeeds("rmi", "--force", m.idOf(image+":v1")) // The next job has no images.
	unchanged := m.shell(published, "2")
	require.Zero(t, unchanged.code, unchanged.stderr)
	assert.Equal(t, "used", m.report("shop").Verdict, unchanged.stderr)
	assert.Equal(t, m.idOf(image+":v1"), m.idOf(image+":v2"))
	t.Log(unchanged.stdout, unchanged.stderr)
}

func TestAnswersForKeptImages(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	image := m.registry.Addr() + "/team/shop"
	m.write("Dockerfile", "FROM scratch\nLABEL team=a\nCOPY src /src\nENV A=1\nCMD [\"/src\"]\n")
	built := m.succeeds("build", "-q", "-t", "shop", "-t", image+":1", "--iidfile", "id", "--metadata-file", "meta.json", ".")
	id := strings.TrimSpace(built.stdout)
	assert.Regexp(t, `^sha256:[0-9a-f]{64}$`, id)
	assert.Equal(t, id, m.read("id"))
	assert.Contains(t, m.read("meta.json"), `"image.name": "`+"docker.io/library/shop:latest,"+image+":1"+`"`)

	cases := []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"the ID by a template", []string{"inspect", "-f", "{{.Id}} {{.ID}} {{.Os}}/{{.Architecture}}", "shop"}, 1, "\n", "template parsing error"},
		{"the ID by JSON's name", []string{"inspect", "-f", "{{.Id}}", "shop"}, 0, id + "\n", ""},
		{"fields of Go", []string{"image", "inspect", "-f", "{{.ID}} {{.Os}} {{index .Config.Env 1}} {{index .Config.Labels \"team\"}}", id}, 0, id + " linux A=1 a\n", ""},
		{"the names", []string{"inspect", "--format={{join .RepoTags \" \"}}", id[:19]}, 0, image + ":1 shop:latest\n", ""},
		{"a template that is wrong", []string{"inspect", "--format={{", "shop"}, 64, "", "template parsing error: "},
		{"an image that does not exist", []string{"inspect", "nope"}, 1, "[]\n", "Error: No such object: nope\n"},
		{"the same as an image", []string{"image", "inspect", "nope"}, 1, "[]\n", "Error response from daemon: No such image: nope:latest\n"},
		{"a list of IDs", []string{"images", "-q", "--no-trunc", "shop"}, 0, id + "\n", ""},
		{"a list of names, as the CDK asks for", []string{"images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=shop"}, 0, "shop:latest\n", ""},
		{"no image of that name", []string{"images", "-q", "nope"}, 0, "", ""},
		{"a label", []string{"images", "--format", "{{.Repository}}", "-f", "label=team=a"}, 0, m.registry.Addr() + "/team/shop\nshop\n", ""},
		{"a tag that is not valid", []string{"tag", "shop", "Shop:1"}, 1, "", `Error parsing reference: "Shop:1" is not a valid repository/tag: invalid reference format: repository name`},
		{"a tag of an image that does not exist", []string{"tag", "nope", "x"}, 1, "", "Error response from daemon: No such image: nope:latest\n"},
		{"a push of an image that does not exist", []string{"push", image + ":2"}, 1, "The push refers to repository [" + image + "]\n", "tag does not exist: " + image + ":2\n"},
		{"a name that is not valid", []string{"build", "-t", "Shop", "."}, 1, "", `ERROR: failed to build: invalid tag "Shop": invalid reference format`},
		{"a command of docker's own", []string{"run", "--rm", "shop"}, 127, "", "layercache: `docker run` needs Docker"},
		{"a removal", []string{"rmi", image + ":1"}, 0, "Untagged: " + image + ":1\n", ""},
		{"a removal of the last name", []string{"rmi", "shop"}, 0, "Untagged: shop:latest\nDeleted: " + id + "\n", ""},
		{"a removal of nothing", []string{"rmi", "shop"}, 1, "", "Error response from daemon: No such image: shop:latest\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m.t = t
			got := m.docker(c.args...)
			assert.Equal(t, c.code, got.code, got.stderr)
			assert.Equal(t, c.stdout, got.stdout)
			if c.stderr == "" {
				assert.Empty(t, got.stderr)
			}
			assert.Contains(t, got.stderr, c.stderr)
		})
	}
	left, err := filepath.Glob(filepath.Join(m.tmp, "layercache-docker-*", "image-*"))
	require.NoError(t, err)
	assert.Empty(t, left, "the files of removed images are gone")
}

func TestAnImageThatIsBuiltFromAKeptOne(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("Dockerfile.base", "FROM scratch\nCOPY src /base\n")
	m.write("Dockerfile", "ARG VERSION\nFROM acme/base:${VERSION}\nCOPY src /app\n")
	for round, verdict := range []string{"cold", "used"} {
		m.succeeds("build", "-t", "acme/base:7", "-f", "Dockerfile.base", ".")
		m.succeeds("build", "-t", m.registry.Addr()+"/app", "--build-arg", "VERSION=7", ".")
		assert.Equal(t, verdict, m.report("app").Verdict, "round %d", round)
		m.succeeds("push", m.registry.Addr()+"/app")
		layers, err := m.pulled(m.registry.Addr() + "/app").Layers()
		require.NoError(t, err)
		assert.Len(t, layers, 2, "that of the base image and its own")
		m.succeeds("rmi", "-f", "acme/base:7", m.registry.Addr()+"/app")
	}
}

// The buildspec that Docker's and AWS's pages show for a cache in a registry.
const withBuildx = `
docker buildx create --name ci --driver docker-container --use || exit 1
docker buildx build --builder ci --cache-from type=registry,ref=$IMAGE:cache --cache-to type=registry,ref=$IMAGE:cache,mode=max \
  --provenance=false --push -t "$IMAGE:v$1" .
`

func TestAPublishedBuildspecWithBuildx(t *testing.T) {
	t.Parallel()
	m := daemon(t)
	m.takePlace()
	m.env["IMAGE"] = m.registry.Addr() + "/team/shop"
	for round, verdict := range []string{"cold", "used"} {
		require.NoError(t, os.RemoveAll(filepath.Join(m.env["DOCKER_CONFIG"], "buildx")), "an empty machine")
		got := m.shell(withBuildx, fmt.Sprint(round))
		require.Zero(t, got.code, got.stderr)
		assert.Equal(t, verdict, m.report("shop").Verdict)
		assert.Contains(t, got.stderr, "layercache: --cache-from and --cache-to are replaced by the cache of layercache\n"+
			"layercache: --builder ci is replaced by the builder of layercache\n")
	}
	assert.ElementsMatch(t, []string{"v0", "v1"}, m.tags("team/shop"), "no cache beside the images")
	assert.Empty(t, m.succeeds("images", "-q", "$IMAGE").stdout, "an image that was pushed at once is not kept")
}

func TestSetupPutsLayercacheInFrontOfDocker(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	require.NoError(t, os.RemoveAll(m.bin()))
	require.NoError(t, os.Mkdir(m.bin(), 0o755))
	got := m.shell(`"$1" setup --docker && "$1" setup --docker && docker build -q -t shop . && layercache-docker images -q --no-trunc`, programs.Path(programs.Bundled))
	require.Zero(t, got.code, got.stderr)
	assert.Contains(t, got.stderr, "layercache: docker is now layercache ("+m.bin()+"); there is no other docker on PATH")
	lines := strings.Fields(got.stdout)
	require.Len(t, lines, 2)
	assert.Equal(t, lines[0], lines[1], "the image that was built is the one that is listed")
}

func TestTheCloudAssemblyNamesTheCache(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env["LAYERCACHE_REPORT_DIR"] = "reports"
	for round, content := range []string{"one", "two", "two"} {
		hash := fmt.Sprintf("%064x", round)
		asset := "cdk.out/asset." + hash
		m.write("cdk.out/Shop.assets.json", `{"dockerImages":{"`+hash+`":{"displayName":"Api/Image","source":{"directory":"asset.`+hash+`"}}}}`)
		m.write(asset+"/Dockerfile", "FROM scratch\nCOPY a /a\nCOPY b /b\n")
		m.write(asset+"/a", "the same")
		m.write(asset+"/b", content)
		for _, file := range []string{"a", "b"} {
			require.NoError(t, os.Chtimes(filepath.Join(m.source, asset, file), time.Unix(1, 0), time.Unix(1, 0)))
		}
		tag, target := "cdkasset-"+hash, m.registry.Addr()+"/cdk-assets:"+hash
		// As the CDK CLI calls it.
		got := m.shell(`layercache-docker inspect "$1"; test $? = 1 && cd "$3" && layercache-docker build --tag "$1" --platform linux/amd64 . &&
			layercache-docker tag "$1" "$2" && layercache-docker push "$2" &&
			layercache-docker images --format '{{.Repository}}:{{.Tag}}' --filter "reference=$1"`, tag, target, asset)
		require.Zero(t, got.code, got.stderr)
		assert.Contains(t, got.stdout, tag+":latest\n")
		assert.Contains(t, m.tags("cdk-assets"), hash)
		assert.NoDirExists(t, filepath.Join(m.source, asset, "reports"), "the content of the asset")
	}
	m.env["LAYERCACHE_REPORT_DIR"] = filepath.Join(m.source, "reports")
	assert.Contains(t, m.tags("cache"), "shop-api-image-"+suffixOf(m.tags("cache"))+"--linux-amd64--main", "one cache for all contents: %s", m.tags("cache"))
	reports, err := filepath.Glob(filepath.Join(m.env["LAYERCACHE_REPORT_DIR"], "*", "report.json"))
	require.NoError(t, err)
	require.Len(t, reports, 1)
	assert.Equal(t, "used", m.report(filepath.Base(filepath.Dir(reports[0]))).Verdict)
}

// suffixOf returns the digest in the name of the only cache among the tags.
func suffixOf(tags []string) string {
	for _, tag := range tags {
		if rest, found := strings.CutPrefix(tag, "shop-api-image-"); found {
			suffix, _, _ := strings.Cut(rest, "--")
			return suffix
		}
	}
	return "none"
}

func TestWhatFailsLikeDocker(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	m.succeeds("build", "-q", "-t", "shop", "-t", "127.0.0.1:1/shop:1", ".")
	got := m.docker("push", "127.0.0.1:1/shop:1")
	assert.Equal(t, 1, got.code)
	assert.Contains(t, got.stderr, "connection refused")
	m.write("Dockerfile", "FROM scratch\nCOPY nope /src\n")
	got = m.docker("build", "-t", "shop:broken", ".")
	assert.Equal(t, 1, got.code)
	assert.Equal(t, 1, m.docker("push", m.registry.Addr()+"/shop:broken").code)
	assert.Equal(t, "", m.succeeds("images", "-q", "shop:broken").stdout, "what failed is not kept")
	assert.NotEmpty(t, m.succeeds("images", "-q", "shop").stdout)
}

// mounting is a registry that takes a blob from another of its repositories, when a client asks for it, and counts them.
type mounting struct {
	blobs  throwaway.Blobs
	next   http.Handler
	mounts atomic.Int64
	pushed atomic.Int64
}

func (m *mounting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	repository, upload := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v2/"), "/blobs/uploads/")
	digest, err := v1.NewHash(r.URL.Query().Get("mount"))
	if r.Method == http.MethodPost && upload && err == nil {
		if content, err := m.blobs.Get(r.Context(), r.URL.Query().Get("from"), digest); err == nil && m.blobs.Put(r.Context(), repository, digest, content) == nil {
			m.mounts.Add(1)
			w.WriteHeader(http.StatusCreated)
			return
		}
	}
	if strings.HasPrefix(r.URL.Path, "/v2/team/") && r.Method == http.MethodPatch {
		m.pushed.Add(1)
	}
	m.next.ServeHTTP(w, r)
}

// The cache of a cold build is written while the image is handed over, so the image's own layers are in both places.
func TestAPushTakesLayersFromTheCache(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	dir := t.TempDir()
	registry := &mounting{blobs: throwaway.Blobs(dir), next: throwaway.Handler(dir)}
	server := httptest.NewServer(registry)
	t.Cleanup(server.Close)
	host := server.Listener.Addr().String()
	m.env["LAYERCACHE_REPOSITORY"] = host + "/cache"
	image := host + "/team/shop:1"
	m.write("Dockerfile", "FROM "+base+"\nCOPY src /src\n")
	m.succeeds("build", "-t", image, ".")
	require.Equal(t, "cold", m.report("shop").Verdict)
	m.succeeds("push", image)
	layers, err := m.pulled(image).Layers()
	require.NoError(t, err)
	assert.Equal(t, int64(len(layers)), registry.mounts.Load(), "every layer")
	assert.Equal(t, int64(1), registry.pushed.Load(), "the config")
}

func TestBuildsOfOneNameAtOnce(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	m.write("Dockerfile.other", "FROM scratch\nCOPY src /other\n")
	got := m.shell(`docker build -q -t shop . > one & first=$!; docker build -q -t shop -f Dockerfile.other . > two & second=$!
		wait $first && wait $second && docker images -q --no-trunc shop`)
	require.Zero(t, got.code, got.stderr)
	assert.Contains(t, []string{m.read("one"), m.read("two")}, got.stdout, "the last has the name")
	assert.Equal(t, 2, strings.Count(m.succeeds("images", "-q").stdout, "\n"), "the other stays, without a name")
}

func TestAnImageForTwoPlatforms(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("Dockerfile", "FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\nCOPY src /src\n")
	image := m.registry.Addr() + "/team/shop:1"
	built := m.succeeds("build", "-q", "--platform", "linux/amd64,linux/arm64", "-t", image, ".")
	m.succeeds("push", image)
	ref, err := name.ParseReference(image)
	require.NoError(t, err)
	pushed, err := remote.Get(ref)
	require.NoError(t, err)
	assert.Equal(t, strings.TrimSpace(built.stdout), pushed.Digest.String(), "the ID of an index is its digest")
	index, err := pushed.ImageIndex()
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	assert.Len(t, manifest.Manifests, 2, "no attestations")
	assert.Equal(t, pushed.Digest.String()+"\n", m.succeeds("inspect", "-f", "{{.Id}}", image).stdout)
}

func TestAttestationsThatAreAskedFor(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	image := m.registry.Addr() + "/team/shop:1"
	m.succeeds("build", "-q", "--provenance=mode=max", "-t", image, ".")
	m.succeeds("push", image)
	ref, err := name.ParseReference(image)
	require.NoError(t, err)
	index, err := remote.Index(ref)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 2)
	assert.Equal(t, "attestation-manifest", manifest.Manifests[1].Annotations["vnd.docker.reference.type"])
}

func TestTheBuildsOfAJobShareABuilder(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env["LAYERCACHE_JOB"] = "ci"
	for _, name := range []string{"one", "two"} {
		m.write("Dockerfile."+name, "FROM "+base+"\nRUN head -c 16 /dev/urandom > /random\nLABEL name="+name+"\n")
	}
	// BuildKit collects garbage one second after its start.
	got := m.shell(`for name in one two; do
			docker build -q -t $name -f Dockerfile.$name . > /dev/null && sleep 2 && docker tag $name "$1/$name" && docker push -q "$1/$name" || exit 1
		done
		docker inspect -f '{{index .RootFS.Layers 1}}' one two; "$2" stop; docker images -q; "$2" stop`, m.registry.Addr(), programs.Path(programs.Bundled))
	require.Zero(t, got.code, got.stderr)
	lines := strings.Split(got.stdout, "\n")
	require.Len(t, lines, 7, got.stdout)
	assert.Equal(t, lines[2], lines[3], "the step ran once")
	assert.Equal(t, "layercache: the builder of this job has ended", lines[4])
	assert.Equal(t, "layercache: no builder of this job is running", lines[5], "and no image is left between")
	assert.Len(t, m.tags("one"), 1)
	assert.Len(t, m.tags("two"), 1)
}

// Reports of one image are not part of the context of the next.
func TestReportsInTheContext(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	delete(m.env, "LAYERCACHE_REPORT_DIR")
	for _, name := range []string{"api", "web"} {
		m.write("Dockerfile."+name, "FROM "+base+"\nCOPY . /source\nRUN echo "+name+"\n")
	}
	for round, verdict := range []string{"cold", "used", "used"} {
		for _, name := range []string{"api", "web"} {
			got := m.succeeds("build", "-t", name, "-f", "Dockerfile."+name, ".")
			assert.Contains(t, got.stderr, "layercache: cache "+verdict, "%s, round %d", name, round)
		}
	}
}

func TestRegistriesThatRefuse(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env["A"], m.env["FORBIDDEN"] = guarded(t, http.StatusUnauthorized), guarded(t, http.StatusForbidden)
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	for _, c := range []struct {
		line   string
		code   int
		stderr string
	}{
		{"docker build -q -t $A/shop:1 -t $FORBIDDEN/shop:1 .", 0, ""},
		{"docker push $A/shop:1", 1, "no basic auth credentials\n"},
		{"docker push $FORBIDDEN/shop:1", 1, "denied: no access\n"},
		{"echo wrong | docker login -u user --password-stdin $A", 1, "failed with status: 401 Unauthorized\n"},
		{"docker push $A/shop:1", 1, "no basic auth credentials\n"},
		{"echo secret | docker login -u user --password-stdin http://$A/v2/", 0, ""},
		{"docker push $A/shop:1", 0, ""},
		{"docker logout $A && docker tag $A/shop:1 $A/shop:2", 0, ""},
		{"docker push $A/shop:2", 1, "no basic auth credentials\n"},
		{"docker --config other push $A/shop:2", 1, "no basic auth credentials\n"},
		{"echo secret | docker --config other login -u user --password-stdin $A && docker --config other push $A/shop:2", 0, ""},
	} {
		got := m.shell(c.line)
		assert.Equal(t, c.code, got.code, "%s: %s", c.line, got.stderr)
		assert.Contains(t, got.stderr, c.stderr, c.line)
		assert.NotContains(t, got.stdout+got.stderr, "secret", c.line)
	}
}
