package docker

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/kit/programs"
)

// verdicts returns the verdict of each target in the last report.
func (m *machine) verdicts() map[string]string {
	m.t.Helper()
	read, err := report.Read(filepath.Join(m.env["LAYERCACHE_REPORT_DIR"], report.File))
	require.NoError(m.t, err)
	verdicts := map[string]string{}
	for _, target := range read.Targets {
		verdicts[target.Target] = target.Verdict
	}
	return verdicts
}

const bakeFile = `
group "default" { targets = ["api", "web", "files"] }
target "base" { dockerfile = "Dockerfile" }
target "api" {
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\nLABEL name=api\n"
  tags = ["REGISTRY/team/api:1", "api"]
}
target "web" {
  inherits = ["api"]
  dockerfile-inline = "FROM base\nLABEL name=web\n"
  tags = ["REGISTRY/team/web:1"]
}
target "files" {
  dockerfile-inline = "FROM scratch\nCOPY src /src\n"
  output = ["type=local,dest=out"]
}
`

func TestBakeTakesKeptImagesAsBases(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\nENV BASE=yes\n")
	m.write("Dockerfile.next", "FROM our-base\nCOPY src /more\n")
	m.write("docker-bake.hcl", `group "default" { targets = ["kept", "pushed"] }
target "kept" {
  dockerfile = "Dockerfile.next"
  tags = ["next"]
}
target "pushed" {
  dockerfile-inline = "FROM our-base\nLABEL x=y\n"
  tags = ["`+m.registry.Addr()+`/team/next:1"]
  output = ["type=registry"]
}`)
	m.succeeds("build", "-q", "-t", "our-base", ".")
	m.succeeds("buildx", "bake")
	assert.Contains(t, m.succeeds("inspect", "-f", "{{.Config.Env}}", "next").stdout, "BASE=yes")
	config, err := m.pulled(m.registry.Addr() + "/team/next:1").ConfigFile()
	require.NoError(t, err)
	assert.Contains(t, config.Config.Env, "BASE=yes")
}

func TestBakeKeepsItsImages(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	host := m.registry.Addr()
	m.write("docker-bake.hcl", strings.ReplaceAll(bakeFile, "REGISTRY", host))
	got := m.succeeds("buildx", "bake", "--metadata-file", "meta.json")
	assert.Equal(t, map[string]string{"api": "cold", "web": "cold", "base": "cold", "files": "cold"}, m.verdicts(), got.stderr)
	assert.Equal(t, "hello\n", m.read("out/src/main.txt"))
	assert.Contains(t, m.read("meta.json"), `"image.name": "`+host+`/team/api:1,docker.io/library/api:latest"`)
	assert.Empty(t, m.tags("team/api"), "nothing is pushed yet")
	assert.ElementsMatch(t, []string{"api:latest", host + "/team/api:1", host + "/team/web:1"},
		strings.Fields(m.succeeds("images", "--format", "{{.Repository}}:{{.Tag}}").stdout))
	for _, name := range []string{"api", "web"} {
		image := host + "/team/" + name + ":1"
		m.succeeds("push", image)
		assert.Equal(t, m.idOf(image)+" "+name+"\n", m.succeeds("inspect", "-f", "{{.Id}} {{.Config.Labels.name}}", image).stdout)
	}

	m.succeeds("buildx", "bake", "--set", "*.tags="+host+"/team/other:1", "--load", "api")
	assert.Equal(t, "used", m.verdicts()["api"])
	assert.Empty(t, m.tags("team/other"), "a tag of the command line is not pushed either")
	assert.Contains(t, m.succeeds("images", "--format", "{{.Repository}}:{{.Tag}}").stdout, "/team/other:1")

	m.write("docker-bake.hcl", strings.ReplaceAll(bakeFile, "REGISTRY", host)+"target \"broken\" { dockerfile-inline = \"FROM scratch\\nCOPY nope /\" }\n")
	m.succeeds("rmi", "--force", m.idOf(host+"/team/api:1"))
	assert.Equal(t, 1, m.docker("buildx", "bake", "api", "broken").code)
	assert.Empty(t, m.succeeds("images", "-q", "api").stdout, "a failed build keeps nothing")
}

