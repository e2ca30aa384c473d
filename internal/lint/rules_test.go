package lint

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/moby/patternmatcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// found is the line and the level of a finding.
type found struct {
	line  int
	level Level
}

func foundBy(t *testing.T, rule, dockerfile string, options Options) []found {
	t.Helper()
	findings, err := Check([]byte(dockerfile), options)
	require.NoError(t, err)
	var all []found
	for _, f := range findings {
		if f.Rule == rule {
			all = append(all, found{f.Line, f.Level})
		}
	}
	return all
}

type ruleCase struct {
	name, dockerfile string
	want             []found
}

func checkRule(t *testing.T, rule string, cases []ruleCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, foundBy(t, rule, c.dockerfile, Options{})) })
	}
}

func one(line int, level Level) []found { return []found{{line, level}} }

func TestMissingSyntax(t *testing.T) {
	checkRule(t, "missing-syntax", []ruleCase{
		{"a syntax line is enough", "# syntax=docker/dockerfile:1\nFROM scratch\n", nil},
		{"no syntax line is info", "FROM scratch\n", one(1, Info)},
		{"the first instruction is reported", "# a comment\n\nARG X\nFROM scratch\n", one(3, Info)},
		{"a syntax line below a comment has no effect", "# hello\n# syntax=docker/dockerfile:1\nFROM scratch\n", one(3, Info)},
		{"a syntax line after a shebang has an effect", "#!/usr/bin/env x\n# syntax=docker/dockerfile:1\nFROM scratch\n", nil},
		{"a heredoc is an old feature, so it is info", "FROM a\nCOPY <<x /x/\nx\n", one(1, Info)},
		{"--exclude is a new feature, so it is a warning", "FROM a\nCOPY --exclude=x . /x/\n", one(1, Warning)},
		{"--parents inside ONBUILD is a warning", "FROM a\nONBUILD COPY --parents a/b /x/\n", one(1, Warning)},
	})
}

func TestUnpinnedBase(t *testing.T) {
	digest := "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	checkRule(t, "unpinned-base", []ruleCase{
		{"no tag", "FROM node\n", one(1, Warning)},
		{"the tag latest", "FROM node:latest\n", one(1, Warning)},
		{"a version is info", "FROM node:20\n", one(1, Info)},
		{"a digest is pinned", "FROM node:20" + digest + "\n", nil},
		{"a digest without a tag is pinned", "FROM node" + digest + "\n", nil},
		{"a port is not a tag", "FROM localhost:5000/node\n", one(1, Warning)},
		{"scratch has nothing to pin", "FROM scratch\n", nil},
		{"a stage has nothing to pin; its name is case-insensitive", "FROM node" + digest + " AS base\nFROM BASE\n", nil},
		{"the default of an ARG is used", "ARG V=latest\nFROM node:${V}\n", one(2, Warning)},
		{"an ARG that uses another", "ARG V=20\nARG T=$V-slim\nFROM node:$T\n", one(3, Info)},
		{"an ARG without a default is not checked", "ARG V\nFROM node:$V\n", nil},
		{"a default in the variable is used", "FROM node:${V:-latest}\n", nil},
		{"each stage is checked", "FROM node AS a\nFROM --platform=$BUILDPLATFORM golang\n", []found{{1, Warning}, {2, Warning}}},
	})
}

