package e2e

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mountForms are ways to write a cache mount. Each has a step of its own.
var mountForms = []struct{ name, options, owner string }{
	{"no id", "", "0:0:755"},
	{"an id", "id=own", "0:0:755"},
	{"an id with a slash, a colon and two dots", "id=a/../b:c", "0:0:755"},
	{"an id in other letters", "id=größe-日本語-🧱", "0:0:755"},
	{"a long id", "id=" + strings.Repeat("long", 200), "0:0:755"},
	{"an id with a space, from an argument", "id=${ID}", "0:0:755"},
	{"an id that ends as if it had a base", "id=own:abcdefghijklmnopqrstuvwxy", "0:0:755"},
	{"an id of a shell's text", "id=$(id);`id`", "0:0:755"},
	{"sharing=locked", "id=locked,sharing=locked", "0:0:755"},
	{"sharing=private", "id=private,sharing=private", "0:0:755"},
	{"sharing=shared", "id=shared,sharing=shared", "0:0:755"},
	{"an owner and a mode", "id=owned,uid=1000,gid=1001,mode=0750", "1000:1001:750"},
	{"only a mode", "id=mode,mode=0700", "0:0:700"},
	{"the owner is root", "id=root,uid=0", "0:0:755"},
}

// formsDockerfile has a step for each form. It says what is in the mount, and adds a file with the name of the source.
func formsDockerfile() string {
	var text strings.Builder
	text.WriteString("FROM " + base + "\nARG ID\nCOPY src src\n")
	for i, form := range mountForms {
		options := fmt.Sprintf("type=cache,target=/m%d", i)
		if form.options != "" {
			options += "," + form.options
		}
		fmt.Fprintf(&text, "RUN --mount=%s echo \"form %d: $(ls -A /m%d | tr '\\n' ' ')/ $(stat -c %%u:%%g:%%a /m%d)\"; touch /m%d/$(cat src/main.txt)\n", options, i, i, i, i)
	}
	return text.String()
}

func (w *machine) checkForms(previous string, log string) {
	w.t.Helper()
	for i, form := range mountForms {
		want := fmt.Sprintf("form %d: %s/ %s\n", i, previous, form.owner)
		assert.Contains(w.t, log, want, form.name)
	}
}

func TestCacheMountsOfEveryForm(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*machine){
		"overlay": func(*machine) {},
		"native":  (*machine).withoutOverlay,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			prepare(w)
			w.write("Dockerfile", formsDockerfile())
			w.write("src/main.txt", "one")
			cold := w.succeeds(w.build("--build-arg", "ID=with spaces, and more"))
			assert.Equal(t, name == "native", strings.Contains(cold.log, `snapshotter "native"`), cold.log)
			w.checkForms("", cold.log)
			w.write("src/main.txt", "two")
			changed := w.succeeds(w.build("--build-arg", "ID=with spaces, and more"))
			assert.Contains(t, changed.log, fmt.Sprintf("cache mounts: %d restored", len(mountForms)))
			assert.NotContains(t, changed.log, "warning: cache mount")
			w.checkForms("one ", changed.log)
		})
	}
}

// withoutOverlay puts every folder for builders on an overlay, on which overlayfs cannot be mounted again.
func (w *machine) withoutOverlay() {
	for _, dir := range []string{w.builders, w.tmp, "/var/lib/docker"} {
		w.mounting += fmt.Sprintf("mkdir -p %s && mount -t overlay -o lowerdir=%s,upperdir=%s,workdir=%s overlay %[1]s && ", dir, w.t.TempDir(), w.t.TempDir(), w.t.TempDir())
	}
	w.env["LAYERCACHE_REPORT_DIR"] = w.t.TempDir()
}

// stages has a stage whose folders the mounts of two steps start with.
const stages = `FROM ` + base + ` AS stage
RUN mkdir -p /dir/sub && echo stage > /dir/sub/file && mkdir /cache
FROM ` + base + `
COPY src src
RUN --mount=type=cache,target=/m,id=whole,from=stage test -f /m/dir/sub/file && touch /m/new
RUN --mount=type=cache,target=/m,id=part,from=stage,source=/dir test -f /m/sub/file && touch /m/new
RUN --mount=type=cache,target=/m,id=plain cat src/main.txt; ls /m; touch /m/plain
`

func TestCacheMountsWithABaseAreNotKeptAndSaidSo(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", stages)
	for _, source := range []string{"one", "two"} {
		w.write("src/main.txt", source)
		got := w.succeeds(w.build())
		assert.Contains(t, got.log, "cache mount whole: not kept: it starts with the files of its from=")
		assert.Contains(t, got.log, "cache mount part: not kept: it is only a part of its from=, because it has source=")
		assert.NotContains(t, strings.Join(got.Report.Warnings, "\n"), "cache mount", "it is no trouble")
		assert.Len(t, w.tags("cache"), 3, "a cache, a record, and the mount without a base")
	}
}

// canary is the content of a file that no blob in the registry may have.
const canary = "canary-of-what-is-nested-in-a-mount-5d1c"

