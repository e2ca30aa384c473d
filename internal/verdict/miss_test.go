package verdict

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source/outline"
)

// lines returns a Dockerfile.
func lines(all ...string) string { return strings.Join(all, "\n") + "\n" }

// shop is an application: sources, tools, an install and a second stage.
var shop = build{
	dockerfile: lines("FROM node:22 AS build", "WORKDIR /app", "COPY . .", "RUN apk add git", "RUN npm ci", "COPY logo.svg /srv/", "FROM scratch", "COPY --from=build /app /app"),
	files:      map[string]string{"package.json": "1", "package-lock.json": "1", "src/main.js": "1", "logo.svg": "1"},
	seconds:    map[string]float64{"RUN apk": 5, "RUN npm": 30, "COPY logo": 1},
	manifests:  []string{"package.json", "package-lock.json"},
}

// with replaces one text in the Dockerfile.
func (b build) with(old, now string) build {
	if !strings.Contains(b.dockerfile, old) {
		panic(old + " is not in the Dockerfile")
	}
	b = b.clone()
	b.dockerfile = strings.Replace(b.dockerfile, old, now, 1)
	return b
}

// changed changes a file.
func (b build) changed(files ...string) build {
	b = b.clone()
	for _, file := range files {
		b.files[file] += "changed"
	}
	return b
}

// given sets a build argument.
func (b build) given(name, value string) build {
	b = b.clone()
	b.args[name] = value
	return b
}

// of returns a build of a Dockerfile with the files a.txt, b.txt, dir/c.txt and dir/d.log.
func of(all ...string) build {
	return build{dockerfile: lines(all...), files: map[string]string{"a.txt": "1", "b.txt": "1", "dir/c.txt": "1", "dir/d.log": "1"}}
}

