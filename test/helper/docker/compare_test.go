package docker

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

// useDocker replaces layercache by docker, with buildx as its plugin.
func (m *machine) useDocker() {
	m.t.Helper()
	require.NoError(m.t, os.RemoveAll(m.bin()))
	behind := filepath.Join(m.tmp, "docker-behind")
	require.NoError(m.t, os.Mkdir(behind, 0o755))
	require.NoError(m.t, os.Symlink(programs.Path(programs.Docker), filepath.Join(behind, "docker")))
	m.path = behind + ":" + m.path
	m.addPlugin("docker-buildx", programs.Buildx)
}

// addPlugin makes a program a plugin of docker.
func (m *machine) addPlugin(name, program string) {
	m.t.Helper()
	m.env["DOCKER_CONFIG"] = filepath.Join(m.tmp, ".docker")
	plugins := filepath.Join(m.env["DOCKER_CONFIG"], "cli-plugins")
	require.NoError(m.t, os.MkdirAll(plugins, 0o755))
	require.NoError(m.t, os.Symlink(programs.Path(program), filepath.Join(plugins, name)))
}

// daemon starts a dockerd, and returns a machine with the docker that uses it.
func daemon(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	m.useDocker()
	m.env["DOCKER_HOST"] = m.startDaemon()
	return m
}

// startDaemon starts a dockerd of the test's own, with these flags too, and returns its address.
func (m *machine) startDaemon(flags ...string) string {
	m.t.Helper()
	t := m.t                                 // Subtests replace that of the machine.
	dir, err := os.MkdirTemp("", "dockerd-") // A short path: that of a socket has at most 107 bytes.
	require.NoError(t, err)
	address := "unix://" + filepath.Join(dir, "docker.sock")
	ctx, stop := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, programs.Path(programs.Dockerd), append(flags, "--data-root", filepath.Join(dir, "data"),
		"--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"), "--host", address, "--iptables=false", "--bridge=none", "--userland-proxy=false")...)
	server.Env = append(os.Environ(), "PATH="+m.path+":"+programs.Dir) // It starts containerd.
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	server.Stdout, server.Stderr = log, log
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		stop()
		_ = server.Wait()
		_ = log.Close()
		assert.NoError(t, os.RemoveAll(dir))
	})
	require.Eventually(t, func() bool {
		return exec.Command(programs.Path(programs.Docker), "--host", address, "version").Run() == nil
	}, time.Minute, 100*time.Millisecond,
		"dockerd does not start: see %s", log.Name())
	return address
}

