package scenarios

import (
	"fmt"
	"strings"
	"testing"
)

// diamond has two stages on top of one, and a last stage that copies from both.
const diamond = `FROM bases.example/tiny:1 AS top
COPY a /a
FROM top AS left
COPY b /b
RUN cat /a /b > /left
FROM top AS right
COPY c /c
RUN cat /a /c > /right
FROM bases.example/tiny:1
COPY --from=left /left /
COPY --from=right /right /
`

// wide returns an application with ten independent stages and a last one that copies from all of them.
func wide() files {
	var stages, last strings.Builder
	app := files{}
	for i := range 10 {
		fmt.Fprintf(&stages, "FROM scratch AS part%d\nCOPY part%d /\n", i, i)
		fmt.Fprintf(&last, "COPY --from=part%d / /\n", i)
		app[fmt.Sprintf("part%d", i)] = fmt.Sprintf("part %d\n", i)
	}
	app["Dockerfile"] = stages.String() + "FROM scratch\n" + last.String()
	return app
}

func TestStages(t *testing.T) {
	renamed := strings.NewReplacer("AS build", "AS compile", "--from=build", "--from=compile")
	targets := small("FROM scratch AS base\nCOPY c /c\nFROM base AS one\nCOPY a /a\nFROM base AS two\nCOPY b /b\n")
	unused := small("FROM scratch AS unused\nCOPY a /a\nFROM scratch\nCOPY b /b\n")
	compare(t, []scenario{
		{name: "a renamed stage", files: service, change: writes("Dockerfile", renamed.Replace(service["Dockerfile"]))},
		{name: "a change in a stage that nothing needs", files: unused, change: writes("a", "aa\n")},
		{name: "a target that was built before", files: targets, args: []string{"--target=one"}, env: map[string]string{"LAYERCACHE_APP": "shop"}, change: writes("b", "bb\n")},
		{name: "a target that was not built before", files: targets, args: []string{"--target=one"}, env: map[string]string{"LAYERCACHE_APP": "shop"}, change: with("--target=two")},
		{name: "one leg of a diamond", files: small(diamond),
			change: writes("c", "cc\n"), cause: "c"},
		{name: "the first stage of a diamond", files: small(diamond),
			change: writes("a", "aa\n"), cause: "a"},
		{name: "one of ten stages", files: wide(), change: writes("part7", "changed\n"), cause: "part7"},
		{name: "a stage with --no-cache-filter", files: service, change: with("--no-cache-filter=build")},
		{name: "an additional first stage", files: service, change: writes("Dockerfile", strings.Replace(service["Dockerfile"]+
			"COPY --from=tools /tool /tool\n", "FROM", "FROM scratch AS tools\nCOPY deps.txt /tool\nFROM", 1)), cause: "COPY deps.txt /tool"},
	})
}

func TestFailures(t *testing.T) {
	parallel := func(slow, bad string) string {
		return "FROM bases.example/tiny:1 AS slow\nCOPY a /a\n" + slow + "\nFROM bases.example/tiny:1 AS bad\nCOPY b /b\n" + bad +
			"\nFROM scratch\nCOPY --link c /c\nCOPY --link --from=slow /a /a\nCOPY --link --from=bad /b /b\n"
	}
	compare(t, []scenario{
		{name: "a step that is cancelled because another one fails", files: small(parallel("RUN echo slow", "RUN echo bad")),
			change: writes("Dockerfile", parallel("RUN busybox sleep 5", "RUN busybox sleep 1; exit 9"))},
		{name: "a step that is cancelled, and nothing came from the cache", files: small(parallel("RUN echo slow", "RUN echo bad")),
			change: all(writes("Dockerfile", parallel("RUN busybox sleep 5", "RUN busybox sleep 1; exit 9")), writes("a", "aa\n"), writes("b", "bb\n"), writes("c", "cc\n"))},
		{name: "a step that is cancelled above one that came from the cache", files: small("FROM bases.example/tiny:1 AS slow\nRUN echo slow > /x\nCOPY a /a\nFROM bases.example/tiny:1 AS bad\nRUN echo bad\n" +
			"FROM scratch\nCOPY --from=slow /a /a\nCOPY --from=bad /b* /\n"),
			change: writes("Dockerfile", "FROM bases.example/tiny:1 AS slow\nRUN busybox sleep 5; echo slow > /x\nCOPY a /a\nFROM bases.example/tiny:1 AS bad\nRUN busybox sleep 1; exit 9\n"+
				"FROM scratch\nCOPY --from=slow /a /a\nCOPY --from=bad /b* /\n")},
	})
}

func TestBases(t *testing.T) {
	linked := small("FROM bases.example/tiny:1 AS build\nRUN echo program > /program\nFROM bases.example/tiny:1\nCOPY --link a /a\nCOPY --link --from=build /program /program\n")
	below := small("FROM bases.example/tiny:1\nCOPY --link a /a\nCOPY --link b /b\nCOPY c /c\n")
	onBuild := files{"Dockerfile": "FROM bases.example/onbuild:1\nWORKDIR /src\n", "src/main.txt": "hello\n"}
	compare(t, []scenario{
		{name: "another base image under the same name", files: service, change: pushesBase("tiny:1", "second"), cause: "bases.example/tiny:1"},
		{name: "another base image, named by a build argument", args: []string{"--build-arg=BASE=bases.example/tiny:1"},
			files:  small("ARG BASE\nFROM $BASE\nCOPY a /a\n"),
			change: all(pushesBase("tiny:2", "second"), with("--build-arg=BASE=bases.example/tiny:2")), cause: "bases.example/tiny"},
		{name: "another base image below COPY --link", files: linked, change: pushesBase("tiny:1", "second"), cause: "bases.example/tiny:1"},
		{name: "a changed file below a COPY --link", files: below,
			change: writes("a", "aa\n"), cause: "a"},
		{name: "a base image with an ONBUILD instruction", files: onBuild, prepare: pushesTrigger("COPY src /src"),
			change: writes("src/main.txt", "changed\n")},
	})
}