func TestCausesOfMisses(t *testing.T) {
	plain := of("FROM base", "RUN one", "RUN two", "RUN three", "COPY a.txt /a")
	stages := of("FROM base AS first", "COPY a.txt /a", "RUN make", "FROM base", "COPY --from=first /a /a")
	numbered := of("FROM base", "COPY a.txt /a", "FROM scratch", "COPY --from=0 /a /a")
	arguments := of("ARG GLOBAL=1", "FROM base", "COPY b.txt /b", "ARG GLOBAL", "ARG OWN=1", "ENV DERIVED=is-$OWN", "RUN one", "ARG LATE", "RUN two", "ENV KEY=1", "COPY a.txt /$KEY")
	mounts := of("FROM base", "RUN --mount=target=/src cat /src/a.txt > /o", "ARG GIT_SHA", "RUN echo $GIT_SHA")
	document := of("FROM base", "RUN <<EOF", "first", "second", "EOF", "COPY <<one <<two /etc/", "first", "one", "second", "two", "ARG GIT_SHA")
	image := of("FROM base", "COPY --from=tools:1 /bin /bin")
	sources := of("FROM base AS one", "RUN one", "FROM base AS two", "RUN two", "FROM scratch", "COPY --from=one /o /o", "COPY --from=two /p /p")
	trigger := of("FROM base AS parent", "ONBUILD COPY a.txt /a", "FROM parent", "COPY a.txt /a")
	scanned := of("FROM base", "ARG BUILDKIT_SBOM_SCAN_STAGE", "RUN --mount=target=/m,source=a.txt cat /m")
	context := of("FROM base", "COPY --from=other /a /a")
	context.contexts = map[string]string{"other": outline.Folder, "base": "docker-image://base:1"}
	with := func(b build, change func(*build)) build {
		b = b.clone()
		change(&b)
		return b
	}
	cases := []struct {
		name        string
		before, now build
		step, cause string
	}{
		{"a file changed", plain, plain.changed("a.txt"), "COPY a.txt", "a.txt changed"},
		{"a file of a folder was added", of("FROM base", "COPY dir /"), with(of("FROM base", "COPY dir /"), func(b *build) { b.files["dir/new"] = "1" }), "COPY dir", "dir/new was added to the build context"},
		{"two files changed", shop, with(shop.changed("src/main.js"), func(b *build) { delete(b.files, "logo.svg") }), "COPY . .", "src/main.js changed, and logo.svg was removed from the build context"},
		{"many files changed", shop, shop.changed("src/main.js", "logo.svg", "package.json"), "COPY . .", "logo.svg changed, and 2 more files"},
		{"an excluded file changed too", of("FROM base", "COPY --exclude=*.log dir /"), of("FROM base", "COPY --exclude=*.log dir /").changed("dir/c.txt", "dir/d.log"), "COPY", "dir/c.txt changed"},
		{"a file of the JSON form changed", of("FROM base", `COPY ["a.txt", "/s/"]`), of("FROM base", `COPY ["a.txt", "/s/"]`).changed("a.txt"), "COPY [a.txt, /s/]", "a.txt changed"},
		{"the base image has a new digest", plain, with(plain, func(b *build) { b.images["base"] = "sha256:fedcba9876543210" }), "RUN one",
			"the base image base was updated (sha256:fedcba987654, was sha256:0123456789ab)"},
		{"another base image is used", plain, plain.with("FROM base", "FROM other"), "RUN one", "the base image changed from base to other"},
		{"an image that files come from has a new digest", image, with(image, func(b *build) { b.images["tools:1"] = "sha256:fedcba9876543210" }), "COPY --from=tools:1",
			"the image tools:1 was updated (sha256:fedcba987654, was sha256:0123456789ab)"},
		{"the instruction changed", plain, plain.with("RUN two", "RUN 2"), "RUN 2", "its text changed (was RUN two)"},
		{"a step is new", plain, plain.with("RUN two", "RUN new\nRUN two"), "RUN new", "it is a new step"},
		{"a step is new at the end", plain, plain.with("COPY a.txt /a", "COPY a.txt /a\nRUN new"), "RUN new", "it is a new step"},
		{"a step was removed", plain, plain.with("RUN two\n", ""), "RUN three", "RUN two above it was removed"},
		{"two steps were removed", plain, plain.with("RUN one\nRUN two\n", ""), "RUN three", "RUN one and 1 more step above it was removed"},
		{"two steps were swapped", plain, plain.with("RUN one\nRUN two", "RUN two\nRUN one"), "RUN two", "it was below RUN one: the order of the steps changed"},
		{"a step was replaced by another kind", plain, plain.with("RUN two", "COPY b.txt /b"), "COPY b.txt /b", "it is a new step in place of RUN two"},
		{"a step of a stage whose result is copied was removed", stages, stages.with("RUN make\n", ""), "COPY --from=first", "RUN make was removed from the stage first"},
		{"a stage without a step of its own has another base image",
			of("FROM base AS first", "FROM scratch", "COPY --from=first /a /a"), of("FROM base2 AS first", "FROM scratch", "COPY --from=first /a /a"),
			"COPY --from=first", "the base image of the stage first changed from base to base2"},
		{"a stage was put before the others", numbered, numbered.with("FROM base", "FROM base\nRUN new\nFROM base"), "RUN new", "its stage is new"},
		{"a stage without steps was put before the others", numbered, numbered.with("FROM base", "FROM base\nFROM base"), "COPY --from=0", "the stage 0 is another stage than before"},
		{"a stage that the target did not need", of("FROM base AS a", "RUN one", "FROM base", "RUN two"), of("FROM base AS a", "RUN one", "FROM base", "COPY --from=a /a /a", "RUN two"), "RUN one", "the previous build did not need its stage"},
		{"a stage was put before the others, and a file changed", numbered, numbered.with("FROM base", "FROM base\nRUN new\nFROM base").with("--from=0", "--from=1").changed("a.txt"), "COPY a.txt", "a.txt changed"},
		{"a stage was renamed, and a file changed", stages, stages.with("first", "second").with("first", "second").changed("a.txt"), "COPY a.txt", "a.txt changed"},
		{"files come from another stage", sources, sources.with("--from=one", "--from=two"), "COPY --from=two /o", "it takes files from the stage two now, not from the stage one"},
		{"an ONBUILD instruction of another stage, and its file", trigger, trigger.changed("a.txt"), "ONBUILD COPY", "a.txt changed"},
		{"a file, and a list in place of words", of("FROM base", "COPY a.txt /s/"), of("FROM base", `COPY ["./a.txt", "/s/"]`).changed("a.txt"), "COPY [", "a.txt changed"},
		{"a file, and another order of flags", of("FROM base", "RUN --mount=target=/m,source=a.txt --network=none cat /m"),
			of("FROM base", "RUN --network=none --mount=type=bind,src=a.txt,dst=/m cat /m").changed("a.txt"), "RUN --network", "a.txt changed"},
		{"a file, and a shell that the JSON form does not use", of("FROM base", `RUN --mount=target=/m,source=a.txt ["cat", "/m"]`),
			of("FROM base", `SHELL ["/bin/bash"]`, `RUN --mount=target=/m,source=a.txt [ "cat", "/m" ]`).changed("a.txt"), "RUN --mount", "a.txt changed"},
		{"a file, and a network that the step does not use", of("FROM base", "RUN --network=none --mount=target=/m,source=a.txt cat /m"),
			with(of("FROM base", "RUN --network=none --mount=target=/m,source=a.txt cat /m"), func(b *build) { b.flags = map[string]string{"network": "host"} }).changed("a.txt"), "RUN", "a.txt changed"},
		{"a file, and an argument that BuildKit reads itself", scanned.given("BUILDKIT_SBOM_SCAN_STAGE", "true"), scanned.given("BUILDKIT_SBOM_SCAN_STAGE", "false").changed("a.txt"), "RUN", "a.txt changed"},
		{"a line of a script, and its name", of("FROM base", "RUN <<EOF", "one", "EOF"), of("FROM base", "RUN <<END", "two", "END"), "RUN <<END", "its here-document END changed"},
		{"a build argument changed", arguments.given("GLOBAL", "1"), arguments.given("GLOBAL", "2"), "RUN one", "the build argument GLOBAL changed"},
		{"a build argument is given for the first time", arguments, arguments.given("OWN", "2"), "RUN one", "the build argument OWN changed"},
		{"a build argument that is declared later changed", arguments.given("LATE", "1"), arguments.given("LATE", "2"), "RUN two", "the build argument LATE changed"},
		{"a build argument below, and a file above", arguments.given("LATE", "1"), arguments.given("LATE", "2").changed("b.txt"), "COPY b.txt", "b.txt changed"},
		{"a build argument that is not declared, and a command", arguments.given("NONE", "1"), arguments.given("NONE", "2").with("RUN two", "RUN 2"), "RUN 2", "its text changed (was RUN two)"},
		{"the default of an argument changed", arguments, arguments.with("ARG OWN=1", "ARG OWN=2"), "RUN one", "the default of ARG OWN changed"},
		{"the default of a global argument changed", arguments, arguments.with("ARG GLOBAL=1", "ARG GLOBAL=2"), "RUN one", "the default of ARG GLOBAL changed"},
		{"a variable changed", arguments, arguments.with("is-$OWN", "was-$OWN"), "RUN one", "ENV DERIVED changed"},
		{"a variable was added", plain, plain.with("RUN two", "ENV NEW=1\nRUN two"), "RUN two", "ENV NEW is now set above it"},
		{"a variable was removed", arguments, arguments.with("ENV DERIVED=is-$OWN\n", ""), "RUN one", "ENV DERIVED is no longer set above it"},
		{"a variable was moved up", of("FROM base", "RUN one", "ENV A=1", "RUN two"), of("FROM base", "ENV A=1", "RUN one", "RUN two"), "RUN one", "ENV A is now set above it"},
		{"two variables were swapped", of("FROM base", "ENV A=1", "ENV B=2", "RUN one"), of("FROM base", "ENV B=2", "ENV A=1", "RUN one"), "RUN one", "the order of ENV B and ENV A changed"},
		{"a variable in a path changed", arguments, arguments.with("KEY=1", "KEY=2"), "COPY a.txt", "ENV KEY changed"},
		{"the user changed", of("FROM base", "USER 1", "RUN one"), of("FROM base", "USER 2", "RUN one"), "RUN one", "USER changed"},
		{"the shell changed", plain, plain.with("RUN two", "SHELL [\"/bin/bash\"]\nRUN two"), "RUN two", "SHELL is now set above it"},
		{"the root as working directory", plain, plain.with("RUN two", "WORKDIR /\nRUN two"), "RUN two", "WORKDIR is now set above it"},
		{"a flag of the build changed", plain, with(plain, func(b *build) { b.flags = map[string]string{"network": "host"} }), "RUN one", "--network was added"},
		{"the time of the build changed", of("FROM base", "WORKDIR /a").given("SOURCE_DATE_EPOCH", "1"), of("FROM base", "WORKDIR /a").given("SOURCE_DATE_EPOCH", "2"), "WORKDIR /a", "the build argument SOURCE_DATE_EPOCH changed"},
		{"a file of a bind mount and a build argument below it", mounts.given("GIT_SHA", "1"), mounts.given("GIT_SHA", "2").changed("a.txt"), "RUN --mount", "a.txt changed"},
		{"a file of a mount with a source", of("FROM base", "RUN --mount=type=bind,source=dir,target=/d make"), of("FROM base", "RUN --mount=type=bind,source=dir,target=/d make").changed("dir/c.txt", "a.txt"), "RUN", "dir/c.txt changed"},
		{"a line of a script and a build argument below it", document.given("GIT_SHA", "1"), document.given("GIT_SHA", "2").with("second", "2"), "RUN <<EOF", "its here-document EOF changed"},
		{"a line of the second here-document", document, document.with("second\ntwo", "2\ntwo"), "COPY <<one", "its here-document two changed"},
		{"a file of a build context", context, with(context, func(b *build) { b.files["other:a"] = "2" }), "COPY --from=other", "other:a was added to the build context"},
		{"another base image by a build context", context, with(context, func(b *build) { b.contexts["base"] = "docker-image://base:2" }), "COPY --from=other", "--build-context base changed"},
		{"the content of a URL changed", of("FROM base", "ADD https://example.com/a /"), with(of("FROM base", "ADD https://example.com/a /"), func(b *build) { b.downloads = "2" }), "ADD", "the content of its URL changed"},
		{"a linked copy below another", of("FROM base", "COPY --link a.txt /a", "COPY --link b.txt /b"), of("FROM base", "COPY --link a.txt /a", "COPY --link b.txt /b").changed("b.txt"), "COPY --link b.txt", "b.txt changed"},
		{"a stage that starts from another", of("FROM base AS a", "RUN one", "FROM a", "RUN two"), of("FROM base AS a", "RUN one", "FROM a", "RUN 2"), "RUN 2", "its text changed (was RUN two)"},
		{"a stage whose parent changed", of("FROM base AS a", "RUN one", "FROM base AS b", "RUN one", "RUN other", "FROM a", "RUN two"),
			of("FROM base AS a", "RUN one", "FROM base AS b", "RUN one", "RUN other", "FROM b", "RUN two"), "RUN other", "the previous build did not need its stage"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := c.now.after(t, c.before)
			misses := Decide(e).Misses
			require.NotEmpty(t, misses)
			miss, known := rootMiss(misses)
			require.True(t, known, misses)
			assert.True(t, strings.HasPrefix(e.Steps[miss.Step].Instruction, c.step), "the step is %s", e.Steps[miss.Step].Instruction)
			assert.Equal(t, c.cause, miss.Cause)
		})
	}
}

