package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// service is a typical application: dependencies, sources and a small last stage.
var service = files{
	"Dockerfile": `FROM bases.example/tiny:1 AS build
WORKDIR /app
COPY deps.txt .
COPY src src
RUN cat deps.txt src/* > program
FROM scratch
COPY --from=build /app/program /program
`,
	"deps.txt":      "left-pad\n",
	"src/main.txt":  "hello\n",
	"src/other.txt": "other\n",
}

// small returns the Dockerfile and the files a, b and c.
func small(dockerfile string) files {
	return files{"Dockerfile": dockerfile, "a": "a\n", "b": "b\n", "c": "c\n"}
}

// and returns the files with one file added or replaced.
func (f files) and(path, content string) files {
	changed := files{path: content}
	for other, content := range f {
		if other != path {
			changed[other] = content
		}
	}
	return changed
}

func TestChangesThatChangeNothing(t *testing.T) {
	compare(t, []scenario{
		{name: "no change", files: service},
		{name: "a comment in the Dockerfile", files: service,
			change: writes("Dockerfile", "# the shop\n"+service["Dockerfile"])},
		{name: "another modification time of a file", files: service, change: touches("src/main.txt")},
		{name: "a changed file that .dockerignore excludes", files: service.and(".dockerignore", "src/*.log\n"),
			change: writes("src/debug.log", "noise\n")},
		{name: "a label", files: small("FROM scratch\nLABEL version=1\nCOPY a /a\n"),
			change: writes("Dockerfile", "FROM scratch\nLABEL version=2\nCOPY a /a\n")},
		{name: "a build argument that no step uses", args: []string{"--build-arg=VERSION=1"},
			files: small("FROM scratch\nARG VERSION\nCOPY a /a\n"), change: with("--build-arg=VERSION=2")},
		{name: "another value of the same secret", args: []string{"--secret=id=token,src=token"},
			files:  small("FROM bases.example/tiny:1\nRUN --mount=type=secret,id=token wc -c /run/secrets/token > /size\n").and("token", "s3cret"),
			change: writes("token", "another")},
	})
}

func TestChangesOfFiles(t *testing.T) {
	compare(t, []scenario{
		{name: "a changed source", files: service, change: writes("src/main.txt", "hello, world\n"), cause: "src/main.txt"},
		{name: "an additional empty file", files: service, change: writes("src/empty.txt", ""), cause: "src/empty.txt"},
		{name: "a removed file", files: service, change: removes("src/other.txt"), cause: "src/other.txt"},
		{name: "a file made executable", files: service, change: chmods("src/main.txt", 0o755), cause: "src/main.txt"},
		{name: "a .dockerignore that excludes more", files: service, change: writes(".dockerignore", "src/other.txt\n")},
	})
}

func TestChangesOfInstructions(t *testing.T) {
	compare(t, []scenario{
		{name: "another command", files: small("FROM bases.example/tiny:1\nCOPY a /a\nRUN echo b > /b\n"),
			change: writes("Dockerfile", "FROM bases.example/tiny:1\nCOPY a /a\nRUN echo bb > /b\n"), cause: "RUN echo bb > /b"},
		{name: "steps in another order", files: small("FROM scratch\nCOPY a /a\nCOPY b /b\n"),
			change: writes("Dockerfile", "FROM scratch\nCOPY b /b\nCOPY a /a\n"), cause: "COPY b /b"},
		{name: "another working directory", files: small("FROM scratch\nCOPY a /a\nWORKDIR /one\nCOPY b b\n"),
			change: writes("Dockerfile", "FROM scratch\nCOPY a /a\nWORKDIR /two\nCOPY b b\n"), cause: "WORKDIR /two"},
		{name: "another environment variable", files: small("FROM bases.example/tiny:1\nCOPY a /a\nENV GREETING=hello\nRUN echo $GREETING\n"),
			change: writes("Dockerfile", "FROM bases.example/tiny:1\nCOPY a /a\nENV GREETING=hi\nRUN echo $GREETING\n"), cause: "ENV GREETING changed"},
		{name: "a build argument that a step uses", args: []string{"--build-arg=VERSION=1"},
			files:  small("FROM bases.example/tiny:1\nCOPY a /a\nARG VERSION\nRUN echo $VERSION > /version\n"),
			change: with("--build-arg=VERSION=2"), cause: "the build argument VERSION changed"},
		{name: "another owner", files: small("FROM scratch\nCOPY b /b\nCOPY --chown=1:1 a /a\n"),
			change: writes("Dockerfile", "FROM scratch\nCOPY b /b\nCOPY --chown=2:2 a /a\n"), cause: "COPY --chown=2:2 a /a"},
		{name: "another mode", files: small("FROM scratch\nCOPY b /b\nCOPY --chmod=644 a /a\n"),
			change: writes("Dockerfile", "FROM scratch\nCOPY b /b\nCOPY --chmod=755 a /a\n"), cause: "COPY --chmod=755 a /a"},
		{name: "another line in a script", files: small("FROM bases.example/tiny:1\nCOPY a /a\nRUN <<EOF\necho one\necho two\nEOF\n"),
			change: writes("Dockerfile", "FROM bases.example/tiny:1\nCOPY a /a\nRUN <<EOF\necho one\necho three\nEOF\n"), cause: "here-document EOF changed"},
		{name: "another line in a here-document", files: small("FROM scratch\nCOPY a /a\nCOPY <<settings.ini /etc/\ncolour=red\nsettings.ini\n"),
			change: writes("Dockerfile", "FROM scratch\nCOPY a /a\nCOPY <<settings.ini /etc/\ncolour=blue\nsettings.ini\n"), cause: "here-document settings.ini changed"},
		{name: "a step that fails", files: small("FROM bases.example/tiny:1\nCOPY a /a\nRUN echo fine\nCOPY b /b\n"),
			change: writes("Dockerfile", "FROM bases.example/tiny:1\nCOPY a /a\nRUN echo fine; exit 9\nCOPY b /b\n"), cause: "RUN echo fine; exit 9"},
	})
}

