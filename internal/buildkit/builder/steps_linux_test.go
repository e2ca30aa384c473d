//go:build !unit

package builder

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/toolchain"
)

// probe prints which sockets it may open, and its network namespace. With an argument it waits until it is
// killed; with "leave" it also starts a process in a new session that does the same.
const probe = `package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		if os.Args[1] == "leave" {
			child := exec.Command("/probe", "wait")
			child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			fmt.Println("left:", child.Start())
		}
		time.Sleep(time.Hour)
	}
	for _, kind := range []struct{ name string; domain, kind, protocol int }{
		{"packets", syscall.AF_PACKET, syscall.SOCK_RAW, 0x0300},
		{"packets without header", syscall.AF_PACKET, syscall.SOCK_DGRAM, 0x0300},
		{"ICMP", syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_ICMP},
		{"raw TCP", syscall.AF_INET6, syscall.SOCK_RAW, syscall.IPPROTO_TCP},
		{"TCP", syscall.AF_INET, syscall.SOCK_STREAM, 0},
	} {
		_, err := syscall.Socket(kind.domain, kind.kind, kind.protocol)
		fmt.Printf("%s: %v\n", kind.name, err)
	}
	_, err := os.Lstat("/dev/otel-grpc.sock")
	fmt.Printf("trace collector: %t, by variable: %q\n", err == nil, os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
	network, _ := os.Readlink("/proc/self/ns/net")
	fmt.Println("network:", network)
}
`

// allowed and refused are the output of the probe with and without raw sockets.
const (
	allowed = "packets: <nil>\npackets without header: <nil>\nICMP: <nil>\nraw TCP: <nil>\nTCP: <nil>\n" + noCollector
	refused = "packets: operation not permitted\npackets without header: operation not permitted\n" +
		"ICMP: operation not permitted\nraw TCP: operation not permitted\nTCP: <nil>\n" + noCollector
	noCollector = "trace collector: false, by variable: \"\"\n"
)

// compileProbe compiles the probe to the path.
func compileProbe(t *testing.T, path string) {
	t.Helper()
	source := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "go.mod"), []byte("module probe\n\ngo 1.24\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(source, "main.go"), []byte(probe), 0o600))
	require.NoError(t, toolchain.Compile(context.Background(), toolchain.Compilation{
		Dir: source, Package: ".", Platform: toolchain.Host(), Output: path, Label: "the probe",
	}, t.Output()))
}

// ownNetworkName returns the output of the probe on the network of the test.
func ownNetworkName(t *testing.T) string {
	t.Helper()
	name, err := os.Readlink("/proc/thread-self/ns/net")
	require.NoError(t, err)
	return "network: " + name + "\n"
}

// realPrograms compiles the pinned buildkitd, where the native builder finds it, and returns the pinned
// buildx.
func realPrograms(t *testing.T) buildx.Client {
	t.Helper()
	needRoot(t)
	for _, program := range []toolchain.Program{toolchain.Buildkitd(), toolchain.Buildx()} {
		_, err := toolchain.Build(t.Context(), program, toolchain.Host(), t.Output())
		require.NoError(t, err)
	}
	parentsAre(t, shortTemp(t))
	return buildx.Client{Path: toolchain.Lookup(toolchain.Buildx(), toolchain.Host())}
}

func TestAStepCannotOpenRawSocketsOnTheMachinesNetwork(t *testing.T) {
	client := realPrograms(t)
	dir := t.TempDir()
	compileProbe(t, filepath.Join(dir, "probe"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY probe /probe\nRUN [\"/probe\"]\n"), 0o600))
	env := []string{"BUILDX_CONFIG=" + t.TempDir()}
	b, err := Start(t.Context(), Options{Kind: "native", Buildx: client, Env: env})
	require.NoError(t, err)
	defer func() {
		assert.NoError(t, b.Close())
		assert.NoError(t, b.Wait())
	}()
	log, err := client.Command(t.Context(), env, "build", "--builder", b.Name, "--progress", "plain", "--output", "type=cacheonly", dir).CombinedOutput()
	require.NoError(t, err, string(log))
	var output strings.Builder
	for _, line := range stepOutput.FindAllStringSubmatch(string(log), -1) {
		output.WriteString(line[1])
	}
	assert.Equal(t, refused+ownNetworkName(t), output.String(), string(log))
}

func TestAStepEndsWithItsBuilder(t *testing.T) {
	client := realPrograms(t)
	dir := t.TempDir()
	compileProbe(t, filepath.Join(dir, "probe"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY probe /probe\nRUN [\"/probe\", \"leave\"]\n"), 0o600))
	for name, end := range map[string]func(*Builder){
		"it is killed":  (*Builder).Kill,
		"it is stopped": func(b *Builder) { assert.NoError(t, b.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			env := []string{"BUILDX_CONFIG=" + t.TempDir()}
			b, err := Start(t.Context(), Options{Kind: "native", Buildx: client, Env: env})
			require.NoError(t, err)
			build := client.Command(t.Context(), env, "build", "--builder", b.Name, "--progress", "plain", "--output", "type=cacheonly", dir)
			require.NoError(t, build.Start())
			state := strings.TrimPrefix(b.Name, "layercache-")
			require.Eventually(t, func() bool { return len(stepsOf(state)) == 2 }, time.Minute, tick, "the step and the process that it started are running")
			for _, pid := range stepsOf(state) {
				score, err := os.ReadFile(filepath.Join("/proc", pid, "oom_score_adj"))
				require.NoError(t, err)
				assert.Equal(t, maxOOMScore+"\n", string(score))
			}
			end(b)
			assert.Eventually(t, func() bool { return len(stepsOf(state)) == 0 }, eventually, tick)
			assert.Error(t, build.Wait())
			assert.NoError(t, b.Close())
			assert.NoError(t, b.Wait())
		})
	}
}