func TestTheNameOrNumberOfAStageIsNoCause(t *testing.T) {
	named := of("FROM base AS first", "COPY a.txt /a", "FROM scratch", "COPY --from=first /a /a")
	numbered := of("FROM base", "COPY a.txt /a", "FROM scratch", "COPY --from=0 /a /a")
	mounted := of("FROM base AS first", "COPY a.txt /a", "FROM base", "RUN --mount=from=first,target=/m cat /m/a")
	for name, e := range map[string]Evidence{
		"a name":               named.with("AS first", "AS second").with("--from=first", "--from=second").changed("a.txt").after(t, named),
		"the name of a mount":  mounted.with("AS first", "AS second").with("from=first", "from=second").changed("a.txt").after(t, mounted),
		"a number":             numbered.with("FROM base", "FROM base\nRUN new\nFROM base").with("--from=0", "--from=1").changed("a.txt").after(t, numbered),
		"a name in place of 0": numbered.with("FROM base", "FROM base AS first").with("--from=0", "--from=first").changed("a.txt").after(t, numbered),
	} {
		t.Run(name, func(t *testing.T) {
			misses := Decide(e).Misses
			assert.Equal(t, "it depends on COPY a.txt /a, which had to run", misses[len(misses)-1].Cause)
		})
	}
}