func TestContextWithoutDockerignore(t *testing.T) {
	ignore := func(patterns ...string) *patternmatcher.PatternMatcher {
		m, err := patternmatcher.New(patterns)
		require.NoError(t, err)
		return m
	}
	plain := fstest.MapFS{"src/a.js": {}, "package.json": {}}
	git := fstest.MapFS{".git/HEAD": {}, "src/a.js": {}}
	cases := []struct {
		name, dockerfile string
		context          *Context
		want             []found
	}{
		{"the whole context without an ignore file", "FROM a\nCOPY . /app/\n", &Context{Files: plain}, one(2, Warning)},
		{"only the first such COPY is reported", "FROM a\nCOPY src /src\nCOPY . /app/\nADD ./ /b/\n", &Context{Files: plain}, one(3, Warning)},
		{"a folder is info", "FROM a\nCOPY package.json src/ /app/\n", &Context{Files: plain}, one(2, Info)},
		{"a file is not reported", "FROM a\nCOPY package.json /app/\n", &Context{Files: plain}, nil},
		{"another stage's files are not the context", "FROM a AS b\nFROM a\nCOPY --from=b . /app/\n", &Context{Files: plain}, nil},
		{"a URL is not the context", "FROM a\nADD https://example.com/ /app/\n", &Context{Files: plain}, nil},
		{"an ignore file is enough if there is no .git", "FROM a\nCOPY . /app/\n", &Context{plain, ".dockerignore", ignore("dist")}, nil},
		{".git is not excluded", "FROM a\nCOPY . /app/\n", &Context{git, ".dockerignore", ignore("dist")}, one(2, Warning)},
		{".git is excluded", "FROM a\nCOPY . /app/\n", &Context{git, ".dockerignore", ignore(".git")}, nil},
		{"the content of .git is excluded", "FROM a\nCOPY . /app/\n", &Context{git, ".dockerignore", ignore(".git/**")}, nil},
		{".git is included again", "FROM a\nCOPY . /app/\n", &Context{git, ".dockerignore", ignore("*", "!.git")}, one(2, Warning)},
		{".git does not matter to a COPY of one folder", "FROM a\nCOPY src /app/\n", &Context{git, ".dockerignore", ignore("dist")}, nil},
		{"the context is not known", "FROM a\nCOPY . /app/\n", nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, foundBy(t, "context-without-dockerignore", c.dockerfile, Options{Context: c.context}))
		})
	}
}

func TestManifestsAfterSource(t *testing.T) {
	checkRule(t, "manifests-after-source", []ruleCase{
		{"npm after everything", "FROM a\nCOPY . .\nRUN npm ci\n", one(2, Warning)},
		{"npm install as well", "FROM a\nCOPY ./ /app\nRUN cd /app && npm --silent install\n", one(2, Warning)},
		{"a package by name needs no manifest", "FROM a\nCOPY . .\nRUN npm install -g pm2\n", nil},
		{"manifests first", "FROM a\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build\n", nil},
		{"another manager's manifests first do not help", "FROM a\nCOPY go.mod ./\nRUN go mod download\nCOPY . .\nRUN npm ci\n", one(4, Warning)},
		{"go build downloads", "FROM a\nCOPY . .\nRUN go build ./...\n", one(2, Warning)},
		{"go build after go mod download", "FROM a\nCOPY go.* .\nRUN go mod download\nCOPY . .\nRUN go build\n", nil},
		{"a tool by name needs no go.mod", "FROM a\nCOPY . .\nRUN go install example.com/x@v1\n", nil},
		{"the parent stage has installed the packages", "FROM a AS deps\nCOPY go.mod .\nRUN go mod download\nFROM deps\nCOPY . .\nRUN go build\n", nil},
		{"an unrelated stage does not count", "FROM a AS deps\nCOPY go.mod .\nRUN go mod download\nFROM a\nCOPY . .\nRUN go build\n", one(5, Warning)},
		{"manifests together with the source", "FROM a\nCOPY src package.json ./\nRUN yarn\n", one(2, Warning)},
		{"manifests after the source", "FROM a\nCOPY src ./src\nCOPY Cargo.toml .\nRUN cargo build\n", one(2, Warning)},
		{"a cache mount makes it info", "FROM a\nCOPY . .\nRUN --mount=type=cache,target=/root/.npm npm ci\n", one(2, Info)},
		{"requirements", "FROM a\nADD . /app\nRUN python3 -m pip install -r requirements.txt\n", one(2, Warning)},
		{"pip with packages by name", "FROM a\nCOPY . .\nRUN pip install flask\n", nil},
		{"poetry, uv, bundle, composer, mvn, gradle, dotnet and mix are known", "FROM a\nCOPY . .\nRUN poetry install; uv sync; bundle install; composer install; ./mvnw package; ./gradlew build; dotnet publish; mix deps.get\n",
			[]found{{2, Warning}, {2, Warning}, {2, Warning}, {2, Warning}, {2, Warning}, {2, Warning}, {2, Warning}, {2, Warning}}},
		{"printing a version installs nothing", "FROM a\nCOPY . .\nRUN mvn -version && yarn --version\n", nil},
		{"another stage's files are not the source", "FROM a\nCOPY --from=b . .\nRUN npm ci\n", nil},
		{"in ONBUILD", "FROM a\nONBUILD COPY . .\nONBUILD RUN npm install\n", one(2, Warning)},
		{"in a heredoc", "FROM a\nCOPY . .\nRUN <<EOF\nset -e\nnpm ci\nEOF\n", one(2, Warning)},
		{"a heredoc for another program is not a script", "FROM a\nCOPY . .\nRUN python3 <<EOF\nnpm ci\nEOF\n", nil},
		{"a comment silences it", "FROM a\n# layercache:ignore manifests-after-source\nCOPY . .\nRUN npm ci\n", nil},
	})
}

