package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/kit/programs"
)

// bakery is a Dockerfile with a stage that two targets share, and one of its own for each.
const bakery = `FROM ` + base + ` AS shared
WORKDIR /app
COPY shared shared
RUN cat shared/* > common && echo shared $(date +%N) > when

FROM shared AS api
COPY api api
RUN cat common api/* > program

FROM shared AS web
COPY web web
RUN cat common web/* > program
`

// newBakery returns a machine with a bake file that builds api, web and worker, whose Dockerfile is its own.
func newBakery(t *testing.T) *machine {
	w := newMachine(t)
	w.write("Dockerfile", bakery)
	w.write("worker/Dockerfile", "FROM "+base+"\nCOPY main.txt .\nRUN cat main.txt > program\n")
	for _, file := range []string{"shared/lib.txt", "api/main.txt", "web/main.txt", "worker/main.txt"} {
		w.write(file, file+"\n")
	}
	w.write("docker-bake.hcl", `
variable "REGISTRY" {}
group "default" { targets = ["api", "web", "worker"] }
target "api" {
  target = "api"
  tags = ["${REGISTRY}/api:1"]
}
target "web" {
  target = "web"
  tags = ["${REGISTRY}/web:1"]
}
target "worker" {
  context = "worker"
  tags = ["${REGISTRY}/worker:1"]
}
`)
	w.env["REGISTRY"], w.env["LAYERCACHE_APP"] = w.registry.Addr(), "shop"
	return w
}

// target returns the report of a target.
func (o outcome) target(t *testing.T, name string) *report.Report {
	t.Helper()
	for _, r := range o.Targets {
		if r.Target == name {
			return r
		}
	}
	require.Failf(t, "no such target", "%s: %s", name, o.log)
	return nil
}

// verdicts returns the verdict of each target.
func (o outcome) verdicts() map[string]string {
	found := map[string]string{}
	for _, r := range o.Targets {
		found[r.Target] = r.Verdict
	}
	return found
}

func ranIn(r *report.Report) []string { return outcome{Report: r}.ran() }

func TestBakeColdThenUnchangedThenChanged(t *testing.T) {
	t.Parallel()
	w := newBakery(t)

	cold := w.succeeds(w.run("bake", "--push"))
	assert.Equal(t, map[string]string{"api": "cold", "web": "cold", "worker": "cold"}, cold.verdicts(), cold.log)
	assert.Equal(t, "cold", cold.Verdict)
	assert.Len(t, cold.target(t, "api").Steps, 6, "the shared stage belongs to each target")
	assert.Equal(t, fileOf(t, w.pulled(w.registry.Addr()+"/api:1"), "app/when"), fileOf(t, w.pulled(w.registry.Addr()+"/web:1"), "app/when"), "the shared stage is built once")
	assert.Len(t, w.tags("cache"), 6, "a cache and a record for each target: %s", w.tags("cache"))

	unchanged := w.succeeds(w.run("bake", "--push"))
	assert.Equal(t, map[string]string{"api": "used", "web": "used", "worker": "used"}, unchanged.verdicts(), unchanged.log)
	assert.Equal(t, "used", unchanged.Verdict)
	assert.Equal(t, "unchanged", unchanged.Exported)
	assert.InDelta(t, 1.0, *unchanged.HitRatio, 1e-9)
	for _, r := range unchanged.Targets {
		assert.Len(t, r.Caches, 1, "one cache is read")
		assert.Equal(t, "cache", r.HitsFrom)
	}

	w.write("web/main.txt", "changed\n")
	changed := w.succeeds(w.run("bake", "--push"))
	assert.Equal(t, map[string]string{"api": "used", "web": "partly-used", "worker": "used"}, changed.verdicts(), changed.log)
	assert.Equal(t, []string{"COPY web web", "RUN cat common web/* > program"}, ranIn(changed.target(t, "web")))
	assert.Equal(t, "partly-used", changed.Verdict)
	assert.Contains(t, fileOf(t, w.pulled(w.registry.Addr()+"/web:1"), "app/program"), "changed")

	w.write("shared/lib.txt", "another\n")
	shared := w.succeeds(w.run("bake", "--push"))
	assert.Equal(t, map[string]string{"api": "partly-used", "web": "partly-used", "worker": "used"}, shared.verdicts(), shared.log)
	assert.Equal(t, "used", w.succeeds(w.run("bake", "--push")).Verdict, "each target has written its cache")
}