func TestCausesThatAreNotKnown(t *testing.T) {
	plain := of("FROM base", "COPY a.txt /a", "RUN one")
	context := of("FROM other", "RUN one")
	context.contexts = map[string]string{"other": "oci-layout://x"}
	cases := []struct {
		name   string
		build  build
		change func(e *Evidence)
		cause  string
	}{
		{"no input changed", plain, func(*Evidence) {}, "no change was found"},
		{"there is no record", plain, func(e *Evidence) { e.Records = nil }, "are not known"},
		{"the record is of an older version", plain, func(e *Evidence) {
			e.Records[ref].Inputs = cache.Inputs{Dockerfile: "other", Flags: "other", Arguments: map[string]string{"A": "1"}}
		}, "the Dockerfile of the previous build is not known"},
		{"the Dockerfile comes from the input", plain, func(e *Evidence) { e.Inputs.Outline = nil }, "the Dockerfile is not compared: it is not a local file"},
		{"the context is a repository or an archive", plain, func(e *Evidence) { e.Inputs = cache.Inputs{Remote: true} }, "a build context that is not a local folder"},
		{"the files were not read in time", plain, func(e *Evidence) { e.Inputs.Outline.Stages[0].Steps[0].Files = "" }, "the files that it takes are not compared"},
		{"the base image is a build context", context, func(*Evidence) {}, "what --build-context other has is not compared"},
		{"an ONBUILD instruction of the base image, as in the Dockerfile", plain, func(e *Evidence) { e.Steps[1].Instruction = "ONBUILD COPY a.txt /a" }, "ONBUILD"},
		{"a step that is no instruction of the Dockerfile", plain, func(e *Evidence) { e.Steps[1].Instruction = "RUN x" }, "its instruction in the Dockerfile is not certain"},
		{"files of an image without a digest", of("FROM base", "COPY --from=tools /a /a"), func(e *Evidence) { e.Images, e.Records[ref].Images = nil, nil }, "what it takes from tools is not compared"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := c.build.after(t, c.build)
			for i := range e.Steps {
				e.Steps[i].Cached, e.Steps[i].Ran = false, true
			}
			c.change(&e)
			got := Decide(e)
			require.NotEmpty(t, got.Misses)
			assert.Contains(t, got.Misses[0].Cause, c.cause)
			_, known := rootMiss(got.Misses)
			assert.False(t, known)
			assert.Contains(t, got.Reason, "the cache has no result of it", "the reason says that it is not known")
		})
	}
}