func TestTheManifestsOfTheContextAreNamed(t *testing.T) {
	context := &Context{Files: fstest.MapFS{"requirements.txt": {}, "requirements-dev.txt": {}}}
	findings, err := Check([]byte("FROM a\nCOPY . .\nRUN pip install -r requirements.txt\n"), Options{Context: context})
	require.NoError(t, err)
	var changes []string
	for _, f := range findings {
		changes = append(changes, f.Change)
	}
	assert.Contains(t, changes, "before this line, add COPY requirements-dev.txt requirements.txt ./ and RUN pip install -r requirements.txt; keep this COPY and the steps that build the code after them")
}

func TestInstallWithoutCacheMount(t *testing.T) {
	cases := []struct{ command, mount string }{
		{"apt-get update && apt-get install -y curl", "/var/cache/apt"},
		{"DEBIAN_FRONTEND=noninteractive sudo -E apt-get -o a=b install curl", "/var/lib/apt"},
		{"apk add --no-cache curl", "/etc/apk/cache"},
		{"dnf -y install gcc", "/var/cache/dnf"},
		{"yum install gcc", "/var/cache/yum"},
		{"pip3 install flask", "/root/.cache/pip"},
		{"pipenv sync", "/root/.cache/pipenv"},
		{"poetry install", "/root/.cache/pypoetry"},
		{"uv pip install flask", "/root/.cache/uv"},
		{"npm i", "/root/.npm"},
		{"yarn install", "/usr/local/share/.cache/yarn"},
		{"corepack pnpm install", "/root/.local/share/pnpm/store"},
		{"bun install", "/root/.bun/install/cache"},
		{"GOOS=linux go build", "/go/pkg/mod"},
		{"/usr/local/go/bin/go mod download", "/root/.cache/go-build"},
		{"cargo build", "/usr/local/cargo/registry"},
		{"if true; then mvn package; fi", "/root/.m2"},
		{"gradle build", "/root/.gradle"},
		{"gem install rails", "/root/.gem"},
		{"bundle install", "/root/.gem"},
		{"composer install", "/root/.composer/cache"},
		{"dotnet restore", "/root/.nuget/packages"},
		{"mix deps.get", "/root/.hex"},
	}
	for _, c := range cases {
		t.Run(c.command, func(t *testing.T) {
			findings, err := Check([]byte("# syntax=a\nFROM scratch\nRUN "+c.command+"\n"), Options{})
			require.NoError(t, err)
			require.Len(t, findings, 1)
			assert.Equal(t, "install-without-cache-mount", findings[0].Rule)
			assert.Contains(t, findings[0].Change, "--mount=type=cache,target="+c.mount)
			assert.Contains(t, findings[0].Effect, "CodeBuild", "the effect names the builders that it does not help")
		})
	}
	checkRule(t, "install-without-cache-mount", []ruleCase{
		{"with a cache mount", "FROM a\nRUN --mount=target=/x,type=cache npm ci\n", nil},
		{"with another mount", "FROM a\nRUN --mount=type=bind,target=/x npm ci\n", one(2, Info)},
		{"several managers make one finding", "FROM a\nRUN apt-get install x && npm ci && npm install y\n", one(2, Info)},
		{"a command that is only printed", "FROM a\nRUN echo npm ci; echo 'apt-get install'\n", nil},
		{"a restore that is disabled", "FROM a\nRUN dotnet build --no-restore\n", nil},
	})
}

