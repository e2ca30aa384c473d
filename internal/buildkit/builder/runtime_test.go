package builder

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bundleSpec is the specification of a container, in the order and with the escapes of buildkitd.
const bundleSpec = `{"ociVersion":"1.3.0","process":{"user":{"uid":0},"args":["/bin/sh","-c","echo CAP_NET_RAW \u003c \"x\" 💡"],` +
	`"capabilities":{"bounding":["CAP_CHOWN","CAP_NET_RAW","CAP_KILL"],"effective":["CAP_NET_RAW"],"permitted":["CAP_CHOWN"]},"oomScoreAdj":-500},` +
	`"annotations":{"CAP_NET_RAW":"CAP_NET_RAW"},"unknown":[1.50,100000000000000000001,null,{"b":1,"a":2}]}` + "\n"

const restrictedSpec = `{"ociVersion":"1.3.0","process":{"user":{"uid":0},"args":["/bin/sh","-c","echo CAP_NET_RAW \u003c \"x\" 💡"],` +
	`"capabilities":{"bounding":["CAP_CHOWN","CAP_KILL"],"effective":[],"permitted":["CAP_CHOWN"]},"oomScoreAdj":1000},` +
	`"annotations":{"CAP_NET_RAW":"CAP_NET_RAW"},"unknown":[1.50,100000000000000000001,null,{"b":1,"a":2}]}`