// TestNothingBesideACacheMountIsUploaded has other mounts below cache mounts, and a step that replaces a mount's folder by
// a link to a folder of the machine.
func TestNothingBesideACacheMountIsUploaded(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "file"), []byte(canary), 0o644))
	for name, c := range map[string]string{
		"secrets, binds, and mounts in memory below a mount": `FROM ` + base + ` AS stage
RUN echo ` + "canary-of-what-is-nested-in-a-mount-5d1c" + ` > /bound
FROM ` + base + `
RUN --mount=type=cache,target=/m --mount=type=secret,id=token,target=/m/secret/token --mount=type=bind,from=stage,source=/bound,target=/m/bound \
    --mount=type=tmpfs,target=/m/memory --mount=type=cache,target=/m/other,id=other \
    cp /m/secret/token /m/memory/copy; test -s /m/secret/token && test -s /m/bound && echo seen > /m/seen && echo seen > /m/other/seen
`,
		"a link in the place of a mount with an owner": `FROM ` + base + ` AS stage
RUN mkdir /cache
FROM ` + base + `
RUN --mount=type=cache,target=/m,id=x,from=stage,source=/cache echo seen > /m/seen
RUN --mount=type=cache,target=/m,id=x,from=stage rm -rf /m/cache && ln -s ` + outside + ` /m/cache
`,
		"links in a mount": `FROM ` + base + `
RUN --mount=type=cache,target=/m ln -s ` + outside + ` /m/folder && ln -s ` + outside + `/file /m/file && echo seen > /m/seen
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			w.write("token", canary)
			w.write(".dockerignore", "token\n")
			w.write("Dockerfile", c)
			w.succeeds(w.run("build", "--secret", "id=token,src=token", "--tag", w.image(), "--push", "."))
			saw := false
			for _, content := range w.mountContents("cache") {
				assert.NotContains(t, content, canary)
				saw = saw || strings.Contains(content, "seen")
			}
			if name != "a link in the place of a mount with an owner" {
				assert.True(t, saw, "the search must find what was saved")
			}
		})
	}
}

// mountContents returns the unpacked blobs of all mounts in a repository.
func (w *machine) mountContents(repository string) (contents []string) {
	w.t.Helper()
	for _, tag := range w.tags(repository) {
		if !strings.Contains(tag, "--mount-") {
			continue
		}
		ref, err := name.ParseReference(w.registry.Addr() + "/" + repository + ":" + tag)
		require.NoError(w.t, err)
		image, err := remote.Image(ref)
		require.NoError(w.t, err)
		manifest, err := image.Manifest()
		require.NoError(w.t, err)
		for _, layer := range manifest.Layers {
			contents = append(contents, unpacked(w.t, ref, layer))
		}
	}
	return contents
}

func unpacked(t *testing.T, ref name.Reference, descriptor v1.Descriptor) string {
	t.Helper()
	layer, err := remote.Layer(ref.Context().Digest(descriptor.Digest.String()))
	require.NoError(t, err)
	content, err := layer.Compressed()
	require.NoError(t, err)
	defer content.Close()
	decoder, err := zstd.NewReader(content)
	require.NoError(t, err)
	defer decoder.Close()
	plain, err := io.ReadAll(decoder)
	require.NoError(t, err)
	return string(plain)
}

func TestCacheMountsOfParallelSteps(t *testing.T) {
	t.Parallel()
	for _, sharing := range []string{"shared", "private", "locked"} {
		t.Run(sharing, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			step := "RUN --mount=type=cache,target=/m,id=one,sharing=" + sharing + " echo \"%s: $(ls -A /m | tr '\\n' ' ')/\"; sleep 1; touch /m/%s-$(cat src/main.txt)\n"
			stage := "FROM " + base + " AS %s\nCOPY src src\n" + step
			text := ""
			for _, stageName := range []string{"left", "right", "third"} {
				text += fmt.Sprintf(stage, stageName, stageName, stageName)
			}
			// The fourth can only read.
			text += "FROM " + base + " AS fourth\nCOPY src src\nRUN --mount=type=cache,target=/m,id=one,ro,sharing=" + sharing + " echo \"fourth: $(ls -A /m | tr '\\n' ' ')/\"; ! touch /m/fourth\n"
			text += "FROM scratch\nCOPY --from=left /src /l\nCOPY --from=right /src /r\nCOPY --from=third /src /t\nCOPY --from=fourth /src /f\n"
			w.write("Dockerfile", text)
			w.write("src/main.txt", "one")
			w.succeeds(w.build())
			w.write("src/main.txt", "two")
			changed := w.succeeds(w.build())
			for _, stageName := range []string{"left", "right", "third", "fourth"} {
				assert.Regexp(t, `(?m) `+stageName+`: .*-one.*/$`, changed.log, "every step must find the files of the build before")
			}
			assert.NotContains(t, changed.log, "warning: cache mount")
			if sharing != "private" {
				w.write("src/main.txt", "three")
				assert.Regexp(t, `left: (?:\S+ )*left-one (?:\S+ )*left-two (?:\S+ )*right-one (?:\S+ )*right-two`, w.succeeds(w.build()).log)
			}
		})
	}
}

func TestCacheMountsOfNamespacesAppsAndBranches(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", "FROM "+base+"\nARG VERSION\nRUN --mount=type=cache,target=/m,id=one echo \"found: $(ls -A /m | tr '\\n' ' ')/ $VERSION\"; touch /m/$VERSION\n")
	build := func(version, app, branch string, args ...string) string {
		w.env["LAYERCACHE_APP"], w.env["LAYERCACHE_BRANCH"] = app, branch
		log := w.succeeds(w.build(append([]string{"--build-arg", "VERSION=" + version}, args...)...)).log
		return regexp.MustCompile(`(?m) found: (.*)$`).FindStringSubmatch(log)[1]
	}
	namespace := func(name string) []string { return []string{"--build-arg", "BUILDKIT_CACHE_MOUNT_NS=" + name} }
	assert.Equal(t, "/ 1", build("1", "shop", "main"))
	assert.Equal(t, "1 / 2", build("2", "shop", "main"))
	assert.Equal(t, "/ 3", build("3", "other", "main"), "an app's mounts are its own")
	assert.Equal(t, "1 2 / 4", build("4", "shop", "fix"), "a branch reads the default branch's mount")
	assert.Equal(t, "1 2 / 5", build("5", "shop", "main"), "the default branch does not read a branch's mount")
	assert.Equal(t, "1 2 4 / 6", build("6", "shop", "fix"), "a branch reads its own mount first")
	assert.Equal(t, "/ 7", build("7", "shop", "main", namespace("a")...), "a namespace has its own mounts")
	assert.Equal(t, "/ 8", build("8", "shop", "main", namespace("b")...))
	assert.Equal(t, "7 / 9", build("9", "shop", "main", namespace("a")...))
}

func TestCacheMountsOfSeveralPlatforms(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", "FROM --platform=$BUILDPLATFORM "+base+" AS build\nARG TARGETARCH\nCOPY src src\n"+
		"RUN --mount=type=cache,target=/m,id=build-$TARGETARCH --mount=type=cache,target=/both echo \"$TARGETARCH: $(ls -A /m) / $(ls -A /both | grep -c one)\"; touch /m/$TARGETARCH-$(cat src/main.txt) /both/$TARGETARCH-$(cat src/main.txt)\n"+
		"FROM scratch\nCOPY --from=build /src /src\n")
	w.write("src/main.txt", "one")
	w.succeeds(w.build("--platform", "linux/amd64,linux/arm64"))
	w.write("src/main.txt", "two")
	changed := w.succeeds(w.build("--platform", "linux/amd64,linux/arm64"))
	assert.Contains(t, changed.log, "cache mounts: 3 restored")
	assert.Contains(t, changed.log, " amd64: amd64-one / 2\n")
	assert.Contains(t, changed.log, " arm64: arm64-one / 2\n")
}

func TestFilesOfCacheMountsAreAsTheyWere(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", "FROM "+base+"\nCOPY src src\nRUN --mount=type=cache,target=/m "+
		`sh src/step; cd /m; echo "links: $(stat -c %h a) $(test a -ef d/b && echo same)"; echo "sparse: $(stat -c %s hole) $(test $(stat -c %b hole) -lt 100 && echo holes)"; `+
		`echo "times: $(stat -c %y a) $(stat -c %y d)"; echo "modes: $(stat -c %u:%g:%a a) $(stat -c %a d) $(stat -c %a suid)"; echo "link: $(readlink to)"; echo "names: $(ls | grep -c x)"; echo "empty: $(ls -A empty | wc -l)"`+"\n")
	w.write("src/step", `set -e; cd /m; mkdir -p d empty; echo content > a; ln a d/b; dd if=/dev/zero of=hole bs=1 count=1 seek=99999999 2>/dev/null; chown 12:34 a; chmod 640 a; chmod 3711 d
cp /bin/busybox suid; chmod 4755 suid; ln -s /etc/passwd to; touch "$(printf 'x \377\n y')"; touch -d '2001-02-03 04:05:06.789012345' a; mknod device c 1 3 || true; mkfifo pipe; touch -d '2002-03-04 05:06:07' d`)
	said := regexp.MustCompile(`(?m)^#\d+ \d+\.\d+ ((?:links|sparse|times|modes|link|names|empty): .*)$`)
	list := func(log string) (lines []string) {
		for _, match := range said.FindAllStringSubmatch(log, -1) {
			lines = append(lines, match[1])
		}
		return lines
	}
	want := list(w.succeeds(w.build()).log)
	require.Len(t, want, 7)
	assert.Equal(t, "links: 2 same", want[0])
	assert.Equal(t, "sparse: 100000000 holes", want[1])
	w.write("src/step", "ls /m/pipe /m/device 2>/dev/null && exit 1; true\n")
	assert.Equal(t, want, list(w.succeeds(w.build()).log))
}