func TestACacheMountForAnotherUserIsInTheUsersHome(t *testing.T) {
	findings, err := Check([]byte("# syntax=a\nFROM scratch\nUSER node\nRUN npm ci\n"), Options{})
	require.NoError(t, err)
	require.Len(t, findings, 1)
	assert.Contains(t, findings[0].Change, "for the user node")
}

func TestTimeDependentRun(t *testing.T) {
	hash := "0123456789abcdef0123456789abcdef01234567"
	checkRule(t, "time-dependent-run", []ruleCase{
		{"date", "FROM a\nRUN echo \"$(date +%s)\" > /built\n", one(2, Warning)},
		{"date in backticks", "FROM a\nRUN echo `date` > /built\n", one(2, Warning)},
		{"a fixed date", "FROM a\nRUN date -d @0\n", nil},
		{"the word date", "FROM a\nRUN echo date; cat /etc/date\n", nil},
		{"random", "FROM a\nRUN echo ${RANDOM} > /x\n", one(2, Warning)},
		{"git clone of a branch", "FROM a\nRUN git clone https://x/y.git\n", one(2, Warning)},
		{"git clone of a named branch", "FROM a\nRUN git clone -b main https://x/y.git\n", one(2, Warning)},
		{"git clone of a release", "FROM a\nRUN git clone --depth 1 --branch=v1.2 https://x/y.git\n", nil},
		{"git clone and checkout of a commit", "FROM a\nRUN git clone https://x/y.git && cd y && git checkout " + hash + "\n", nil},
		{"git clone and checkout of a variable", "FROM a\nRUN git clone https://x/y.git && git -C y checkout \"$COMMIT\"\n", nil},
		{"git clone and checkout of a branch", "FROM a\nRUN git clone https://x/y.git && git -C y checkout main\n", one(2, Warning)},
		{"a URL with latest", "FROM a\nRUN curl -L https://x/releases/latest/download/y | tar x\n", one(2, Warning)},
		{"a URL with main", "FROM a\nRUN wget https://raw.githubusercontent.com/a/b/main/x.sh\n", one(2, Warning)},
		{"a URL with a version", "FROM a\nRUN curl -L https://x/v1.2/y\n", nil},
		{"apt-get upgrade", "FROM a\nRUN apt-get update && apt-get -y dist-upgrade\n", one(2, Warning)},
		{"apk upgrade", "FROM a\nRUN apk upgrade --no-cache\n", one(2, Warning)},
		{"dnf update", "FROM a\nRUN dnf -y update\n", one(2, Warning)},
		{"an upgrade of one package by pip", "FROM a\nRUN pip install --upgrade pip\n", nil},
		{"silenced together with another rule", "FROM a\n# layercache:ignore unpinned-base, time-dependent-run\nRUN date\n", nil},
		{"silenced by an indented comment", "FROM a\n  # layercache:ignore time-dependent-run: we want it\nRUN date\n", nil},
		{"another rule silenced", "FROM a\n# layercache:ignore unpinned-base\nRUN date\n", one(3, Warning)},
	})
}