func TestCausesInABake(t *testing.T) {
	linked := of("FROM other", "RUN make")
	linked.contexts = map[string]string{"other": "target:other"}
	for _, c := range []struct {
		name   string
		build  build
		change func(e *Evidence)
		cause  string
	}{
		{"another target ran the step", of("FROM base", "RUN make"), func(e *Evidence) { e.RanFor = map[int]string{0: "web", 1: "web"} },
			"the target web, which shares the step and read no cache, ran it first"},
		{"the base is another target", linked, func(e *Evidence) { e.Linked = []string{"other"} },
			"BuildKit finds no cached result of a step on the result of another target (other): make that target a stage of this Dockerfile"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := c.build.after(t, c.build)
			for i := range e.Steps {
				e.Steps[i].Cached, e.Steps[i].Ran = false, true
			}
			c.change(&e)
			assert.Equal(t, c.cause, Decide(e).Misses[0].Cause)
		})
	}
}

func TestTooManyFilesToList(t *testing.T) {
	e := shop.changed("logo.svg").after(t, shop)
	e.Inputs.Files = nil
	assert.Equal(t, "files that it takes from the build context changed (too many to say which)", Decide(e).Misses[0].Cause)
}

func TestAdvice(t *testing.T) {
	npm := build{dockerfile: lines("FROM node:22", "WORKDIR /app", "COPY . .", "RUN npm ci"), files: shop.files, seconds: shop.seconds, manifests: shop.manifests}
	packages := func(copied, run string) build {
		return build{dockerfile: lines("FROM base", copied, run), files: map[string]string{"a": "1", "tool.deb": "1", "sources.list": "1", ".npmrc": "1"},
			seconds: map[string]float64{"RUN ": 5}}
	}
	install := "RUN apt-get update && apt-get install -y --no-install-recommends git curl=7.88 && rm -rf /var/lib/apt/lists/*"
	argument := func(run string) build {
		return of("FROM base", "ARG GIT_SHA", run).given("GIT_SHA", "1")
	}
	installed := npm.clone()
	installed.files["node_modules"] = "1"
	labelled := func(above string) build { return argument(above + "\nRUN apk add git") }
	cases := []struct {
		name        string
		before, now build
		advice      string
	}{
		{"an install that reads only the manifests", npm, npm.changed("src/main.js"),
			"copy the dependency manifests first, then RUN npm ci, then COPY . .: 30.0 s of work would have stayed cached"},
		{"a manifest changed", npm, npm.changed("package.json"), ""},
		{"the manifests name other files", build{dockerfile: npm.dockerfile, files: npm.files, seconds: npm.seconds}, build{dockerfile: npm.dockerfile, files: npm.files, seconds: npm.seconds}.changed("src/main.js"), ""},
		{"an install with a flag that may name a file", npm.with("npm ci", "npm ci --userconfig=x"), npm.with("npm ci", "npm ci --userconfig=x").changed("src/main.js"), ""},
		{"system packages by name", packages("COPY a /app/", install), packages("COPY a /app/", install).changed("a"),
			"move COPY a /app/ below RUN apt-get update && apt-get install -y --no-install-recomm…: 1 more step (5.0 s) would have stayed cached"},
		{"a local package", packages("COPY tool.deb /tmp/", "RUN apt-get install -y /tmp/tool.deb"), packages("COPY tool.deb /tmp/", "RUN apt-get install -y /tmp/tool.deb").changed("tool.deb"), ""},
		{"a local package in an application's folder", packages("COPY tool.deb /app/", "RUN apk add /app/tool.apk"), packages("COPY tool.deb /app/", "RUN apk add /app/tool.apk").changed("tool.deb"), ""},
		{"a local package by its name alone", packages("COPY tool.deb /app/", "RUN dnf install -y tool.rpm"), packages("COPY tool.deb /app/", "RUN dnf install -y tool.rpm").changed("tool.deb"), ""},
		{"sources of the package manager", packages("COPY sources.list /etc/apt/", install), packages("COPY sources.list /etc/apt/", install).changed("sources.list"), ""},
		{"a relative destination", packages("COPY a .", install), packages("COPY a .", install).changed("a"), ""},
		{"a command after the install", packages("COPY a /app/", "RUN apt-get install -y git && make -C /app"), packages("COPY a /app/", "RUN apt-get install -y git && make -C /app").changed("a"), ""},
		{"a redirected command", packages("COPY a /app/", "RUN apt-get install -y git < /app/a"), packages("COPY a /app/", "RUN apt-get install -y git < /app/a").changed("a"), ""},
		{"an option that names a file", packages("COPY a /app/", "RUN apt-get -c /app/a install -y git"), packages("COPY a /app/", "RUN apt-get -c /app/a install -y git").changed("a"), ""},
		{"a variable that names the configuration", packages("ENV APT_CONFIG=/app/a\nCOPY a /app/", install), packages("ENV APT_CONFIG=/app/a\nCOPY a /app/", install).changed("a"), ""},
		{"a path with the copied folder", packages("ENV PATH=/app:$PATH\nCOPY a /app/", install), packages("ENV PATH=/app:$PATH\nCOPY a /app/", install).changed("a"), ""},
		{"a build argument that an install does not use", argument("RUN apk add git"), argument("RUN apk add git").given("GIT_SHA", "2"),
			"declare ARG GIT_SHA below RUN apk add git, which does not use it"},
		{"a relative destination in a known folder", packages("WORKDIR /app\nCOPY a .", install), packages("WORKDIR /app\nCOPY a .", install).changed("a"),
			"move COPY a . below RUN apt-get update && apt-get install -y --no-install-recomm…: 1 more step (5.0 s) would have stayed cached"},
		{"a repository of packages in an application's folder", packages("RUN echo deb file:/srv ./ > /etc/apt/sources.list\nCOPY a /srv/", install),
			packages("RUN echo deb file:/srv ./ > /etc/apt/sources.list\nCOPY a /srv/", install).changed("a"), ""},
		{"a repository that an earlier stage names", packages("RUN echo deb file:/srv ./ > /etc/apt/sources.list\nFROM prepared\nCOPY a /srv/", install).with("FROM base", "FROM base AS prepared"),
			packages("RUN echo deb file:/srv ./ > /etc/apt/sources.list\nFROM prepared\nCOPY a /srv/", install).with("FROM base", "FROM base AS prepared").changed("a"), ""},
		{"a package that the base image may install from", packages("COPY tool.deb /srv/", install), packages("COPY tool.deb /srv/", install).changed("tool.deb"), ""},
		{"a home folder, which may have sign-ins", npm.with("WORKDIR /app", "WORKDIR /root"), npm.with("WORKDIR /app", "WORKDIR /root").changed("src/main.js"), ""},
		{"a folder of the base image", npm.with("WORKDIR /app\n", ""), npm.with("WORKDIR /app\n", "").changed("src/main.js"), ""},
		{"an install whose result the copy replaces", installed, installed.changed("src/main.js"), ""},
		{"a build argument that a label above reads", labelled("LABEL sha=$GIT_SHA"), labelled("LABEL sha=$GIT_SHA").given("GIT_SHA", "2"), ""},
		{"a build argument that a variable above reads", labelled("ENV SHA=$GIT_SHA"), labelled("ENV SHA=$GIT_SHA").given("GIT_SHA", "2"), ""},
		{"a build argument that a package asks for", of("FROM base", "ARG ACCEPT_EULA", "RUN apk add git").given("ACCEPT_EULA", "Y"), of("FROM base", "ARG ACCEPT_EULA", "RUN apk add git").given("ACCEPT_EULA", "N"), ""},
		{"a build argument that a program may read", argument("RUN npm run build"), argument("RUN npm run build").given("GIT_SHA", "2"), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			miss, known := rootMiss(Decide(c.now.after(t, c.before)).Misses)
			require.True(t, known)
			assert.Equal(t, c.advice, miss.Advice)
		})
	}
}