func TestBakeWhatTargetsMayBe(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	w.write("linked.Dockerfile", "FROM tools\nRUN cat program > /linked\n")
	w.write("docker-bake.hcl", `
variable "REGISTRY" {}
variable "GREETING" { default = "none" }
group "default" { targets = ["linked", "m", "child", "remote"] }
target "tools" { target = "api" }
target "linked" {
  dockerfile = "linked.Dockerfile"
  contexts = { tools = "target:tools" }
  tags = ["${REGISTRY}/linked:1"]
}
target "m" {
  name = "m-${word}"
  matrix = { word = ["one", "two"] }
  context = "worker"
  dockerfile-inline = "FROM `+base+`\nARG GREETING\nRUN echo $${GREETING} ${word} > /said"
  args = { GREETING = "$${x} ${GREETING}" }
  tags = ["${REGISTRY}/m-${word}:1"]
}
target "child" {
  inherits = ["tools"]
  target = "web"
  tags = ["${REGISTRY}/child:1"]
}
target "remote" {
  context = "worker"
  contexts = { main = "worker" }
  cache-from = ["type=registry,ref=${REGISTRY}/own:cache"]
  cache-to = ["type=registry,ref=${REGISTRY}/own:cache,mode=max,image-manifest=true,oci-mediatypes=true"]
  tags = ["${REGISTRY}/remote:1"]
}
`)
	bake := func() outcome { return w.succeeds(w.run("bake", "--push", "--var", "GREETING=hello")) }
	cold := bake()
	assert.Equal(t, map[string]string{"linked": "cold", "m-one": "cold", "m-two": "cold", "child": "cold", "remote": "cold", "tools": "cold"}, cold.verdicts(), cold.log)
	assert.Equal(t, "${x} hello one\n", fileOf(t, w.pulled(w.registry.Addr()+"/m-one:1"), "said"))
	assert.Equal(t, []string{"cache"}, w.tags("own"), "a cache of the file's own is written too")

	again := bake()
	assert.Equal(t, map[string]string{"linked": "partly-used", "m-one": "used", "m-two": "used", "child": "used", "remote": "used", "tools": "used"}, again.verdicts(), again.log)
	assert.Equal(t, []string{"RUN cat program > /linked"}, ranIn(again.target(t, "linked")))
	assert.Contains(t, again.log, "BuildKit finds no cached result of a step on the result of another target (tools)")
	const ownCache = "importing cache manifest from "
	assert.Contains(t, cold.log, ownCache+w.registry.Addr()+"/own:cache", "the only cache of the first build")
	assert.NotContains(t, again.log, ownCache+w.registry.Addr()+"/own:cache")
	assert.Contains(t, again.log, "cache-from is replaced by the cache of layercache (remote)")
	for _, name := range []string{"m-one", "m-two", "child", "tools"} {
		assert.Equal(t, "unchanged", again.target(t, name).Exported, name)
	}
	assert.Equal(t, "shop/child", again.target(t, "child").App)
	assert.Contains(t, again.target(t, "child").Refs.Export, "shop-child-")
}

func TestBakeWritesNoInlineCacheBesideItsOwn(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	w.write("docker-bake.hcl", `
variable "REGISTRY" {}
group "default" { targets = ["argument", "option"] }
target "argument" {
  context = "worker"
  args = { BUILDKIT_INLINE_CACHE = "1" }
  tags = ["${REGISTRY}/argument:1"]
}
target "option" {
  context = "worker"
  cache-to = ["type=inline"]
  tags = ["${REGISTRY}/option:1"]
}
`)
	carrying := func() (names []string) {
		for _, name := range []string{"argument", "option"} {
			config, err := w.pulled(w.registry.Addr() + "/" + name + ":1").RawConfigFile()
			require.NoError(t, err)
			if strings.Contains(string(config), "moby.buildkit.cache.v0") {
				names = append(names, name)
			}
		}
		return names
	}
	w.env["LAYERCACHE_MODE"] = "off"
	w.succeeds(w.run("bake", "--push"))
	assert.Equal(t, []string{"argument", "option"}, carrying(), "without a cache of layercache")

	delete(w.env, "LAYERCACHE_MODE")
	got := w.succeeds(w.run("bake", "--push"))
	assert.Contains(t, got.log, "the inline cache is replaced by the cache of layercache (argument, option)")
	assert.Empty(t, carrying())
	assert.Equal(t, "used", w.succeeds(w.run("bake", "--push")).Verdict)
}