// composeMachine returns a machine with docker, Compose and buildx behind layercache, and no dockerd.
func composeMachine(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	m.useDocker()
	m.addPlugin("docker-compose", programs.Compose)
	m.takePlace()
	m.env["DOCKER_HOST"] = "unix:///nowhere"
	return m
}

const composeFile = `
name: ${PROJECT:-shop}
services:
  api:
    build: {context: ., args: {VERSION: "${VERSION}"}, secrets: [token]}
  web:
    image: REGISTRY/team/web:${VERSION}
    build:
      context: .
      dockerfile: deploy/Dockerfile
      tags: ["REGISTRY/team/web:latest"]
  worker:
    profiles: [jobs]
    build: {context: ., dockerfile: deploy/Dockerfile}
  database:
    image: postgres
secrets:
  token: {environment: TOKEN}
`

func TestComposeBuilds(t *testing.T) {
	t.Parallel()
	m := composeMachine(t)
	host := m.registry.Addr()
	m.env["VERSION"], m.env["TOKEN"] = "7", "secret-token"
	m.write("compose.yaml", strings.ReplaceAll(composeFile, "REGISTRY", host))
	m.write("Dockerfile", "FROM "+base+"\nARG VERSION\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token > /size && echo $VERSION > /version\n")
	m.write("deploy/Dockerfile", dockerfile)
	names := func() []string {
		return strings.Fields(m.succeeds("images", "--format", "{{.Repository}}:{{.Tag}}").stdout)
	}

	got := m.succeeds("compose", "build")
	assert.Equal(t, map[string]string{"api": "cold", "web": "cold"}, m.verdicts(), got.stderr)
	assert.NotContains(t, got.stdout+got.stderr, "secret-token")
	assert.ElementsMatch(t, []string{"shop-api:latest", host + "/team/web:7", host + "/team/web:latest"}, names(), "as Compose names them")
	assert.Equal(t, "api\n", m.succeeds("inspect", "-f", `{{index .Config.Labels "com.docker.compose.service"}}`, "shop-api").stdout)
	m.succeeds("push", host+"/team/web:7")
	assert.Equal(t, []string{"7"}, m.tags("team/web"))

	m.succeeds("compose", "-p", "other", "--profile", "jobs", "build", "--quiet", "worker")
	assert.Contains(t, names(), "other-worker:latest")
	m.succeeds("compose", "build")
	assert.Equal(t, map[string]string{"api": "used", "web": "used"}, m.verdicts())
	m.succeeds("compose", "build", "--push", "web")
	assert.ElementsMatch(t, []string{"7", "latest"}, m.tags("team/web"))

	wrong := m.docker("compose", "build", "nope")
	assert.NotZero(t, wrong.code)
	assert.Contains(t, wrong.stderr, "no such service: nope")
	delete(m.env, "TOKEN")
	m.write(".env", "TOKEN=in-a-file\n")
	left := m.docker("compose", "build", "api")
	assert.NotZero(t, left.code, "docker has no daemon")
	assert.Contains(t, left.stderr, "layercache: docker answers this call: the variable TOKEN of a secret is not set in the environment\n")
}