func TestAStageThatDependsOnAMissInAnotherNamesIt(t *testing.T) {
	e := shop.changed("logo.svg").with("COPY . .", "COPY src src").after(t, shop.with("COPY . .", "COPY src src"))
	misses := Decide(e).Misses
	require.Len(t, misses, 2)
	assert.Equal(t, "it depends on COPY logo.svg /srv/, which had to run", misses[1].Cause)
	assert.Equal(t, len(e.Steps)-1, misses[1].Step)
}

func TestAStepThatChangedItselfDoesNotFollow(t *testing.T) {
	e := shop.changed("logo.svg").with("/app /app", "/app /other").after(t, shop)
	assert.Equal(t, "its text changed (was COPY --from=build /app /app)", Decide(e).Misses[1].Cause)
}

// BuildKit finds a COPY --from of a renamed stage in the cache, although its text differs.
func TestAStepThatCameFromTheCacheIsNoCause(t *testing.T) {
	before := of("FROM base AS first", "RUN make", "FROM base", "COPY --from=first /a /a", "COPY b.txt /b")
	e := before.with("first", "second").with("first", "second").changed("b.txt").after(t, before)
	for i, step := range e.Steps {
		if strings.HasPrefix(step.Instruction, "COPY --from") {
			e.Steps[i].Cached, e.Steps[i].Ran = true, false
		}
	}
	miss, known := rootMiss(Decide(e).Misses)
	require.True(t, known)
	assert.Equal(t, "b.txt changed", miss.Cause)
}