func TestBakeAFailingTarget(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	w.succeeds(w.run("bake", "--push"))
	w.write("worker/main.txt", "changed\n")
	w.write("worker/Dockerfile", "FROM "+base+"\nCOPY main.txt .\nRUN sleep 3; exit 9\n")
	got := w.run("bake", "--push")
	assert.Equal(t, 1, got.exitCode, "the exit status of buildx")
	require.NotNil(t, got.Report, got.log)
	assert.Equal(t, 1, got.ExitCode)
	assert.Equal(t, map[string]string{"api": "used", "web": "used", "worker": "cold"}, got.verdicts(), got.log)
	assert.Zero(t, got.target(t, "api").ExitCode, "it was built before the other failed")
	assert.Equal(t, 1, got.target(t, "worker").ExitCode)
	assert.Contains(t, got.log, "cold, build failed")
	assert.Contains(t, got.log, "exit code: 9")
}

func TestBakeRefusals(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	w.write("same.hcl", `
target "a" { tags = ["`+w.registry.Addr()+`/same:1"] }
target "b" {
  context = "worker"
  tags = ["`+w.registry.Addr()+`/same:1"]
}
target "cache" { tags = ["`+w.registry.Addr()+`/cache:shop-cache--linux-amd64--main"] }
target "secret" {
  cache-to = ["type=s3,region=eu-west-1,bucket=b,secret_access_key=hidden"]
}
`)
	for _, c := range []struct {
		name string
		args []string
		code int
		log  string
	}{
		{"an unknown target", []string{"nobody"}, 1, "buildx: ERROR: failed to find target nobody"},
		{"a file that does not exist", []string{"-f", "none.hcl"}, 1, "none.hcl: no such file"},
		{"an address that nobody serves", []string{"http://127.0.0.1:1/bake.hcl"}, 1, "if the bake file could not be fetched, correct its address"},
		{"an unknown flag", []string{"--nonsense"}, 1, "unknown flag: --nonsense"},
		{"two targets that push one image", []string{"-f", "same.hcl", "--push", "a", "b"}, 1, "the targets a and b both push"},
		{"a cache with a secret", []string{"-f", "same.hcl", "secret"}, 1, "has the attribute secret_access_key"},
		{"only printing", []string{"--print", "api"}, 0, `"target": "api"`},
		{"only listing", []string{"--list=targets"}, 0, "worker"},
	} {
		got := w.run(append([]string{"bake"}, c.args...)...)
		assert.Equal(t, c.code, got.exitCode, "%s\n%s", c.name, got.log)
		assert.Contains(t, got.log, c.log, c.name)
		assert.Nil(t, got.Report, c.name)
		assert.NotContains(t, got.log, "hidden", c.name)
	}
	assert.Empty(t, w.tags("cache"), "nothing may be pushed")
}

// outsideBakery has a target for each thing outside of the source that a bake file can ask for.
const outsideBakery = `
group "files" { targets = ["context", "named", "dockerfile", "secret", "environ", "output", "cache-from", "cache-to", "disguised"] }
group "rights" { targets = ["host", "insecure", "device", "agent"] }
target "context" {
  context = "../outside"
  dockerfile-inline = "FROM scratch\nCOPY secret /"
  output = ["out/context"]
}
target "named" {
  contexts = { place = "../outside" }
  dockerfile-inline = "FROM scratch\nCOPY --from=place secret /"
  output = ["out/named"]
}
target "dockerfile" {
  dockerfile = "../outside/Dockerfile"
  output = ["out/dockerfile"]
}
target "secret" {
  secret = ["id=s,src=../outside/secret"]
  dockerfile-inline = "FROM BASE\nRUN --mount=type=secret,id=s mkdir /out && cp /run/secrets/s /out/secret\nFROM scratch\nCOPY --from=0 /out /"
  output = ["out/secret"]
}
target "environ" {
  secret = ["id=/proc/self/environ"]
  dockerfile-inline = "FROM BASE\nRUN --mount=type=secret,id=/proc/self/environ,target=/s mkdir /out && cp /s /out/secret\nFROM scratch\nCOPY --from=0 /out /"
  output = ["out/environ"]
}
target "climbing" {
  secret = ["id=s,src=link/../secret"]
  dockerfile-inline = "FROM BASE\nRUN --mount=type=secret,id=s mkdir /out && cp /run/secrets/s /out/secret\nFROM scratch\nCOPY --from=0 /out /"
  output = ["out/climbing"]
}
target "output" {
  dockerfile-inline = "FROM scratch\nCOPY main.txt /"
  context = "worker"
  output = ["type=tar,dest=../outside/tar"]
}
target "cache-from" { cache-from = ["type=local,src=../outside"] }
target "cache-to" { cache-to = ["type=local,dest=../outside/cache"] }
target "disguised" { cache-to = ["type=local,src=worker,dest=../outside/cache"] }
variable "BUILDX_METADATA_PROVENANCE" { default = "" }
target "changing" {
  contexts = { place = BUILDX_METADATA_PROVENANCE == "" ? "worker" : "../outside" }
  dockerfile-inline = "FROM scratch\nCOPY --from=place * /"
  output = ["out/changing"]
}
target "escaped" { contexts = { place = "$${1}" } }
target "host" { network = "host" }
target "insecure" { entitlements = ["security.insecure"] }
target "device" { entitlements = ["device=vendor.com/device=gpu"] }
target "agent" { ssh = ["default"] }
`