func TestBuildArgumentsThatChange(t *testing.T) {
	checkRule(t, "time-dependent-run", []ruleCase{
		{"above a RUN that does not use it", "FROM a\nARG COMMIT\nRUN make\n", one(2, Warning)},
		{"among others, in small letters, with a default", "FROM a\nARG X build_date=none\nRUN make\n", one(2, Warning)},
		{"above the RUN that uses it", "FROM a\nARG COMMIT\nRUN make V=$COMMIT\nRUN strip x\n", nil},
		{"used in a heredoc", "FROM a\nARG COMMIT\nRUN <<EOF\nmake V=${COMMIT}\nEOF\n", nil},
		{"used through an ENV", "FROM a\nARG COMMIT\nENV V=$COMMIT\nRUN make $V\n", nil},
		{"an ENV that the RUN does not use either", "FROM a\nARG COMMIT\nENV V=$COMMIT\nRUN make\n", one(2, Warning)},
		{"below all RUNs", "FROM a\nRUN make\nARG COMMIT\nLABEL revision=$COMMIT\n", nil},
		{"above only a COPY, which does not depend on it", "FROM a\nARG COMMIT\nCOPY a /a\n", nil},
		{"before the first FROM it reaches no stage", "ARG COMMIT\nFROM a\nRUN make\n", nil},
		{"another stage's RUN does not see it", "FROM a\nARG COMMIT\nFROM b\nRUN make\n", nil},
		{"other names", "FROM a\nARG VERSION\nRUN make\n", nil},
	})
}

func TestUpdateInstallSplit(t *testing.T) {
	checkRule(t, "update-install-split", []ruleCase{
		{"update alone", "FROM a\nRUN apt-get update\nRUN apt-get install -y curl\n", one(2, Warning)},
		{"update with something else", "FROM a\nRUN echo 1 && apt update && rm -rf /x\n", one(2, Warning)},
		{"apk", "FROM a\nRUN apk update\n", one(2, Warning)},
		{"together", "FROM a\nRUN apt-get update && apt-get install -y curl\n", nil},
		{"together in a heredoc", "FROM a\nRUN <<EOF bash\nEOF\nRUN <<EOF\napt-get update\napt-get install curl\nEOF\n", nil},
		{"together over continued lines with comments", "FROM a\nRUN apt-get update && \\\n # why\n  apt-get install curl\n", nil},
		{"with an upgrade", "FROM a\nRUN apt-get update; apt-get upgrade -y\n", nil},
		{"another escape token", "# escape=`\nFROM a\nRUN apt-get update && `\n  apt-get install curl\n", nil},
	})
}

func TestAddForCopy(t *testing.T) {
	checkRule(t, "add-for-copy", []ruleCase{
		{"files of the context", "FROM a\nADD a b/ /x/\n", one(2, Info)},
		{"in ONBUILD", "FROM a\nONBUILD ADD . /x/\n", one(2, Info)},
		{"an archive", "FROM a\nADD rootfs.tar.xz /\n", nil},
		{"a short name of an archive", "FROM a\nADD rootfs.TGZ /\n", nil},
		{"a pattern that may match an archive", "FROM a\nADD dist/* /\n", nil},
		{"a variable", "FROM a\nADD $FILE /\n", nil},
		{"a URL", "FROM a\nADD https://example.com/x /\n", nil},
		{"a repository", "FROM a\nADD git@github.com:a/b.git#v1 /\n", nil},
		{"with --unpack", "FROM a\nADD --unpack=false x.gz /\n", nil},
		{"COPY", "FROM a\nCOPY a /x/\n", nil},
	})
}

func TestEveryRuleHasAFindingAmongTheSamples(t *testing.T) {
	reported := map[string]bool{}
	for name, source := range samples(t) {
		findings, err := Check(source, Options{File: name, Context: &Context{Files: fstest.MapFS{}}})
		require.NoError(t, err, name)
		for _, f := range findings {
			reported[f.Rule] = true
		}
	}
	for _, rule := range Rules() {
		assert.True(t, reported[rule.ID], rule.ID)
	}
}

func TestAGoodDockerfileHasNoFindings(t *testing.T) {
	findings, err := Check(samples(t)["node-good.Dockerfile"], Options{})
	require.NoError(t, err)
	assert.Empty(t, findings)
}

// samples returns the Dockerfiles in testdata.
func samples(t testing.TB) map[string][]byte {
	paths, err := filepath.Glob("testdata/dockerfiles/*.Dockerfile")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	all := map[string][]byte{}
	for _, path := range paths {
		all[filepath.Base(path)], err = os.ReadFile(path)
		require.NoError(t, err)
	}
	return all
}