func TestAnotherImageThatWroteTheCacheIsTheCause(t *testing.T) {
	const other = "was last written by the build of images:web (Dockerfile web.Dockerfile)"
	cases := []struct {
		name   string
		change func(e *Evidence)
		// cause is whether the other image is the cause of the miss, warned whether there is a warning.
		cause, warned bool
	}{
		{"another Dockerfile", func(*Evidence) {}, true, true},
		{"the same build", func(e *Evidence) { e.Writer = e.Records[ref].Writer }, false, false},
		{"another image of the same Dockerfile and context", func(e *Evidence) { e.Writer.Dockerfile = "web.Dockerfile" }, false, false},
		{"a record of another cache", func(e *Evidence) { e.Export = "other" }, false, false},
		{"the cache is ignored", func(e *Evidence) { e.Refresh = true }, false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := shop.changed("src/main.js").after(t, shop)
			e.Export, e.OwnCache = ref, "LAYERCACHE_APP"
			e.Writer = cache.Writer{Images: []string{"api:1"}, Dockerfile: "Dockerfile"}
			e.Records[ref].Writer = cache.Writer{Images: []string{"images:web"}, Dockerfile: "web.Dockerfile"}
			c.change(&e)
			got := Decide(e)
			assert.Equal(t, c.warned, strings.Contains(strings.Join(got.Warnings, "\n"), other), got.Warnings)
			if c.cause {
				assert.Equal(t, Miss{Step: got.Misses[0].Step, Cause: "the cache " + other, Advice: "give each image a cache of its own: set LAYERCACHE_APP"}, got.Misses[0])
			} else if !e.Refresh {
				assert.Equal(t, "src/main.js changed", got.Misses[0].Cause)
			}
		})
	}
}

