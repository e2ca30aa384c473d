package scenarios

import "testing"

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
			change: writes("Dockerfile", "FROM bases.example/tiny:1\nCOPY a /a\nENV GREETING=hi\nRUN echo $GREETING\n"), cause: "RUN echo hello"},
		{name: "a build argument that a step uses", args: []string{"--build-arg=VERSION=1"},
			files:  small("FROM bases.example/tiny:1\nCOPY a /a\nARG VERSION\nRUN echo $VERSION > /version\n"),
			change: with("--build-arg=VERSION=2"), cause: "RUN echo 1"},
		{name: "another owner", files: small("FROM scratch\nCOPY b /b\nCOPY --chown=1:1 a /a\n"),
			change: writes("Dockerfile", "FROM scratch\nCOPY b /b\nCOPY --chown=2:2 a /a\n"), cause: "COPY --chown=2:2 a /a"},
		{name: "another mode", files: small("FROM scratch\nCOPY b /b\nCOPY --chmod=644 a /a\n"),
			change: writes("Dockerfile", "FROM scratch\nCOPY b /b\nCOPY --chmod=755 a /a\n"), cause: "COPY --chmod=755 a /a"},
		{name: "another line in a script", files: small("FROM bases.example/tiny:1\nCOPY a /a\nRUN <<EOF\necho one\necho two\nEOF\n"),
			change: writes("Dockerfile", "FROM bases.example/tiny:1\nCOPY a /a\nRUN <<EOF\necho one\necho three\nEOF\n"), cause: "RUN"},
		{name: "another line in a here-document", files: small("FROM scratch\nCOPY a /a\nCOPY <<settings.ini /etc/\ncolour=red\nsettings.ini\n"),
			change: writes("Dockerfile", "FROM scratch\nCOPY a /a\nCOPY <<settings.ini /etc/\ncolour=blue\nsettings.ini\n"), cause: "COPY"},
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
