package flags

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

// row is one call. An argument may contain registryName.
type row struct {
	// flag is the flag that the row is about, by its long name.
	flag, name string
	args       []string
	// status is the exit status that both ways must have.
	status int
	// files replace files of the source, or remove one if empty.
	files map[string]string
	stdin string
	env   []string
	// prepare changes the source.
	prepare func(*machine)
	// onlyNames compares the names of files, not what they contain.
	onlyNames bool
	// onlyStatus compares nothing but the exit status.
	onlyStatus bool
	// onCodeBuild repeats the row with the buildx of AWS's images, because the helper does a part of buildx's work.
	onCodeBuild bool
}

// source are the files of the build. Its layers are the same whenever and wherever they are built.
var source = map[string]string{
	"Dockerfile": "FROM scratch AS first\nCOPY a.txt /\nFROM scratch AS second\nARG WORD=none\nLABEL word=$WORD\nCOPY --from=first /a.txt /\nCOPY b.txt /\n",
	"a.txt":      "a\n", "b.txt": "b\n",
}

// runs returns a Dockerfile whose image has one file with the output of a command.
func runs(command string) map[string]string { return runsWith("RUN", command) }

func runsWith(instruction, command string) map[string]string {
	return map[string]string{"Dockerfile": "FROM " + base + " AS run\nARG WORD\n" + instruction + " (" + command + ") > /result\nFROM scratch\nCOPY --from=run /result /\n"}
}

// shown is the flag that writes the files of the image into a folder.
const shown = "--output=type=local,dest=shown"