func TestMounts(t *testing.T) {
	after := func(run string) files { return small("FROM bases.example/tiny:1\n" + run + "\nCOPY a /a\n") }
	compare(t, []scenario{
		{name: "a step without network, and a changed file after it", files: after("RUN --network=none echo alone > /alone"),
			change: writes("a", "aa\n"), cause: "a"},
		{name: "a changed file in a bind mount", files: after("RUN --mount=type=bind,source=b,target=/source cat /source > /b"),
			change: writes("b", "bb\n"), cause: "b"},
		{name: "a cache mount and a changed file after it", files: after("RUN --mount=type=cache,target=/root/.cache echo kept > /root/.cache/kept"),
			change: writes("a", "aa\n"), cause: "a"},
		{name: "a tmpfs and a changed file after it", files: after("RUN --mount=type=tmpfs,target=/scratch echo gone > /scratch/gone"),
			change: writes("a", "aa\n"), cause: "a"},
	})
}

// TestTrueCauses has changes of which one explains the miss, beside others that no step can see.
func TestTrueCauses(t *testing.T) {
	mounted := small("FROM bases.example/tiny:1\nCOPY c /c\nRUN --mount=target=/src cat /src/a > /o\nARG GIT_SHA\nRUN echo $GIT_SHA\n")
	document := func(second string) string {
		return "FROM bases.example/tiny:1\nCOPY c /c\nRUN <<EOF\necho one\necho " + second + "\nEOF\nARG GIT_SHA\nRUN echo $GIT_SHA\n"
	}
	many := small("FROM scratch\nCOPY c /c\nCOPY many /many\n")
	for i := range 5001 {
		many[fmt.Sprintf("many/%d", i)] = "x"
	}
	beside := small("FROM scratch\nCOPY c /c\nCOPY a /a\n").and("beside", strings.Repeat("70 MB", 14<<20))
	folder := small("FROM scratch\nCOPY c /c\nCOPY dir /dir\n").and("dir/file", "x")
	compare(t, []scenario{
		{name: "a file of a bind mount, and a build argument below it", files: mounted, args: []string{"--build-arg=GIT_SHA=1"},
			change: all(writes("a", "aa\n"), with("--build-arg=GIT_SHA=2")), cause: "because a changed"},
		{name: "a line of a script, and a build argument below it", files: small(document("two")), args: []string{"--build-arg=GIT_SHA=1"},
			change: all(writes("Dockerfile", document("2")), with("--build-arg=GIT_SHA=2")), cause: "because its here-document EOF changed"},
		{name: "one of 5,001 files", files: many, change: writes("many/77", "y"), cause: "because many/77 changed"},
		{name: "a file beside 70 MB that are not copied", files: beside, change: writes("a", "aa\n"), cause: "because a changed"},
		{name: "the setgid bit of a folder", files: folder, change: chmods("dir", 0o755|os.ModeSetgid), cause: "because dir changed"},
		{name: "an extended attribute", files: folder, cause: "because dir/file changed",
			change: func(w *machine) {
				require.NoError(w.t, unix.Setxattr(filepath.Join(w.app, "dir/file"), "user.colour", []byte("red"), 0))
			}},
		{name: "two commands swapped", files: small("FROM bases.example/tiny:1\nCOPY c /c\nRUN echo 1\nRUN echo 2\n"),
			change: writes("Dockerfile", "FROM bases.example/tiny:1\nCOPY c /c\nRUN echo 2\nRUN echo 1\n"), cause: "it was below RUN echo 1: the order of the steps changed"},
		{name: "a stage put before the others", files: small("FROM bases.example/tiny:1\nCOPY a /a\nFROM scratch\nCOPY --from=0 /a /a\n"),
			change: writes("Dockerfile", "FROM bases.example/tiny:1\nCOPY b /a\nFROM bases.example/tiny:1\nCOPY a /a\nFROM scratch\nCOPY --from=0 /a /a\n"), cause: "its stage is new"},
		{name: "the JSON form", files: small("FROM scratch\nCOPY c /c\nCOPY [\"a\", \"/s/\"]\n"), change: writes("a", "aa\n"), cause: "because a changed"},
		{name: "files that come by a bind mount alone", files: small("FROM bases.example/tiny:1\nRUN echo 1\nRUN --mount=type=bind,src=a,dst=/a cat /a > /b\n"),
			change: writes("a", "aa\n"), cause: "because a changed"},
		{name: "a file, and another name of its stage", files: service, cause: "it depends on RUN cat deps.txt src/* > program, which had to run",
			change: all(writes("src/main.txt", "x"), writes("Dockerfile", strings.NewReplacer("AS build", "AS compile", "--from=build", "--from=compile").Replace(service["Dockerfile"])))},
		{name: "forms of a copy that are the same", files: folder,
			change: writes("Dockerfile", "FROM scratch\nCOPY c /c\nCOPY [\"./dir/\", \"/dir\"]\n")},
		{name: "forms of a mount that are the same", files: small("FROM bases.example/tiny:1\nCOPY c /c\nRUN --mount=target=/m,source=a --network=none cat /m\n"),
			change: writes("Dockerfile", "FROM bases.example/tiny:1\nCOPY c /c\nRUN --network=none --mount=type=bind,src=a,dst=/m cat /m\n")},
		{name: "a file, and a shell that the JSON form does not use", files: small("FROM bases.example/tiny:1\nCOPY c /c\nRUN --mount=target=/m,source=a [\"/bin/cat\", \"/m\"]\n"), cause: "because a changed",
			change: all(writes("a", "aa\n"), writes("Dockerfile", "FROM bases.example/tiny:1\nCOPY c /c\nSHELL [\"/bin/sh\", \"-ec\"]\nRUN --mount=target=/m,source=a [\"/bin/cat\", \"/m\"]\n"))},
		{name: "a file of an ONBUILD instruction in the Dockerfile", files: small("FROM bases.example/tiny:1 AS parent\nONBUILD COPY a /a\nFROM parent\nCOPY c /c\n"),
			change: writes("a", "aa\n"), cause: "because a changed"},
		{name: "a file that the ignore file leaves out now", files: small("FROM scratch\nCOPY c /c\nCOPY dir /dir\n").and("dir/a", "x").and("dir/b", "x"),
			change: writes(".dockerignore", "dir/b\n"), cause: "because dir/b was removed from the build context"},
		{name: "an excluded file, and another", files: small("FROM scratch\nCOPY c /c\nCOPY --exclude=*.log dir /dir\n").and("dir/a.log", "x").and("dir/b", "x"),
			change: all(writes("dir/a.log", "y"), writes("dir/b", "y")), cause: "because dir/b changed"},
		{name: "a file behind a symlink", files: small("FROM scratch\nCOPY c /c\nCOPY current/app /app\n").and("releases/1/app", "x"), cause: "because releases/1/app changed",
			prepare: func(w *machine) { require.NoError(w.t, os.Symlink("releases/1", filepath.Join(w.app, "current"))) },
			change:  writes("releases/1/app", "y")},
		{name: "a time of the build", files: small("FROM scratch\nCOPY c /c\nWORKDIR /w\n"), args: []string{"--build-arg=SOURCE_DATE_EPOCH=1"},
			change: with("--build-arg=SOURCE_DATE_EPOCH=2"), cause: "because the build argument SOURCE_DATE_EPOCH changed"},
		{name: "a network for the commands", files: small("FROM bases.example/tiny:1\nCOPY c /c\nRUN echo 1\n"),
			change: with("--network=none"), cause: "because --network was added"},
		{name: "a target that needs more", files: small("FROM scratch AS one\nCOPY c /c\nCOPY a /a\nFROM scratch AS two\nCOPY b /b\nCOPY --from=one /a /a\n"), args: []string{"--target=one"},
			env: map[string]string{"LAYERCACHE_APP": "shop"}, change: with("--target=two"), cause: "was last written by the build of shop:1 (Dockerfile Dockerfile, target one)"},
		{name: "--no-cache", files: small("FROM scratch\nCOPY c /c\nCOPY a /a\n"), change: with("--no-cache"), ignores: true, cause: "because of --no-cache"},
		{name: "--no-cache-filter", files: service, change: with("--no-cache-filter=build"), cause: "--no-cache-filter names its stage"},
	})
}