// What bake asks the user for before it builds, Compose grants by itself.
func TestComposeBuildsWhatBakeHasToAllow(t *testing.T) {
	t.Parallel()
	m := composeMachine(t)
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "token"), []byte("secret-token"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "file"), []byte("shared"), 0o600))
	m.write("compose.yaml", `
name: shop
services:
  network: {build: {context: ., network: host}}
  entitlement: {build: {context: ., entitlements: [network.host]}}
  files:
    build:
      context: .
      dockerfile: Dockerfile.files
      additional_contexts: {shared: `+outside+`}
      secrets: [token]
      cache_to: ["type=local,dest=`+outside+`/cache"]
  agent: {build: {context: ., dockerfile: Dockerfile.agent, ssh: [default]}}
  privileged: {build: {context: ., dockerfile: Dockerfile.privileged, privileged: true}}
secrets:
  token: {file: `+outside+`/token}
`)
	m.write("Dockerfile", "FROM "+base+"\nRUN --network=host readlink /proc/self/ns/net >/network\n")
	m.write("Dockerfile.files", "FROM "+base+"\nCOPY --from=shared file /\nRUN --mount=type=secret,id=token,required true\n")
	m.write("Dockerfile.agent", "FROM "+base+"\nRUN --mount=type=ssh true\n")
	m.write("Dockerfile.privileged", "FROM "+base+"\nRUN --security=insecure true\n")

	m.env["SSH_AUTH_SOCK"] = filepath.Join(m.tmp, "agent")
	agent, err := net.Listen("unix", m.env["SSH_AUTH_SOCK"])
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, agent.Close()) })

	got := m.succeeds("compose", "build", "network", "entitlement", "files", "agent")
	assert.Equal(t, map[string]string{"network": "cold", "entitlement": "cold", "files": "cold", "agent": "cold"}, m.verdicts(), got.stderr)
	assert.FileExists(t, filepath.Join(outside, "cache", "index.json"))
	refused := m.docker("compose", "build", "privileged")
	assert.Equal(t, 1, refused.code)
	assert.Contains(t, refused.stderr, "security.insecure is not allowed", "by the builder, as by docker's")
}

const pushedFile = `
name: shop
services:
  api:
    image: REGISTRY/team/api:1
    build: {context: ., tags: ["REGISTRY/team/api:latest"]}
    depends_on: [web]
  web:
    image: REGISTRY/team/web
    build: .
  unnamed: {build: .}
  database: {image: postgres}
`

func TestComposePushNeedsNoDaemon(t *testing.T) {
	t.Parallel()
	m := composeMachine(t)
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	m.write("compose.yaml", strings.ReplaceAll(pushedFile, "REGISTRY", m.registry.Addr()))
	m.succeeds("compose", "build")
	api := m.succeeds("compose", "push", "api")
	assert.ElementsMatch(t, []string{"1", "latest"}, m.tags("team/api"))
	assert.Empty(t, m.tags("team/web"), "a dependency is pushed with --include-deps only")
	assert.Empty(t, api.stdout)
	assert.Contains(t, api.stderr, "The push refers to repository ["+m.registry.Addr()+"/team/api]\n")
	quiet := m.succeeds("compose", "push", "--quiet", "--include-deps", "api")
	assert.Equal(t, []string{"latest"}, m.tags("team/web"))
	assert.Empty(t, quiet.stdout+quiet.stderr)
	m.succeeds("compose", "push")

	m.succeeds("rmi", m.registry.Addr()+"/team/web")
	partly := m.docker("compose", "push")
	assert.NotZero(t, partly.code, "docker has no daemon")
	assert.Contains(t, partly.stderr, "layercache: docker pushes the images that layercache did not build: services web\n")
	assert.NotContains(t, partly.stderr, "loading", "docker needs none of the kept images")
	wrong := m.docker("compose", "push", "nope")
	assert.NotZero(t, wrong.code)
	assert.Contains(t, wrong.stderr, "no such service: nope")

	m.write("compose.yaml", strings.ReplaceAll(pushedFile, "REGISTRY", "127.0.0.1:1"))
	m.succeeds("compose", "build")
	unreachable := m.docker("compose", "push")
	assert.Equal(t, 1, unreachable.code)
	assert.Equal(t, 3, strings.Count(unreachable.stderr, "The push refers to repository"), "every image is tried: %s", unreachable.stderr)
	assert.Contains(t, unreachable.stderr, "connection refused")
	m.succeeds("compose", "push", "--ignore-push-failures")
}