var table = []row{
	{flag: "add-host", name: "a name for a step", args: []string{"--add-host=host.test:10.0.0.9", shown, "."}, files: runs("grep host.test /etc/hosts")},
	{flag: "allow", name: "a step on the host's network", args: []string{"--allow=network.host", shown, "."}, files: runsWith("RUN --network=host", "readlink /proc/self/ns/net"), onCodeBuild: true},
	{flag: "allow", name: "a step on the host's network that was not allowed", args: []string{shown, "."}, status: 1, files: runsWith("RUN --network=host", "true")},
	{flag: "allow", name: "all privileges, which no builder allows by itself", args: []string{"--allow=security.insecure", shown, "."}, status: 1, files: runsWith("RUN --security=insecure", "true"), onCodeBuild: true},
	{flag: "allow", name: "an unknown entitlement", args: []string{"--allow=everything", shown, "."}, status: 1},
	{flag: "annotation", name: "an annotation", args: []string{"--annotation=manifest:a=b", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "attest", name: "an attestation that is switched off", args: []string{"--attest=type=provenance,disabled=true", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "attest", name: "an unknown attestation", args: []string{"--attest=type=other", "--push", "--tag=REGISTRY/shop:1", "."}, status: 1},
	{flag: "build-arg", name: "a value", args: []string{"--build-arg=WORD=good day; $(id)", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "build-arg", name: "a value of the environment", args: []string{"--build-arg", "WORD", "--push", "--tag=REGISTRY/shop:1", "."}, env: []string{"WORD=outside"}},
	{flag: "build-context", name: "a folder instead of a stage", args: []string{"--build-context=first=other", shown, "."}, files: map[string]string{"other/a.txt": "other\n"}},
	{flag: "builder", name: "a builder of one's own", args: []string{"--builder=plain", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "builder", name: "a builder of one's own that checks", args: []string{"--builder=plain", "--check", "."}},
	{flag: "builder", name: "an unknown builder", args: []string{"--builder=nobody", shown, "."}, status: 1},
	{flag: "cache-from", name: "a cache that does not exist", args: []string{"--cache-from=type=registry,ref=REGISTRY/none:1", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "cache-to", name: "a folder", args: []string{"--cache-to=type=local,dest=kept", shown, "."}, onlyNames: true, files: map[string]string{"Dockerfile": "FROM scratch\nCOPY a.txt /\n"}},
	{flag: "call", name: "the arguments of a Dockerfile", args: []string{"--call=outline", "."}, onCodeBuild: true},
	{flag: "call", name: "the stages of a Dockerfile, as JSON", args: []string{"--call=targets,format=json", "."}},
	{flag: "call", name: "a build", args: []string{"--call=build", shown, "."}},
	{flag: "call", name: "an unknown method", args: []string{"--call=dance", "."}, status: 1},
	{flag: "cgroup-parent", name: "a group", args: []string{"--cgroup-parent=layercache-flags", shown, "."}, files: runs("echo ran")},
	{flag: "check", name: "a Dockerfile without a warning", args: []string{"--check", "."}, onCodeBuild: true},
	{flag: "check", name: "a Dockerfile with a warning", args: []string{"--check", "."}, status: 1, files: map[string]string{"Dockerfile": "from scratch\nCOPY a.txt /\n"}, onCodeBuild: true},
	{flag: "check", name: "a build after all", args: []string{"--check", "--call=build", shown, "."}},
	{flag: "check", name: "quietly", args: []string{"--check", "-q", "."}},
	{flag: "debug", name: "a build", args: []string{"-D", shown, "."}},
	{flag: "file", name: "another name", args: []string{"-f", "other.Dockerfile", shown, "."}, files: map[string]string{"other.Dockerfile": "FROM scratch\nCOPY b.txt /\n"}},
	{flag: "file", name: "small letters", args: []string{shown, "."}, files: map[string]string{"Dockerfile": "", "dockerfile": "FROM scratch\nCOPY b.txt /\n"}, onCodeBuild: true},
	{flag: "file", name: "small letters where capital ones are asked for", args: []string{"-f", "sub/Dockerfile", shown, "."}, files: map[string]string{"sub/dockerfile": "FROM scratch\nCOPY b.txt /\n"}},
	{flag: "file", name: "the standard input", args: []string{"-f", "-", shown, "."}, stdin: "FROM scratch\nCOPY b.txt /\n"},
	{flag: "file", name: "a missing file", args: []string{"-f", "missing", shown, "."}, status: 1},
	{flag: "help", name: "the help, which is the helper's own", args: []string{"--help"}, onlyStatus: true},
	{flag: "iidfile", name: "an image that is pushed", args: []string{"--iidfile=id", "--push", "--tag=REGISTRY/shop:1", "."}, onCodeBuild: true},
	{flag: "iidfile", name: "a folder, which has no id", args: []string{"--iidfile=id", shown, "."}, status: 1},
	{flag: "iidfile", name: "no output", args: []string{"--iidfile=id", "."}},
	{flag: "iidfile", name: "an id of an earlier build that fails", args: []string{"--iidfile=id", "--target=none", "."}, status: 1, files: map[string]string{"id": "sha256:old"}},
	{flag: "label", name: "a label", args: []string{"--label=a=b", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "load", name: "without Docker", args: []string{"--load", "."}, status: 1},
	{flag: "metadata-file", name: "an image that is pushed", args: []string{"--metadata-file=metadata.json", "--push", "--tag=REGISTRY/shop:1", "."}, onCodeBuild: true},
	{flag: "metadata-file", name: "of two platforms, quietly", args: []string{"-q", "--metadata-file=metadata.json", "--platform=linux/amd64,linux/arm64", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "metadata-file", name: "of a build that fails, with that of an earlier one", args: []string{"-q", "--metadata-file=metadata.json", "--target=none", "."}, status: 1,
		files: map[string]string{"metadata.json": `{"containerimage.digest":"sha256:old"}`}},
	{flag: "network", name: "the host's", args: []string{"--network=host", shown, "."}, files: runs("readlink /proc/self/ns/net"), onCodeBuild: true},
	{flag: "network", name: "none", args: []string{"--network=none", shown, "."}, files: runs("ls /sys/class/net")},
	{flag: "network", name: "the default one", args: []string{"--network=default", shown, "."}, files: runs("echo ran")},
	{flag: "network", name: "an unknown one", args: []string{"--network=mine", shown, "."}, status: 1, files: runs("echo ran")},
	{flag: "no-cache", name: "every stage", args: []string{"--no-cache", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "no-cache-filter", name: "one stage", args: []string{"--no-cache-filter=first", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "output", name: "a folder", args: []string{"-o", "shown", "."}},
	{flag: "output", name: "a tar on the standard output", args: []string{"-o", "-", "."}},
	{flag: "output", name: "a tar", args: []string{"-o", "type=tar,dest=image.tar", "."}},
	{flag: "output", name: "an image for docker", args: []string{"-o", "type=docker,dest=image.tar", "."}},
	{flag: "output", name: "an OCI layout", args: []string{"-o", "type=oci,dest=image.tar", "."}},
	{flag: "output", name: "no output at all", args: []string{"-o", "type=cacheonly", "."}},
	{flag: "output", name: "two outputs", args: []string{"-o", "type=oci,dest=image.tar", "-o", shown[len("--output="):], "."}},
	{flag: "output", name: "an unknown kind", args: []string{"-o", "type=cassette", "."}, status: 1},
	{flag: "platform", name: "two platforms", args: []string{"--platform=linux/amd64,linux/arm64", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "policy", name: "a policy that is switched off", args: []string{"--policy=disabled=true", shown, "."}},
	{flag: "policy", name: "a missing policy", args: []string{"--policy=filename=missing.rego", shown, "."}, status: 1},
	{flag: "progress", name: "plain", args: []string{"--progress=plain", shown, "."}},
	{flag: "progress", name: "auto", args: []string{"--progress=auto", shown, "."}},
	{flag: "progress", name: "tty without a terminal", args: []string{"--progress=tty", shown, "."}, status: 1, onCodeBuild: true},
	{flag: "progress", name: "quiet", args: []string{"--progress=quiet", "--push", "--tag=REGISTRY/shop:1", "."}, onCodeBuild: true},
	{flag: "progress", name: "none", args: []string{"--progress=none", "--push", "--tag=REGISTRY/shop:1", "."}, onCodeBuild: true},
	{flag: "progress", name: "none and quiet", args: []string{"--progress=none", "-q", "--push", "--tag=REGISTRY/shop:1", "."}, onCodeBuild: true},
	{flag: "progress", name: "plain and quiet", args: []string{"--progress=plain", "-q", shown, "."}, status: 1, onCodeBuild: true},
	{flag: "progress", name: "JSON", args: []string{"--progress=rawjson", shown, "."}, onCodeBuild: true},
	{flag: "progress", name: "JSON of a build that fails", args: []string{"--progress=rawjson", "--target=none", "."}, status: 1},
	{flag: "progress", name: "an unknown one", args: []string{"--progress=bogus", shown, "."}, status: 1, onCodeBuild: true},
	{flag: "progress", name: "an unknown one while checking", args: []string{"--progress=bogus", "--check", "."}, status: 1},
	{flag: "progress", name: "an unknown one by variable", args: []string{shown, "."}, status: 1, env: []string{"BUILDKIT_PROGRESS=bogus"}},
	{flag: "progress", name: "quiet by variable", args: []string{"--push", "--tag=REGISTRY/shop:1", "."}, env: []string{"BUILDKIT_PROGRESS=quiet"}},
	{flag: "provenance", name: "switched off", args: []string{"--provenance=false", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "pull", name: "a base image", args: []string{"--pull", shown, "."}, files: runs("echo ran")},
	{flag: "push", name: "an image", args: []string{"--push", "--tag=REGISTRY/shop:1", "."}, onCodeBuild: true},
	{flag: "push", name: "an image without a name", args: []string{"--push", "."}, status: 1},
	{flag: "quiet", name: "an image that is pushed", args: []string{"-q", "--push", "--tag=REGISTRY/shop:1", "."}, onCodeBuild: true},
	{flag: "quiet", name: "an image for docker, with its id in a file", args: []string{"-q", "-o", "type=docker,dest=image.tar", "--iidfile=id", "."}, onCodeBuild: true},
	{flag: "quiet", name: "an OCI layout, with its id in a file", args: []string{"-q", "-o", "type=oci,dest=image.tar", "--iidfile=id", "."}, onCodeBuild: true},
	{flag: "quiet", name: "an image that is not pushed, with its id in a file", args: []string{"-q", "-o", "type=image", "--iidfile=id", "."}, onCodeBuild: true},
	{flag: "quiet", name: "by type=registry, with its id in a file", args: []string{"-q", "-o", "type=registry,name=REGISTRY/shop:1", "--iidfile=id", "."}, onCodeBuild: true},
	{flag: "quiet", name: "of two platforms, with the id in a file", args: []string{"--quiet", "--platform=linux/amd64,linux/arm64", "-o", "type=oci,dest=image.tar", "--iidfile=id", "."}, onCodeBuild: true},
	{flag: "quiet", name: "with attestations, with the id in a file", args: []string{"-q", "--provenance=mode=min", "-o", "type=oci,dest=image.tar", "--iidfile=id", "."}, onlyStatus: true},
	{flag: "quiet", name: "a folder, which has no id", args: []string{"-q", shown, "."}, onCodeBuild: true},
	{flag: "quiet", name: "no output", args: []string{"-q", "."}},
	{flag: "quiet", name: "a build that fails", args: []string{"-q", "--target=none", "."}, status: 1},
	{flag: "resource", name: "less memory", args: []string{"--resource=memory=64m", shown, "."}, files: runs("echo ran")},
	{flag: "resource", name: "an unknown resource", args: []string{"--resource=patience=1", shown, "."}, status: 1},
	{flag: "sbom", name: "switched off", args: []string{"--sbom=false", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "secret", name: "a file", args: []string{"--secret=id=word,src=a.txt", shown, "."}, files: runsWith("RUN --mount=type=secret,id=word", "cat /run/secrets/word")},
	{flag: "secret", name: "a missing file", args: []string{"--secret=id=word,src=missing", shown, "."}, status: 1},
	{flag: "shm-size", name: "a size", args: []string{"--shm-size=3m", shown, "."}, files: runs("df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2")},
	{flag: "shm-size", name: "no size", args: []string{"--shm-size=much", shown, "."}, status: 1},
	{flag: "ssh", name: "without an agent", args: []string{"--ssh=default", shown, "."}, status: 1},
	{flag: "tag", name: "two names", args: []string{"-tREGISTRY/shop:1", "--tag", "REGISTRY/shop:2", "--push", "."}},
	{flag: "tag", name: "no name", args: []string{"--tag=Shop Window", "--push", "."}, status: 1},
	{flag: "target", name: "a stage", args: []string{"--target=first", "--push", "--tag=REGISTRY/shop:1", "."}},
	{flag: "target", name: "an unknown stage", args: []string{"--target=third", shown, "."}, status: 1},
	{flag: "ulimit", name: "a limit", args: []string{"--ulimit=nofile=99:99", shown, "."}, files: runs("ulimit -n")},

	// Flags that the help does not show.
	{flag: "memory", name: "less memory", args: []string{"-m", "64m", shown, "."}},
	{flag: "rm", name: "nothing to remove", args: []string{"--rm=false", "--force-rm", "--compress", shown, "."}},
	{flag: "security-opt", name: "an option of the classic builder", args: []string{"--security-opt", "label=disable", "--isolation", "default", "--squash", shown, "."}, env: []string{"BUILDX_EXPERIMENTAL=1"}},
	{flag: "print", name: "the arguments of a Dockerfile", args: []string{"--print=outline", "."}, env: []string{"BUILDX_EXPERIMENTAL=1"}},
	{flag: "unknown", name: "an unknown flag", args: []string{"--unknown", "."}, status: 1},

	// Arguments that are no flags.
	{flag: "", name: "no context", args: nil, status: 1},
	{flag: "", name: "two contexts", args: []string{".", "."}, status: 1},
	{flag: "", name: "a missing context", args: []string{"missing"}, status: 1},
	{flag: "", name: "a Dockerfile on the standard input", args: []string{shown, "-"}, stdin: "FROM scratch\nLABEL a=b\n"},
	{flag: "", name: "two dashes", args: []string{shown, "--", "."}},
}

func TestEachFlagDoesWhatItDoesInBuildx(t *testing.T) {
	startPlain(t)
	for _, r := range table {
		t.Run(strings.TrimSpace(r.flag+" "+r.name), func(t *testing.T) {
			t.Parallel()
			compare(t, r, programs.Buildx)
		})
		if r.onCodeBuild {
			t.Run(strings.TrimSpace(r.flag+" "+r.name)+", with the buildx of CodeBuild", func(t *testing.T) {
				t.Parallel()
				compare(t, r, programs.CodeBuildBuildx)
			})
		}
	}
}

func compare(t *testing.T, r row, buildx string) {
	plain, cached := newMachine(t, r, programs.Buildx), newMachine(t, r, buildx)
	want, got := plain.plainly(r, buildx), cached.cached(r)
	require.Equal(t, r.status, want.Status, "the exit status of buildx\n%s", want.stderr)
	if r.onlyStatus {
		assert.Equal(t, want.Status, got.Status, got.stderr)
		return
	}
	texts := "\nbuildx:\n" + want.stderr + "\nlayercache:\n" + got.stderr
	want.stderr = got.stderr
	assert.Equal(t, want, got, texts)
	if strings.HasPrefix(r.name, "JSON") {
		for line := range strings.Lines(got.stderr) {
			assert.True(t, json.Valid([]byte(line)), "not JSON: %s", line)
		}
		assert.Contains(t, got.stderr, `"name":"[internal] load build definition from Dockerfile"`, "the events of buildx")
	}
}

// A new flag of buildx needs a row.
func TestEveryFlagOfBuildxHasARow(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for _, r := range table {
		rows[r.flag] = true
	}
	for _, buildx := range []string{programs.Buildx, programs.CodeBuildBuildx} {
		for _, name := range flagsOf(t, buildx) {
			assert.True(t, rows[name], "the table has no row for --%s of %s", name, buildx)
		}
	}
}