// buildx of CodeBuild does not ask for permission if its progress is rawjson; newer ones do.
func TestBakeAsksForPermission(t *testing.T) {
	t.Parallel()
	for name, codeBuilds := range map[string]bool{"the pinned buildx": false, "the buildx of CodeBuild": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBakery(t)
			if codeBuilds {
				require.NoError(t, programs.UseCodeBuildBuildx(w.tmp+"/.docker"))
			}
			agent, err := net.Listen("unix", filepath.Join(w.tmp, "agent"))
			require.NoError(t, err)
			t.Cleanup(func() { _ = agent.Close() })
			w.env["SSH_AUTH_SOCK"], w.env["CANARY"] = agent.Addr().String(), "text-of-the-environment"
			const text = "text-of-a-file-outside"
			w.write("../outside/secret", text)
			w.write("../outside/Dockerfile", "FROM scratch\nCOPY worker/main.txt secret\n")
			require.NoError(t, os.Mkdir(filepath.Join(w.app, "../outside/folder"), 0o755))
			require.NoError(t, os.Symlink("../outside/folder", filepath.Join(w.app, "link")))
			w.write("outside.hcl", strings.ReplaceAll(outsideBakery, "BASE", base))
			bake := func(args ...string) outcome { return w.run(append([]string{"bake", "-f", "outside.hcl"}, args...)...) }
			place := filepath.Join(w.app, "../outside")
			for _, mode := range []string{"registry", "off"} {
				w.env["LAYERCACHE_MODE"] = mode
				asked := map[string]string{}
				for _, targets := range []string{"files", "climbing", "rights"} {
					refused := bake(targets)
					assert.Equal(t, 1, refused.exitCode, targets)
					for _, found := range regexp.MustCompile(`target (\S+): .*: allow it with --allow=(\S+)`).FindAllStringSubmatch(refused.log, -1) {
						asked[found[1]] = found[2]
					}
				}
				assert.Equal(t, map[string]string{
					"context": "fs.read=../outside", "named": "fs.read=../outside", "dockerfile": "fs.read=../outside/Dockerfile",
					"secret": "fs.read=../outside/secret", "environ": "fs.read=/proc/self/environ", "climbing": "fs.read=" + place + "/secret",
					"output": "fs.write=" + place, "cache-from": "fs.read=../outside", "cache-to": "fs.write=" + place, "disguised": "fs.write=" + place,
					"host": "network.host", "insecure": "security.insecure", "device": "device=vendor.com/device=gpu", "agent": "ssh",
				}, asked)
			}
			written, err := filepath.Glob(place + "/*")
			require.NoError(t, err)
			assert.Len(t, written, 3, "nothing is written outside")
			assert.NoDirExists(t, filepath.Join(w.app, "out"), "nothing is built")

			w.succeeds(bake("changing"))
			assert.FileExists(t, filepath.Join(w.app, "out/changing/main.txt"), "what was checked is built")
			assert.NoFileExists(t, filepath.Join(w.app, "out/changing/secret"))
			escaped := bake("escaped")
			assert.Equal(t, 1, escaped.exitCode, escaped.log)
			assert.Contains(t, escaped.log, "buildx would read ${1} as an expression")

			allowed := bake("--allow=fs=../outside", "--allow=fs.read=/proc", "context", "named", "dockerfile", "secret", "environ", "output")
			require.Zero(t, allowed.exitCode, allowed.log)
			for target, want := range map[string]string{"context": text, "named": text, "dockerfile": "worker/main.txt", "secret": text, "environ": w.env["CANARY"]} {
				content, err := os.ReadFile(filepath.Join(w.app, "out", target, "secret"))
				require.NoError(t, err, target)
				assert.Contains(t, string(content), want, target)
			}
			assert.FileExists(t, place+"/tar")
		})
	}
}