func TestRawSocketsAreRemovedFromEverySet(t *testing.T) {
	cases := []struct{ name, in, out string }{
		{"a set has it in the middle", `{"capabilities":{"bounding":["CAP_CHOWN","CAP_NET_RAW","CAP_KILL"]}}`, `{"capabilities":{"bounding":["CAP_CHOWN","CAP_KILL"]}}`},
		{"a set has it more than once", `{"capabilities":{"ambient":["CAP_NET_RAW","CAP_NET_RAW","CAP_KILL","CAP_NET_RAW"]}}`, `{"capabilities":{"ambient":["CAP_KILL"]}}`},
		{"a set has only this capability", `{"capabilities":{"effective":["CAP_NET_RAW"]}}`, `{"capabilities":{"effective":[]}}`},
		{"a set has it with an escaped character", `{"capabilities":{"effective":["CAP_NET\u005fRAW"]}}`, `{"capabilities":{"effective":[]}}`},
		{"all sets have it, and an unknown one",
			`{"capabilities":{"bounding":["CAP_NET_RAW"],"effective":["CAP_NET_RAW"],"inheritable":["CAP_NET_RAW"],"permitted":["CAP_NET_RAW"],"ambient":["CAP_NET_RAW"],"new":["CAP_NET_RAW"]}}`,
			`{"capabilities":{"bounding":[],"effective":[],"inheritable":[],"permitted":[],"ambient":[],"new":[]}}`},
		{"no set has it", `{"capabilities":{"bounding":["CAP_NET_ADMIN"],"effective":[]}}`, `{"capabilities":{"bounding":["CAP_NET_ADMIN"],"effective":[]}}`},
		{"no sets", `{"args":["x"],"capabilities":{}}`, `{"args":["x"],"capabilities":{}}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := restrictProcess([]byte(c.in))
			require.NoError(t, err)
			assert.Equal(t, strings.TrimSuffix(c.out, "}")+`,"oomScoreAdj":1000}`, string(got))
		})
	}
}

func TestTheTraceCollectorIsRemoved(t *testing.T) {
	cases := []struct{ name, in, out string }{
		{"its mount goes, others stay",
			`{"process":{"capabilities":{}},"mounts":[{"destination":"/proc"},{"destination":"/dev/otel-grpc.sock","source":"/s"},{"destination":"/dev/./otel-grpc.sock"}]}`,
			`{"process":{"capabilities":{},"oomScoreAdj":1000},"mounts":[{"destination":"/proc"}]}`},
		{"its variables go, those of the Dockerfile stay",
			`{"process":{"capabilities":{},"env":["A=b","OTEL_TRACES_EXPORTER=otlp","OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=unix:///dev/otel-grpc.sock","OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc","OTEL_TRACES_EXPORTER=none"]}}`,
			`{"process":{"capabilities":{},"env":["A=b","OTEL_TRACES_EXPORTER=none"],"oomScoreAdj":1000}}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := restrictProcess([]byte(c.in), "process")
			require.NoError(t, err)
			assert.Equal(t, c.out, string(got))
		})
	}
	for name, wrong := range map[string]string{
		"mounts are not a list":       `{"process":{"capabilities":{}},"mounts":{}}`,
		"a mount has no destination":  `{"process":{"capabilities":{}},"mounts":[{}]}`,
		"variables are not a list":    `{"process":{"capabilities":{},"env":"A=b"}}`,
		"a variable is not a text":    `{"process":{"capabilities":{},"env":[1]}}`,
		"a destination is not a text": `{"process":{"capabilities":{}},"mounts":[{"destination":1}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := restrictProcess([]byte(wrong), "process")
			assert.Error(t, err)
		})
	}
}

// The Dockerfile and build arguments decide the variables, mounts and arguments of a step.
func TestTextOfTheSourceStaysAsItIs(t *testing.T) {
	hostile := "\x01\x1b[2J\x7f\u2028\u202e\"\\\xff💡</script>"
	spec, err := json.Marshal(map[string]any{
		"process": map[string]any{
			"args": []string{hostile}, "env": []string{"A=" + hostile}, "cwd": "/" + hostile,
			"capabilities": map[string]any{"bounding": []string{hostile, "CAP_NET_RAW"}},
		},
		"mounts": []any{map[string]any{"destination": "/" + hostile, "source": hostile}},
	})
	require.NoError(t, err)
	got, err := restrictProcess(spec, "process")
	require.NoError(t, err)
	var before, after map[string]any
	require.NoError(t, json.Unmarshal(spec, &before))
	require.NoError(t, json.Unmarshal(got, &after), string(got))
	process := before["process"].(map[string]any)
	process["oomScoreAdj"] = 1000.0
	process["capabilities"] = map[string]any{"bounding": process["capabilities"].(map[string]any)["bounding"].([]any)[:1]}
	assert.Equal(t, before, after)
}

func TestUnreadableCapabilitiesAreAnError(t *testing.T) {
	cases := []struct{ name, in, message string }{
		{"the file is truncated", bundleSpec[:200], "config.json: cannot parse JSON"},
		{"the file is empty", "", "config.json: cannot parse JSON"},
		{"the file has no object", `["process"]`, "config.json: process.capabilities is missing"},
		{"the process is missing", `{"root":{"path":"x"}}`, "config.json: process.capabilities is missing"},
		{"the process has no capabilities", `{"process":{"args":["x"]}}`, "config.json: process.capabilities is missing"},
		{"capabilities are a list", `{"process":{"capabilities":["CAP_NET_RAW"]}}`, "config.json: process.capabilities is missing"},
		{"a set is not a list", `{"process":{"capabilities":{"bounding":["CAP_NET_RAW"],"effective":"CAP_NET_RAW"}}}`, "process.capabilities.effective: value doesn't contain array"},
		{"a member is not a name", `{"process":{"capabilities":{"bounding":[["CAP_NET_RAW"]]}}}`, "process.capabilities.bounding: json: cannot unmarshal array"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			newFakes(t).program("runc", "exit 7")
			bundle := t.TempDir()
			config := filepath.Join(bundle, "config.json")
			require.NoError(t, os.WriteFile(config, []byte(c.in), 0o600))
			refuses(t, c.message, "run", "--bundle", bundle, "id")
			content, err := os.ReadFile(config)
			require.NoError(t, err)
			assert.Equal(t, c.in, string(content))
		})
	}
}

// refuses checks that Runtime fails. If it executed runc, the test's own process would end.
func refuses(t *testing.T, message string, arguments ...string) {
	t.Helper()
	var stderr bytes.Buffer
	assert.Equal(t, 1, Runtime(arguments, &stderr))
	assert.Regexp(t, `\Alayercache: the step was not started, because it could not be restricted: [^\n]+ \(LAYERCACHE_BUILDER=docker does not need this\)\n\z`, stderr.String())
	assert.Contains(t, stderr.String(), message)
}

// The arguments are those of go-runc v1.2.1 with the options of BuildKit v0.33.0, and other forms that runc
// accepts.
func TestEveryCallThatStartsAProcessIsRestricted(t *testing.T) {
	cases := []struct {
		name, file, in, out string
		arguments           []string
	}{
		{"run with the arguments of BuildKit", "config.json", bundleSpec, restrictedSpec, []string{"--log", "/state/run", "--log-format", "json", "run", "--bundle", "DIR", "--keep", "id"}},
		{"run with --flag=value", "config.json", bundleSpec, restrictedSpec, []string{"--root=/r", "--rootless=false", "--debug", "run", "--keep", "--bundle=DIR", "id"}},
		{"run with short flags", "config.json", bundleSpec, restrictedSpec, []string{"-log", "x", "run", "-b", "DIR", "id"}},
		{"run with two bundle flags", "config.json", bundleSpec, restrictedSpec, []string{"run", "--bundle", "DIR", "-b=DIR", "id"}},
		{"create", "config.json", bundleSpec, restrictedSpec, []string{"--systemd-cgroup", "create", "--bundle", "DIR", "--pid-file", "/p", "id"}},
		{"exec with the arguments of BuildKit", "runc-process1", `{"capabilities":{"bounding":["CAP_NET_RAW","CAP_KILL"]},"cwd":"/"}`, `{"capabilities":{"bounding":["CAP_KILL"]},"cwd":"/","oomScoreAdj":1000}`,
			[]string{"--log", "l", "--log-format", "json", "exec", "--process", "DIR/runc-process1", "--pid-file", "/p", "id"}},
		{"exec with a short flag", "p", `{"capabilities":{"effective":["CAP_NET_RAW"]}}`, `{"capabilities":{"effective":[]},"oomScoreAdj":1000}`, []string{"exec", "-p=DIR/p", "id"}},
		{"delete", "config.json", bundleSpec, bundleSpec, []string{"--log", "run", "delete", "id"}},
		{"kill of a container named like a command", "config.json", bundleSpec, bundleSpec, []string{"kill", "run", "9"}},
		{"the version", "config.json", bundleSpec, bundleSpec, []string{"--version"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, c.file)
			require.NoError(t, os.WriteFile(path, []byte(c.in), 0o640))
			var arguments []string
			for _, argument := range c.arguments {
				arguments = append(arguments, string(bytes.ReplaceAll([]byte(argument), []byte("DIR"), []byte(dir))))
			}
			require.NoError(t, restrict(arguments))
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, c.out, string(content))
		})
	}
}

func TestTheDefaultBundleIsTheWorkingFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("config.json", []byte(bundleSpec), 0o600))
	require.NoError(t, restrict([]string{"run", "id"}))
	content, err := os.ReadFile("config.json")
	require.NoError(t, err)
	assert.Equal(t, restrictedSpec, string(content))
}

func TestRuncIsNotStartedIfItsProcessIsNotKnown(t *testing.T) {
	newFakes(t).program("runc", "exit 7")
	empty := t.TempDir()
	refuses(t, "open "+empty+"/config.json: no such file or directory", "run", "--bundle", empty, "id")
	refuses(t, "open "+empty+"/gone: no such file or directory", "exec", "--process", empty+"/gone", "id")
	refuses(t, "runc exec has no --process", "exec", "--cap", "CAP_NET_RAW", "id", "sh")
	refuses(t, "unknown runc flag --future", "--future", "value", "run", "--bundle", empty, "id")
	refuses(t, "unknown runc flag --", "--", "run", "--bundle", empty, "id")

	t.Setenv("PATH", empty)
	refuses(t, `"runc": executable file not found in $PATH`, "state", "id")
}
