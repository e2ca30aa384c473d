package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

func TestDockerIsReachedWithoutTheKeptImages(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	behind := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(behind, "docker"), []byte("#!/bin/sh\necho behind \"$@\"\n"), 0o755))
	m.path += ":" + behind
	folder := filepath.Join(m.tmp, fmt.Sprintf("layercache-docker-%d", os.Getuid()))
	require.NoError(t, os.Mkdir(folder, 0o777))
	require.NoError(t, os.Chmod(folder, 0o777), "every user can create a folder in the usual $TMPDIR")
	passed := m.succeeds("ps", "--all")
	assert.Equal(t, "behind ps --all\n", passed.stdout)
	assert.Contains(t, passed.stderr, "layercache: docker does not get the images that layercache built: keep built images: folder "+folder+" is not safe to use")
	assert.NotZero(t, m.docker("build", ".").code, "images are not kept there")
}

func TestDockerGetsTheImagesThatItNeeds(t *testing.T) {
	t.Parallel()
	m := daemon(t)
	m.takePlace()
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\nCMD [\"/src\"]\n")
	const loads = "layercache: loading shop:latest into docker, which `docker history` needs\n"
	id := strings.TrimSpace(m.succeeds("build", "-q", "-t", "shop", ".").stdout)

	history := m.succeeds("history", "--no-trunc", "-q", "shop")
	assert.Contains(t, history.stdout, id, "docker has the image that was built")
	assert.Equal(t, loads, history.stderr)
	assert.Empty(t, m.succeeds("history", "shop").stderr, "it has it already")

	m.succeeds("tag", "shop", "again")
	assert.Contains(t, m.succeeds("history", "--no-trunc", "-q", "again").stdout, id)

	imported := m.shell("tar -c src | docker import - plain:1")
	require.Zero(t, imported.code, imported.stderr)
	assert.Equal(t, "again:latest\nshop:latest\nplain:1\n", m.succeeds("images", "--format", "{{.Repository}}:{{.Tag}}").stdout, "each image once")
	table := m.succeeds("images").stdout
	assert.Regexp(t, `(?m)^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$`, table)
	assert.Equal(t, 4, strings.Count(table, "\n"))

	assert.Equal(t, 1, m.docker("inspect", "nope").code)
	both := m.succeeds("inspect", "-f", "{{.Id}}", "shop", "plain:1")
	assert.Equal(t, id+"\n"+strings.TrimSpace(imported.stdout)+"\n", both.stdout)
	assert.Equal(t, strings.TrimSpace(imported.stdout)+"\n", m.succeeds("inspect", "-f", "{{.Id}}", "plain:1").stdout)

	m.succeeds("tag", "plain:1", "shop:latest")
	assert.Equal(t, strings.TrimSpace(imported.stdout)+"\n", m.succeeds("inspect", "-f", "{{.Id}}", "shop").stdout, "the name has moved to docker's image")
	assert.Equal(t, id+"\n", m.succeeds("inspect", "-f", "{{.Id}}", "again").stdout)

	assert.Equal(t, 125, m.docker("run", "--nonsense").code, "docker's own status")
	m.succeeds("rmi", "again", "plain:1")
	assert.Equal(t, "", m.succeeds("images", "-q", "again").stdout)

	unnamed := strings.TrimSpace(m.succeeds("build", "-q", "--label", "x=y", ".").stdout)
	assert.Contains(t, m.succeeds("history", "--no-trunc", "-q", unnamed).stdout, unnamed, "an image without a name")

	m.write("Dockerfile.plain", "FROM plain:2\nCOPY src /src\n")
	m.succeeds("tag", "shop", "plain:2")
	built := m.succeeds("build", "-t", "from-plain", "-f", "Dockerfile.plain", ".")
	assert.Contains(t, built.stderr, "layercache: docker builds this image: its base image plain:2 is in no registry, only in docker\n")
	assert.NotEmpty(t, m.succeeds("images", "-q", "from-plain").stdout)
}