// stepsOf returns the processes of the probe in steps of the builder with this state folder, which is in
// their mounts.
func stepsOf(state string) []string {
	var found []string
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range commands {
		command, _ := os.ReadFile(path)
		mounts, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "mountinfo"))
		if strings.HasPrefix(string(command), "/probe\x00") && strings.Contains(string(mounts), "/"+state+"/") {
			found = append(found, filepath.Base(filepath.Dir(path)))
		}
	}
	return found
}

// stepOutput matches a line of a step's output in buildx's plain progress, after its number and time.
var stepOutput = regexp.MustCompile(`(?m)^#\d+ \d+\.\d+ (.*\n)`)

// container is a runc container on the machine's network with the capability for raw sockets.
type container struct {
	t                 *testing.T
	bundle, id, state string
}

// newContainer creates a container from runc's default specification.
func newContainer(t *testing.T) container {
	t.Helper()
	needRoot(t)
	bundle := t.TempDir()
	c := container{t, bundle, "layercache-" + filepath.Base(filepath.Dir(bundle)), t.TempDir()}
	compileProbe(t, filepath.Join(bundle, "rootfs", "probe"))
	require.NoError(t, exec.Command("runc", "spec", "--bundle", bundle).Run())
	spec := c.read("config.json")
	process, linux := spec["process"].(map[string]any), spec["linux"].(map[string]any)
	process["terminal"], process["args"] = false, []string{"/probe"}
	capabilities := process["capabilities"].(map[string]any)
	for set := range capabilities {
		capabilities[set] = []string{"CAP_KILL", rawSockets}
	}
	linux["namespaces"] = []map[string]string{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}}
	c.write("config.json", spec)
	return c
}

func (c container) read(name string) (document map[string]any) {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join(c.bundle, name))
	require.NoError(c.t, err)
	require.NoError(c.t, json.Unmarshal(content, &document))
	return document
}

func (c container) write(name string, document any) {
	c.t.Helper()
	content, err := json.Marshal(document)
	require.NoError(c.t, err)
	require.NoError(c.t, os.WriteFile(filepath.Join(c.bundle, name), content, 0o600))
}

// call calls runc, directly or under the name stepRuntime, and returns its output.
func (c container) call(runtime string, arguments ...string) string {
	c.t.Helper()
	output, err := os.Create(filepath.Join(c.state, "output"))
	require.NoError(c.t, err)
	defer output.Close()
	cmd := exec.Command(runtime, append([]string{"--root", c.state}, arguments...)...)
	// A file and not a pipe, because processes that keep running keep it open.
	cmd.Stdout, cmd.Stderr = output, output
	err = cmd.Run()
	content, _ := os.ReadFile(output.Name())
	require.NoError(c.t, err, "%v: %s", arguments, content)
	return string(content)
}

func TestEveryProcessOfRuncHasNoRawSockets(t *testing.T) {
	c := newContainer(t)
	bin := filepath.Join(t.TempDir(), "bin")
	require.NoError(t, installNames(bin, stepRuntime))
	restricted, network := filepath.Join(bin, stepRuntime), ownNetworkName(t)

	assert.Equal(t, allowed+network, c.call("runc", "run", "--bundle", c.bundle, c.id), "without the restriction containers can have raw sockets")
	assert.Equal(t, refused+network, c.call(restricted, "run", "--bundle", c.bundle, c.id))

	spec := c.read("config.json")
	process := spec["process"].(map[string]any)
	assert.Equal(t, []any{"CAP_KILL"}, process["capabilities"].(map[string]any)["bounding"])
	process["args"] = []string{"/probe"}
	for set := range process["capabilities"].(map[string]any) {
		process["capabilities"].(map[string]any)[set] = []string{"CAP_KILL", rawSockets}
	}
	c.write("joins.json", process)
	process["args"] = []string{"/probe", "wait"}
	c.write("config.json", spec)
	c.call(restricted, "create", "--bundle", c.bundle, c.id)
	defer c.call(restricted, "delete", "--force", c.id)
	c.call(restricted, "start", c.id)

	file := filepath.Join(c.bundle, "joins.json")
	assert.Equal(t, allowed+network, c.call("runc", "exec", "--process", file, c.id), "without the restriction a process can have more capabilities than its container")
	assert.Equal(t, refused+network, c.call(restricted, "exec", "--process", file, c.id))
}