func TestTheCauseIsInTheReason(t *testing.T) {
	e := shop.changed("src/main.js").after(t, shop)
	assert.Equal(t, "5 of 6 steps had to run, starting with COPY . . because src/main.js changed", Decide(e).Reason)
	e.Steps[1].Cached, e.Steps[1].Ran = false, true
	assert.Contains(t, Decide(e).Reason, "there is a cache, but every step had to run, starting with WORKDIR /app because")
}

func TestCachesThatTheArgumentsIgnore(t *testing.T) {
	e := shop.after(t, shop)
	for i := range e.Steps {
		e.Steps[i].Cached, e.Steps[i].Ran = false, true
	}
	filtered := e
	filtered.FreshStages = []string{"Build"}
	assert.Equal(t, "--no-cache-filter names its stage", Decide(filtered).Misses[0].Cause)
	e.NoCache = true
	got := Decide(e)
	assert.Equal(t, Cold, got.Name)
	assert.Equal(t, "the existing cache was ignored, because of --no-cache", got.Reason)
	assert.Empty(t, got.Misses)
}

func TestWhyNothingIsThere(t *testing.T) {
	absent := map[string]cache.State{ref: {Kind: cache.KindAbsent}}
	cases := []struct {
		name    string
		change  func(e *Evidence)
		verdict string
		reason  string
	}{
		{"never written", func(e *Evidence) { e.States, e.Records = absent, nil }, Cold, "there is no cache yet"},
		{"deleted from a folder", func(e *Evidence) { e.States, e.InFolder = absent, true }, Cold, "written on 2026-10-01 is gone: its files in " + ref + " were deleted"},
		{"expired", func(e *Evidence) { e.States = absent }, Cold, "written on 2026-10-01 is gone: it expired or was deleted"},
		{"another app's", func(e *Evidence) { e.App = "other" }, Cold, "holds the cache of another app, shop"},
		{"another platform's", func(e *Evidence) { e.Platform = "linux/arm64" }, Cold, "holds a cache for linux/amd64, but this build is for linux/arm64"},
		{"incomplete", func(e *Evidence) { e.Imports = []progress.Import{{Ref: ref, Error: "blob sha256:1: not found"}} }, ImportFailed, "a part of it was deleted (404)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := shop.after(t, shop)
			for i := range e.Steps {
				e.Steps[i].Cached, e.Steps[i].Ran = false, true
			}
			c.change(&e)
			got := Decide(e)
			assert.Equal(t, c.verdict, got.Name)
			assert.Contains(t, got.Reason, c.reason)
		})
	}
}

func TestWhereHitsComeFrom(t *testing.T) {
	cases := []struct {
		name    string
		fresh   bool
		err     string
		earlier int
		want    string
	}{
		{"a fresh builder has no cache of its own", true, "", 0, FromCache},
		{"a reused builder, and a cache that was read", false, "", 0, FromEither},
		{"a reused builder, and no cache could be read", false, "connection refused", 0, FromBuilder},
		{"an earlier build of the job had all steps", true, "", 2, FromJob},
		{"an earlier build of the job had one of the steps", true, "", 1, FromCacheAndJob},
		{"it is not known of the other step", false, "", 1, FromEither},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := Evidence{On: true, Refs: []string{ref}, Steps: steps(2, 0), FreshBuilder: c.fresh, Imports: []progress.Import{{Ref: ref, Error: c.err}}}
			for i := range c.earlier {
				e.Steps[1+i].Earlier = true
			}
			got := Decide(e)
			assert.Equal(t, c.want, got.HitsFrom)
			assert.Contains(t, got.Reason, origins[c.want])
		})
	}
}