func TestImagesThatDockerRemoved(t *testing.T) {
	t.Parallel()
	m := daemon(t)
	m.takePlace()
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	const loads = "layercache: loading shop:latest into docker"
	id := strings.TrimSpace(m.succeeds("build", "-q", "-t", "shop", ".").stdout)
	m.succeeds("history", "shop")
	m.succeeds("tag", "shop", "again")
	assert.Equal(t, "Untagged: again:latest\n", m.succeeds("rmi", "again").stdout, "docker does not have this name")

	m.succeeds("image", "prune", "--all", "--force")
	history := m.succeeds("history", "--no-trunc", "-q", "shop")
	assert.Contains(t, history.stdout, id)
	assert.Contains(t, history.stderr, loads, "docker had removed it")

	m.succeeds("image", "prune", "--all", "--force")
	assert.Equal(t, "Untagged: shop:latest\nDeleted: "+id+"\n", m.succeeds("rmi", "shop").stdout)

	unnamed := strings.TrimSpace(m.succeeds("build", "-q", "--label", "x=y", ".").stdout)
	m.succeeds("history", unnamed)
	m.succeeds("image", "prune", "--force")
	assert.Contains(t, m.succeeds("history", "--no-trunc", "-q", unnamed).stdout, unnamed)
}

func TestAnImageThatDockerReplacedIsNoLongerTheKeptOne(t *testing.T) {
	t.Parallel()
	m := daemon(t)
	m.addPlugin("docker-compose", programs.Compose)
	m.takePlace()
	image := m.registry.Addr() + "/team/web:1"
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\nCMD [\"/src\"]\n")
	m.write("compose.yaml", "name: shop\nservices: {web: {image: \""+image+"\", build: ., network_mode: none}}\n")
	inDocker := func() string {
		got := m.shell(`"$1" image inspect -f '{{.Id}}' "$2"`, programs.Path(programs.Docker), image)
		return strings.TrimSpace(got.stdout)
	}
	kept := func() string { return strings.TrimSpace(m.succeeds("inspect", "-f", "{{.Id}}", image).stdout) }
	m.succeeds("compose", "build")
	built := kept()
	other := m.shell("tar -c src | docker import - other:1 && docker save -o other.tar other:1 && docker load -i other.tar")
	require.Zero(t, other.code, other.stderr)
	assert.Contains(t, m.succeeds("compose", "create").stderr, "layercache: loading "+image+" into docker, which `docker compose` needs\n")
	assert.Equal(t, built, inDocker())
	m.succeeds("compose", "push")
	assert.Equal(t, built, m.idOf(image), "docker has not replaced it")
	assert.NotContains(t, m.succeeds("compose", "push").stderr, "docker pushes")
	m.succeeds("save", "-o", "built.tar", image)

	m.write("src/main.txt", "changed\n")
	m.succeeds("compose", "create", "--build")
	composed := inDocker()
	require.NotEqual(t, built, composed, "docker has built another image")
	pushed := m.succeeds("compose", "push")
	assert.Contains(t, pushed.stderr, "layercache: docker pushes the images that layercache did not build: services web\n")
	assert.Equal(t, composed, m.idOf(image))
	assert.Equal(t, composed, kept())

	m.write("src/main.txt", "changed again\n")
	m.succeeds("compose", "build")
	require.NotEqual(t, composed, kept())
	loaded := m.succeeds("load", "-i", "built.tar")
	assert.NotContains(t, loaded.stderr, "layercache: loading", "it uses no kept image")
	m.succeeds("ps")
	m.succeeds("push", image)
	assert.Equal(t, built, m.idOf(image), "that of docker load")

	m.write("src/main.txt", "changed a third time\n")
	m.succeeds("compose", "build")
	latest := kept()
	m.succeeds("push", image)
	assert.Equal(t, latest, m.idOf(image), "a later build has the name")

	m.write("src/main.txt", "changed a fourth time\n")
	m.write("old.env", "TOKEN=in-a-file\n")
	m.write("compose.yaml", "name: shop\nsecrets: {token: {environment: TOKEN}}\n"+
		"services: {web: {image: \""+image+"\", build: {context: ., secrets: [token]}, network_mode: none}}\n")
	fallback := m.succeeds("compose", "--env-file", "old.env", "build")
	assert.Contains(t, fallback.stderr, "layercache: docker answers this call: the variable TOKEN of a secret is not set in the environment\n")
	require.NotEqual(t, latest, inDocker())
	m.succeeds("compose", "--env-file", "old.env", "push")
	assert.Equal(t, inDocker(), m.idOf(image))
}