// guarded starts a registry that answers requests without the right password with the status, and returns its address.
func guarded(t *testing.T, status int) string {
	t.Helper()
	open := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	code := map[int]string{http.StatusUnauthorized: "UNAUTHORIZED", http.StatusForbidden: "DENIED"}[status]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		username, password, _ := r.BasicAuth()
		if username == "user" && password == "secret" || r.URL.Path == "/v2/" && status == http.StatusForbidden {
			open.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"no access"}]}`, code)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// normalize replaces what differs from run to run in the output of docker.
func (m *machine) normalize(text string) string {
	for _, host := range []string{"R", "A", "FORBIDDEN"} {
		text = strings.ReplaceAll(text, m.env[host], "REGISTRY")
	}
	text = strings.ReplaceAll(text, m.tmp, "TMP")
	for _, rule := range []struct{ pattern, replacement string }{
		{`sha256:[0-9a-f]{64}`, "sha256:ID"}, {`\b[0-9a-f]{12}\b`, "SHORT"}, {`size: \d+`, "size: N"}, {`[\d.]+k?B\b`, "N B"},
		{`(?m)(About an? \w+|Less than a second|\d+ \w+) ago`, "WHEN"}, {` {2,}`, " "}, {"Mounted from cache", "Pushed"}, {`(executing "" at <\.\w+>): .*`, "$1"}, {`(?s)((docker: 'docker [\w ]+' requires|unknown flag:) [^\n]*\n).*`, "$1"},
	} {
		text = regexp.MustCompile(rule.pattern).ReplaceAllString(text, rule.replacement)
	}
	return text
}

// sorted returns the lines in order: docker writes those of layers as they end.
func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}

// The calls of a session. Each is a line for the shell; $R is the registry.
var session = []string{
	"docker build -q -t shop .", "docker build -t shop:1 -t $R/team/shop:1 .", "docker image build -t other -f Dockerfile.other .",
	"docker buildx build -q -t third --label a=b .", "docker build --iidfile id -t shop . && wc -c < id", "docker build -t Shop .", "docker build -t a:b:c .",
	"docker build --target nope -t x .", "docker build -f nope -t x .", "docker build nope", "docker build -q --build-arg A=2 --label x=y -t args .",
	"docker inspect -f '{{.Os}} {{.Architecture}}' shop", "docker inspect -f '{{.RepoTags}}' shop:1", "docker inspect -f '{{json .RepoTags}}' shop:1",
	"docker inspect -f '{{.Config.Cmd}}' shop", "docker inspect -f '{{json .Config.Cmd}}' shop", "docker inspect -f '{{.Config.WorkingDir}}' shop",
	"docker inspect -f '{{index .Config.Labels \"team\"}}' shop", "docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' shop",
	"docker inspect -f '{{.RootFS.Type}} {{len .RootFS.Layers}}' shop", "docker inspect -f '{{.Id}}' shop", "docker inspect -f '{{.ID}}' shop",
	"docker inspect -f '{{.Nope}}' shop", "docker inspect -f '{{' shop", "docker inspect -f '{{upper .Os}} {{lower \"A\"}} {{title .Os}}' shop",
	"docker inspect -f '{{join .RepoTags \",\"}}' shop:1", "docker inspect -f '{{truncate .Os 3}}{{pad .Os 1 2}}|' shop", "docker inspect -f '{{.Id}}' nope",
	"docker inspect nope", "docker inspect --type image nope", "docker image inspect nope", "docker image inspect -f '{{.Id}}' nope nope2",
	"docker image inspect -f '{{.Id}}' shop shop:1", "docker inspect -f '{{.Os}}' shop other", "docker inspect -f json shop | head -c 7",
	"docker inspect -f '{{.Author}}|{{.Os}}' shop", "docker inspect shop | head -2 | tail -1",
	"docker images -q shop", "docker images --no-trunc -q shop:1", "docker images shop", "docker images --format '{{.Repository}}:{{.Tag}}' shop",
	"docker images --format '{{.ID}}' shop:1", "docker images --format 'table {{.Repository}}\\t{{.Tag}}' shop:1", "docker images --format '{{.Nope}}' shop:1",
	"docker images --format '{{' shop", "docker images nope", "docker images -q nope", "docker images --format '{{.Repository}}:{{.Tag}}' --filter reference=shop:1",
	"docker images --format '{{.Tag}}' -f reference='sho*'", "docker images --format '{{.Tag}}' -f reference='$R/team/*'", "docker images --format '{{.Repository}}' -f label=a=b",
	"docker images --format '{{.Repository}}' -f label=nope", "docker image ls --format '{{.Tag}}' shop:1", "docker images --digests --format '{{.Digest}}' shop:1",
	"docker images --format '{{.Repository}}' --filter dangling=false shop:1", "docker images --format '{{upper .Repository}}' shop:1",
	"docker tag shop:1 $R/team/shop:2", "docker image tag shop:1 again", "docker tag shop", "docker tag nope x", "docker tag nope:3 x", "docker tag shop Bad",
	"docker tag shop $R/team/shop", "docker tag $(docker images -q --no-trunc shop:1) by-id", "docker images -q by-id",
	"docker push $R/team/shop:1", "docker push $R/team/shop:1", "docker push $R/team/shop:nope", "docker push $R/team/nope", "docker push -q $R/team/shop:2",
	"docker push $R/team/shop", "docker push --all-tags $R/team/shop", "docker push -a $R/team/shop:1", "docker push -a $R/team/nope", "docker push Bad",
	"docker push", "docker push a b", "docker inspect -f '{{index .RepoDigests 0}}' $R/team/shop:1", "docker images --digests --format '{{.Repository}} {{.Digest}}' $R/team/shop:1",
	"docker images --no-trunc --format '{{.ID}} {{.Tag}}' shop:1", "docker images --digests shop:1", "docker images --no-trunc shop:1", "docker image ls -q shop:1",
	"docker image list shop:1", "docker images --format json shop:1 | head -c 1", "docker images --format '{{json .Tag}}' shop:1", "docker images --format '{{.Repository}}' $R/team/shop:1",
	"docker images --format '{{.Tag}}' --filter reference=nope", "docker images --format '{{.Tag}}' -f reference=shop:1 -f reference=nope",
	"docker images --format 'raw' shop:1 | head -2", "docker images -aq shop:1", "docker images --quiet --format '{{.Tag}}' shop:1",
	"docker tag shop:1", "docker image tag a b c", "docker tag shop:1 $R/team/shop@sha256:0000000000000000000000000000000000000000000000000000000000000000",
	"docker image push $R/team/shop:1", "docker push --nope x", "docker inspect", "docker image inspect", "docker images a b", "docker rmi --nope x",
	"docker inspect --nope x", "docker inspect -s -f '{{.Os}}' shop", "docker inspect --type=image -f '{{.Os}}' shop", "docker inspect -f '{{.Variant}}|{{.OsVersion}}|{{.Author}}' shop",
	"docker inspect -f '{{json .RootFS.Layers}}' shop", "docker inspect -f '{{.Comment}}' shop", "docker inspect -f '{{.Parent}}|' shop", "docker inspect -f '{{.Created}}' shop | cut -c1-2",
	"docker push $A/shop:1", "docker tag shop:1 $A/shop:1", "docker push $A/shop:1", "docker login --password-stdin $A", "echo wrong | docker login -u user --password-stdin $A",
	"echo secret | docker login -u user --password-stdin $A", "docker push -q $A/shop:1", "docker logout $A", "docker push -q $A/shop:2", "docker login a b", "docker logout a b", "docker logout $A",
	"docker push $FORBIDDEN/shop:1", "docker tag shop:1 $FORBIDDEN/shop:1", "docker push $FORBIDDEN/shop:1",
	"docker rmi again", "docker rmi nope", "docker rmi nope again2", "docker rmi -f nope", "docker rmi $R/team/shop:1 $R/team/shop:2", "docker image rm by-id", "docker rmi other",
	"docker rmi $(docker images -q --no-trunc third)", "docker rmi", "docker images -q third",
}

// TestDockerAndOurs runs the session with docker and with layercache in its place, and compares statuses and outputs.
func TestDockerAndOurs(t *testing.T) {
	t.Parallel()
	real, ours := daemon(t), newMachine(t)
	ours.source = real.source // Times of files are part of an image.
	for _, m := range []*machine{real, ours} {
		m.env["R"], m.env["A"], m.env["FORBIDDEN"] = m.registry.Addr(), guarded(t, http.StatusUnauthorized), guarded(t, http.StatusForbidden)
		m.write("Dockerfile", "FROM scratch AS first\nLABEL team=a\nENV A=1 B=2\nCOPY src/main.txt /\nWORKDIR /\nCMD [\"/src/main\", \"-v\"]\n")
		m.write("Dockerfile.other", "FROM scratch\nCOPY src/main.txt /other\n")
	}
	// Docker's own exporter writes no fractions of a second.
	require.NoError(t, os.Chtimes(filepath.Join(real.source, "src", "main.txt"), time.Unix(1, 0), time.Unix(1, 0)))
	for _, line := range session {
		t.Run(line, func(t *testing.T) {
			real.t, ours.t = t, t
			want, got := real.shell(line), ours.shell(line)
			assert.Equal(t, want.code, got.code, "docker: %s\nours: %s", want.stderr, got.stderr)
			wanted, gotten := real.normalize(want.stdout), ours.normalize(got.stdout)
			if strings.Contains(line, " push ") {
				wanted, gotten = sorted(wanted), sorted(gotten)
			}
			assert.Equal(t, wanted, gotten, "docker: %s\nours: %s", want.stderr, got.stderr)
			if !strings.Contains(line, " build ") {
				assert.Equal(t, real.normalize(want.stderr), ours.normalize(got.stderr))
			}
		})
	}
	real.t, ours.t = t, t
	assert.Equal(t, real.content("team/shop:1"), ours.content("team/shop:1"), "the pushed images are the same, apart from times")
}

// content returns the config of an image in the registry, as JSON without times and digests, and its files. The digests
// of layers depend on who writes the tar: Docker's own storage does not write the headers that BuildKit does.
func (m *machine) content(image string) string {
	m.t.Helper()
	pulled := m.pulled(m.registry.Addr() + "/" + image)
	raw, err := pulled.RawConfigFile()
	require.NoError(m.t, err)
	var config map[string]any
	require.NoError(m.t, json.Unmarshal(raw, &config))
	delete(config, "created")
	config["rootfs"].(map[string]any)["diff_ids"] = len(config["rootfs"].(map[string]any)["diff_ids"].([]any))
	maps.DeleteFunc(config["config"].(map[string]any), func(_ string, value any) bool { return value == nil })
	for _, step := range config["history"].([]any) {
		delete(step.(map[string]any), "created")
	}
	content, err := json.MarshalIndent(config, "", " ")
	require.NoError(m.t, err)
	text := string(content)
	files := mutate.Extract(pulled)
	defer files.Close()
	for archive := tar.NewReader(files); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return text
		}
		require.NoError(m.t, err)
		content, err := io.ReadAll(archive)
		require.NoError(m.t, err)
		text += fmt.Sprintf("\n%s %v %d:%d %d %x", header.Name, header.FileInfo().Mode(), header.Uid, header.Gid, header.ModTime.Unix(), sha256.Sum256(content))
	}
}