// buildx asks for permission to write to the folder above one that does not exist.
func TestBakeALocalCacheThatDoesNotExistYet(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	w.env["LAYERCACHE_MODE"], w.env["LAYERCACHE_LOCAL_DIR"] = "local", filepath.Join(w.tmp, "new", "cache")
	assert.Equal(t, "cold", w.succeeds(w.run("bake", "--push")).Verdict)
	assert.Equal(t, "used", w.succeeds(w.run("bake", "--push")).Verdict)
	w.write("file", "")
	w.env["LAYERCACHE_LOCAL_DIR"] = filepath.Join(w.app, "file", "cache")
	assert.Contains(t, w.succeeds(w.run("bake", "--push")).log, "building without the cache: mkdir")
}

func TestBakeWithTheBuildxOfCodeBuild(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	require.NoError(t, programs.UseCodeBuildBuildx(w.tmp+"/.docker"))
	w.succeeds(w.run("bake", "--push"))
	w.write("web/main.txt", "changed\n")
	changed := w.succeeds(w.run("bake", "--push"))
	assert.Equal(t, map[string]string{"api": "used", "web": "partly-used", "worker": "used"}, changed.verdicts(), changed.log)
	assert.Equal(t, 1, w.run("bake", "nobody").exitCode)
	listed := w.run("bake", "--call=targets", "api")
	assert.Zero(t, listed.exitCode, listed.log)
	assert.Regexp(t, `(?m)^shared`, listed.log)
}

// A cache that refuses, throttles or does not answer is left out for its target; the others read theirs.
func TestBakeACacheThatFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
	}{
		{"refuses", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }},
		{"throttles", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
		}},
		{"does not answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newBakery(t)
			failing := false
			w.env["LAYERCACHE_REPOSITORY"] = w.front(func(writer http.ResponseWriter, r *http.Request) bool {
				hit := failing && strings.Contains(r.URL.Path, "/cache/manifests/shop-web-")
				if hit {
					c.answer(writer, r)
				}
				return hit
			}) + "/cache"
			w.succeeds(w.run("bake", "--push"))
			failing, w.env["LAYERCACHE_CACHE_TIMEOUT"] = true, "5s"
			w.write("shared/lib.txt", "another\n")
			got := w.succeeds(w.run("bake", "--push"))
			assert.Equal(t, "used", got.target(t, "worker").Verdict, got.log)
			assert.NotEqual(t, "import-failed", got.target(t, "api").Verdict, got.log)
			assert.Equal(t, "yes", got.target(t, "api").Exported, got.log)
			assert.Equal(t, "failed", got.target(t, "web").Exported, got.log)
			assert.NotEmpty(t, got.target(t, "web").Warnings, got.log)
			assert.Contains(t, fileOf(t, w.pulled(w.registry.Addr()+"/web:1"), "app/program"), "another")
		})
	}
}

func TestBakeByVariables(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	w.env["LAYERCACHE_BAKE"] = "docker-bake.hcl"
	w.env["LAYERCACHE_BAKE_IMAGES"] = `{"worker":"` + w.registry.Addr() + `/shop/worker"}`
	w.env["LAYERCACHE_TAGS"] = "latest,v1"
	got := w.succeeds(w.run("image"))
	assert.Equal(t, map[string]string{"worker": "cold"}, got.verdicts(), got.log)
	assert.ElementsMatch(t, []string{"latest", "v1"}, w.tags("shop/worker"))
	assert.Empty(t, w.tags("worker"), "the tags in the file are replaced")
	assert.Regexp(t, "LAYERCACHE_VERDICT=cold", exports(t, w))
}