func TestAComposeThatCannotPrintBuildsInDocker(t *testing.T) {
	t.Parallel()
	m := daemon(t)
	m.addPlugin("docker-compose", programs.Compose)
	m.takePlace()
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	m.write("compose.yaml", "name: shop\nservices: {web: {build: .}}\n")
	m.succeeds("compose", "build")
	built := m.succeeds("inspect", "-f", "{{.Id}}", "shop-web").stdout

	plugin := filepath.Join(m.env["DOCKER_CONFIG"], "cli-plugins", "docker-compose")
	require.NoError(t, os.Remove(plugin))
	require.NoError(t, os.WriteFile(plugin, []byte("#!/bin/sh\ncase \" $* \" in *' --print '*) exit 1; esac\n"+
		"exec "+programs.Path(programs.Compose)+" \"$@\"\n"), 0o755))
	m.write("src/main.txt", "changed\n")
	assert.Contains(t, m.succeeds("compose", "build").stderr, "layercache: docker answers this call: docker compose build --print does not say what to build\n")
	assert.NotEqual(t, built, m.succeeds("inspect", "-f", "{{.Id}}", "shop-web").stdout, "docker's image has the name")
}

func TestDockerSquashes(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.useDocker()
	m.env["DOCKER_HOST"] = m.startDaemon("--experimental")
	m.takePlace()
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	squash := func(args ...string) {
		m.env["DOCKER_BUILDKIT"] = "0"
		got := m.succeeds(append([]string{"build", "--squash", "-t", "shop:1", "."}, args...)...)
		assert.Contains(t, got.stderr, "layercache: docker answers this call: only docker's classic builder has --squash\n")
		delete(m.env, "DOCKER_BUILDKIT")
	}
	id := func() string { return m.succeeds("inspect", "-f", "{{.Id}}", "shop:1").stdout }
	m.succeeds("build", "-t", "shop:1", ".")
	kept := id()
	squash()
	assert.NotEqual(t, kept, id(), "docker's image has the name")

	m.succeeds("build", "-t", "kept:1", ".")
	m.write("Dockerfile.kept", "FROM kept:1\nCOPY src /again\n")
	squash("-f", "Dockerfile.kept")
}

func TestABuildThatDockerRepeatsHasTheKeptImages(t *testing.T) {
	t.Parallel()
	m := daemon(t)
	m.takePlace()
	m.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	m.succeeds("build", "-t", "kept:1", ".")
	m.succeeds("build", "-t", "other:1", "--label", "a=b", ".")
	imported := m.shell("tar -c src | docker import - onlyindocker:1")
	require.Zero(t, imported.code, imported.stderr)
	m.write("Dockerfile.both", "FROM onlyindocker:1\nCOPY --from=kept:1 /src /kept\n")
	for _, name := range []string{"shop:1", "kept:1"} {
		built := m.succeeds("build", "-t", name, "-f", "Dockerfile.both", ".")
		assert.Contains(t, built.stderr, "layercache: docker builds this image: its base image onlyindocker:1 is in no registry, only in docker\n")
		assert.NotContains(t, built.stderr, "loading other:1")
	}
}

func TestTwoLayercachesDoNotStartEachOther(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	behind, dirs := t.TempDir(), []string{t.TempDir(), t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(behind, "docker"), []byte("#!/bin/sh\necho behind \"$@\"\n"), 0o755))
	program, err := os.ReadFile(programs.Path(programs.Bundled))
	require.NoError(t, err)
	for _, dir := range dirs {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "layercache"), program, 0o755))
	}
	m.env["A"], m.env["B"] = dirs[0], dirs[1]
	m.path += ":" + behind

	twice := m.shell(`rm "$1"/*; PATH="$A:$PATH" layercache setup --docker && PATH="$B:$A:$PATH" layercache setup --docker &&
		PATH="$B:$A:$PATH" timeout 20 docker ps`, m.bin())
	require.Zero(t, twice.code, twice.stderr)
	assert.Equal(t, "behind ps\n", twice.stdout)
	assert.Equal(t, "layercache: docker is now layercache ("+dirs[0]+"), which leaves what it does not answer to "+filepath.Join(behind, "docker")+"\n"+
		"layercache: docker is now layercache ("+dirs[1]+"), which leaves what it does not answer to "+filepath.Join(behind, "docker")+"\n", twice.stderr)

	hidden := m.shell(`rm "$B/docker" && PATH="$A:$B:$PATH" "$B/layercache" setup --docker`)
	assert.Equal(t, 1, hidden.code, hidden.stderr)
	assert.Contains(t, hidden.stderr, "docker is in the first folder of PATH, "+dirs[0]+": put the folder of layercache before it")

	copies := m.shell(`mv "$A/layercache" "$A/docker" && mv "$B/layercache" "$B/docker" && PATH="$B:$A:$PATH" timeout 20 docker ps`)
	require.Zero(t, copies.code, copies.stderr)
	assert.Equal(t, "behind ps\n", copies.stdout)
}