func TestBakeByVariablesPushesNothingElse(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	w.write("docker-bake.hcl", fmt.Sprintf(`group "worker" { targets = ["worker", "other"] }
target "worker" {
  context  = "worker"
  contexts = { linked = "target:linked" }
  output   = ["type=image,name=%[1]s/shop/worker:release,push=true"]
  cache-to = ["type=registry,ref=%[1]s/shop/worker:cache"]
}
target "other" {
  inherits = ["worker"]
  tags     = ["%[1]s/shop/worker:other"]
}
target "linked" {
  inherits = ["other"]
  contexts = { linked = "." }
}
`, w.registry.Addr()))
	w.env["LAYERCACHE_BAKE"] = "docker-bake.hcl"
	w.env["LAYERCACHE_BAKE_IMAGES"] = `{"worker":"` + w.registry.Addr() + `/shop/worker"}`
	w.env["LAYERCACHE_TAGS"] = "v1"
	for _, compression := range []string{"", "zstd"} {
		w.env["LAYERCACHE_IMAGE_COMPRESSION"] = compression
		got := w.succeeds(w.run("image"))
		assert.Equal(t, []string{"v1"}, w.tags("shop/worker"), compression)
		assert.Equal(t, []string{got.target(t, "worker").Image}, got.pushed(), "one image is pushed: %s", got.log)
	}
}

// pushed returns the digests that the log says are pushed.
func (o outcome) pushed() []string {
	var digests []string
	for _, match := range regexp.MustCompile(`pushing manifest for \S+@(\S+)`).FindAllStringSubmatch(o.log, -1) {
		digests = append(digests, match[1])
	}
	slices.Sort(digests)
	return slices.Compact(digests)
}

func TestBakeWithAnOutputForAllTargetsPushesEachOnce(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	got := w.succeeds(w.run("bake", "--set", "*.output=type=registry", "worker"))
	assert.Equal(t, []string{got.target(t, "worker").Image}, got.pushed(), got.log)
}

func TestBakeSetsATargetThatOthersInherit(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	w.write("docker-bake.hcl", `
target "_common" { args = { V = "0" } }
target "other" { context = "worker" }
target "worker" {
  inherits = ["_common"]
  context  = "worker"
}
`)
	w.write("worker/Dockerfile", "FROM "+base+"\nARG V\nRUN echo $V > seen\n")
	image := w.registry.Addr() + "/shop/inherited:v1"
	w.succeeds(w.run("bake", "--set", "_common.args.V=1", "--set", "other.args.V=2", "--set", "worker.tags="+image, "--push", "worker"))
	assert.Equal(t, "1\n", fileOf(t, w.pulled(image), "seen"))
}

func TestBakeByVariablesGetsNoCredentials(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	w.write("docker-bake.hcl", `
variable "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" {}
variable "AWS_REGION" {}
target "worker" {
  context = "worker"
  args = { URI = AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, AREA = AWS_REGION }
}
`)
	w.write("worker/Dockerfile", "FROM "+base+"\nARG URI AREA\nRUN echo uri=$URI area=$AREA > seen\n")
	w.env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"], w.env["AWS_REGION"] = "/v2/credentials/1234", "eu-central-1"
	w.env["LAYERCACHE_BAKE"] = "docker-bake.hcl"
	w.env["LAYERCACHE_BAKE_IMAGES"] = `{"worker":"` + w.registry.Addr() + `/shop/worker"}`
	w.env["LAYERCACHE_TAGS"] = "v1"
	w.succeeds(w.run("image"))
	assert.Equal(t, "uri= area=eu-central-1\n", fileOf(t, w.pulled(w.registry.Addr()+"/shop/worker:v1"), "seen"))
}

func TestBakeKeepsCacheMounts(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	w.write("worker/Dockerfile", "FROM "+base+"\nCOPY main.txt .\nRUN --mount=type=cache,id=tools,target=/kept ls /kept > before; echo kept > /kept/file\n")
	w.succeeds(w.run("bake", "--push", "worker"))
	w.write("worker/main.txt", "changed\n")
	again := w.succeeds(w.run("bake", "--push"))
	assert.Equal(t, "file\n", fileOf(t, w.pulled(w.registry.Addr()+"/worker:1"), "before"), again.log)
	require.Len(t, again.Mounts, 1, again.log)
	assert.True(t, again.Mounts[0].Restored)
	assert.Empty(t, again.MountsNotKept)
}
