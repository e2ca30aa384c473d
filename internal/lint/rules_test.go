package lint

import (
	"os"
	"path/filepath"
	"slices"
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
		{"a name that is no official image may be a local image or a context of bake", "FROM myapp-base\n", one(1, Info)},
		{"the same with the tag latest", "FROM myapp-base:latest\n", one(1, Info)},
		{"a name in a namespace is an image", "FROM bitnami/node\n", one(1, Warning)},
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
		{"the whole context with .git, without an ignore file", "FROM a\nCOPY . /app/\n", &Context{Files: git}, one(2, Warning)},
		{"the whole context with build output, without an ignore file", "FROM a\nCOPY . /app/\n", &Context{Files: fstest.MapFS{"node_modules/x": {}}}, one(2, Warning)},
		{"the whole context without anything to ignore is info", "FROM a\nCOPY . /app/\n", &Context{Files: plain}, one(2, Info)},
		{"only the first such COPY is reported", "FROM a\nCOPY src /src\nCOPY . /app/\nADD ./ /b/\n", &Context{Files: git}, one(3, Warning)},
		{"a folder is info", "FROM a\nCOPY package.json src/ /app/\n", &Context{Files: plain}, one(2, Info)},
		{"a file is not reported", "FROM a\nCOPY package.json /app/\n", &Context{Files: plain}, nil},
		{"another stage's files are not the context", "FROM a AS b\nFROM a\nCOPY --from=b . /app/\n", &Context{Files: plain}, nil},
		{"a URL is not the context", "FROM a\nADD https://example.com/ /app/\n", &Context{Files: plain}, nil},
		{"an ignore file is enough if there is no .git", "FROM a\nCOPY . /app/\n", &Context{plain, ".dockerignore", ignore("dist")}, nil},
		{".git is not excluded", "FROM a\nCOPY . /app/\n", &Context{git, ".dockerignore", ignore("dist")}, one(2, Warning)},
		{".git is excluded", "FROM a\nCOPY . /app/\n", &Context{git, ".dockerignore", ignore(".git")}, nil},
		{"the content of .git is excluded", "FROM a\nCOPY . /app/\n", &Context{git, ".dockerignore", ignore(".git/**")}, nil},
		{".git is included again on purpose, so it is info", "FROM a\nCOPY . /app/\n", &Context{git, ".dockerignore", ignore("*", "!.git")}, one(2, Info)},
		{"another file is included again", "FROM a\nCOPY . /app/\n", &Context{git, ".dockerignore", ignore("dist", "!.gitignore")}, one(2, Warning)},
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
		{"packages in the source", "FROM a\nCOPY . .\nRUN go build -mod=vendor ./... && GOFLAGS=-mod=vendor go test ./...\n", nil},
		{"packages in the source, by a variable", "FROM a\nENV GOFLAGS=\"-trimpath -mod=vendor\"\nCOPY . .\nRUN go build\nFROM a\nCOPY . .\nRUN export GOPROXY=off && go build\n", nil},
		{"commands that cannot download", "FROM a\nCOPY . .\nRUN pip install --no-index -r requirements.txt; npm ci --offline; yarn install --offline; cargo build --frozen; mvn -o package; gradle --offline build; bundle install --local\n", nil},
		{"a script may have installed before", "FROM a\nCOPY go.mod go.sum ./\nRUN ./deps.sh\nCOPY . .\nRUN go build\n", nil},
		{"a script with a mount may have installed before", "FROM a\nRUN --mount=type=bind,target=. make deps\nCOPY . .\nRUN go build\n", nil},
		{"a script cannot have installed without the manifests", "FROM a\nRUN ./tools.sh\nCOPY . .\nRUN go build\n", one(3, Warning)},
		{"a comment silences it", "FROM a\n# layercache:ignore manifests-after-source\nCOPY . .\nRUN npm ci\n", nil},

		{"a command that only looks for a program", "FROM a\nCOPY . .\nRUN command -v yarn || npm i -g yarn\n", nil},
		{"a subcommand behind options and their values", "FROM a\nCOPY . .\nRUN npm --prefix . ci\nFROM a\nCOPY . .\nRUN cargo +nightly build\n", []found{{2, Warning}, {5, Warning}}},
		{"a program behind wrappers with options", "FROM a\nCOPY . .\nRUN sudo -EHu node timeout -k 5 60 npm ci\nFROM a\nCOPY . .\nRUN gosu node npm ci\n", []found{{2, Warning}, {5, Warning}}},
		{"other forms of the same command have installed the packages", "FROM a\nCOPY package*.json ./\nRUN npm --loglevel warn ci\nCOPY . .\nRUN npm install\n" +
			"FROM a\nCOPY package*.json ./\nRUN npm cit\nCOPY . .\nRUN npm ci\nFROM a\nCOPY requirements.txt ./\nRUN python -mpip install -r requirements.txt\nCOPY . .\nRUN pip3.12 install -r requirements.txt\n", nil},
		{"requirements outside the source, or read by xargs", "FROM a\nCOPY r.txt /tmp/\nRUN pip install -r /tmp/r.txt\nCOPY . .\nRUN pip install -r r.txt\n" +
			"FROM a\nCOPY r.txt ./\nRUN cat r.txt | xargs -n 1 pip install\nCOPY . .\nRUN pip install -r r.txt\nFROM a\nCOPY . .\nRUN pip install -r https://x/r.txt\n", nil},
		{"cargo-chef, whose recipe comes from another stage", "FROM a AS planner\nCOPY . .\nRUN cargo chef prepare\n" +
			"FROM a\nCOPY --from=planner /recipe.json .\nRUN cargo chef cook --recipe-path recipe.json\nCOPY . .\nRUN cargo build --release\n", nil},
		{"packages of the stage that has installed them", "FROM a AS deps\nCOPY go.mod .\nRUN go mod download\nFROM a\nCOPY --from=deps /go /go\nCOPY . .\nRUN go build\n" +
			"FROM a\nCOPY . .\nRUN --mount=type=bind,from=deps,target=/go go build\nFROM a\nCOPY . .\nCOPY --from=0 /go /go\nRUN go build\n", nil},
		{"packages of an image, a named context or an archive", "FROM a\nCOPY --from=x /app/node_modules ./node_modules\nCOPY . .\nRUN npm install\n" +
			"FROM a\nCOPY . .\nRUN --mount=type=bind,from=x,target=/go/pkg/mod go build\nFROM a\nCOPY . .\nRUN cp -r /x/node_modules . && npm install\n" +
			"FROM a\nCOPY deps.tar .\nRUN tar xf deps.tar\nCOPY . .\nRUN npm install\n", nil},
		{"a program of another stage brings no packages", "FROM a AS b\nRUN go mod download\nFROM a\nCOPY --from=b /tool /bin/\nCOPY . .\nRUN npm ci\n", one(5, Warning)},
		{"settings that keep a manager from downloading", "FROM a\nCOPY . .\nRUN npm config set offline true && npm ci\nFROM a\nCOPY . .\nRUN go env -w GOFLAGS=-mod=vendor\nRUN go build\n" +
			"FROM a\nARG GOFLAGS=-mod=vendor\nCOPY . .\nRUN go build\nFROM a AS b\nENV GO111MODULE=off\nFROM b\nCOPY . .\nRUN go build\nFROM a\nCOPY . .\nRUN go build --mod=vendor\n", nil},
		{"a setting of another stage", "FROM a\nENV GOFLAGS=-mod=vendor\nFROM a\nCOPY . .\nRUN go build\n", one(4, Warning)},
		{"a step without a network", "FROM a\nCOPY . .\nRUN --network=none npm ci\n", nil},
		{"commands that install nothing", "FROM a\nCOPY . .\nRUN dotnet publish --no-build; go build std; npm i --package-lock-only; poetry run install; composer run-script install\n", nil},
		{"a program that is not a shell", "FROM a\nSHELL [\"python3\", \"-c\"]\nCOPY . .\nRUN npm ci\n", nil},
	})
}

func TestPackagesThatTheContextMayHoldAreNotReported(t *testing.T) {
	requires := &fstest.MapFile{Data: []byte("module m\nrequire example.com/x v1.0.0\n")}
	cases := []struct {
		name, command string
		files         fstest.MapFS
		want          []found
	}{
		{"modules are downloaded", "go build", fstest.MapFS{"go.mod": requires}, one(2, Warning)},
		{"modules are vendored in a folder", "cd app && go build", fstest.MapFS{"app/go.mod": requires, "app/vendor/modules.txt": {}}, nil},
		{"modules are vendored", "go build", fstest.MapFS{"go.mod": requires, "vendor/modules.txt": {}}, nil},
		{"no modules are required", "go build", fstest.MapFS{"go.mod": {Data: []byte("module m\n")}}, nil},
		{"a module in a folder", "cd app && go build", fstest.MapFS{"app/go.mod": requires}, one(2, Warning)},
		{"there is no manifest", "npm ci", fstest.MapFS{"index.js": {}}, nil},
		{"crates may be vendored", "cargo build", fstest.MapFS{"Cargo.toml": {}, ".cargo/config.toml": {}}, nil},
		{"Yarn's packages are in the repository", "yarn install", fstest.MapFS{"package.json": {}, ".yarn/cache/x.zip": {}}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, foundBy(t, "manifests-after-source", "FROM a\nCOPY . .\nRUN "+c.command+"\n", Options{Context: &Context{Files: c.files}}))
		})
	}
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
			assert.Contains(t, findings[0].Effect, "on CodeBuild with layercache's native builder", "where it helps")
			assert.Contains(t, findings[0].Effect, "on any other builder that starts empty, the mount is empty and does not help")
		})
	}
	checkRule(t, "install-without-cache-mount", []ruleCase{
		{"with a cache mount", "FROM a\nRUN --mount=target=/x,type=cache npm ci\n", nil},
		{"with another mount", "FROM a\nRUN --mount=type=bind,target=/x npm ci\n", one(2, Info)},
		{"several managers make one finding", "FROM a\nRUN apt-get install x && npm ci && npm install y\n", one(2, Info)},
		{"a command that is only printed", "FROM a\nRUN echo npm ci; echo 'apt-get install'\n", nil},
		{"a restore that is disabled", "FROM a\nRUN dotnet build --no-restore\n", nil},
		{"files instead of packages", "FROM a\nRUN apt-get install -y ./x.deb; dnf install -y /x.rpm; gem install x.gem; pip install --no-deps /w/*.whl\n", nil},
		{"files and what they need", "FROM a\nRUN pip install /w/x.whl\n", one(2, Info)},
		{"nothing is downloaded", "FROM a\nRUN dnf -C install x; npm ci --dry-run; yarn --immutable-cache; cargo build --config net.offline=true; pip show install\n", nil},
		{"a variable of an ENV or an export", "FROM a\nENV GOFLAGS=-mod=vendor\nRUN go build\nFROM a\nRUN export GOPROXY=off && go build\n", nil},
		{"a step without a network", "FROM a\nRUN --network=none npm ci\n", nil},
		{"packages in a mount", "FROM a\nRUN --mount=from=deps,target=/app/node_modules npm install\n", nil},
		{"a program in a mount", "FROM a\nRUN --mount=from=uv,source=/uv,target=/bin/uv uv sync\n", one(2, Info)},
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
		{"another rule silenced", "FROM a\n# layercache:ignore unpinned-base\nRUN date > /d\n", one(3, Warning)},

		{"a date that only the log shows", "FROM a\nRUN date && echo \"began $(date)\"\n", nil},
		{"a date that goes on through a pipe", "FROM a\nRUN date | tee /d\n", one(2, Warning)},
		{"a date as an argument", "FROM a\nRUN make STAMP=$(date -u +%s)\n", one(2, Warning)},
		{"a date in a variable", "FROM a\nRUN NOW=$(date -Iseconds) && ./x\n", one(2, Warning)},
		{"a date of its own, joined to the flag", "FROM a\nRUN make T=$(date -d\"@${SOURCE_DATE_EPOCH}\") U=$(date -ud @1) V=$(date -u --date=@1 +%s)\n", nil},
		{"the date of a file", "FROM a\nRUN date -r/etc/x > /d; date -ur /etc/x > /d; date --reference /x > /d\n", nil},
		{"a date only if a variable has none", "FROM a\nRUN touch -d @${SOURCE_DATE_EPOCH:-$(date +%s)} /x\n", nil},
		{"a random value for later, in quotes", "FROM a\nRUN echo 'id=$RANDOM' > /x; echo \\$RANDOM > /y\n", nil},
		{"a random value without a shell", "FROM a\nRUN [\"tool\", \"$RANDOM\"]\n", nil},
		{"a random value in the log", "FROM a\nRUN echo $RANDOM\n", nil},
		{"git clone of a name that may be a tag", "FROM a\nRUN git clone -b release-1.2.3 https://x/y.git; git clone -bstable https://x/z.git; git clone --branch=REL_17 https://x/a\n", nil},
		{"git clone and checkout of a name that may be a tag", "FROM a\nRUN git clone https://x/y.git && git -C y checkout release-1.2.3\n", nil},
		{"git clone, fetch of a commit and checkout of it", "FROM a\nRUN git clone https://x/y.git && cd y && git fetch origin " + hash + " && git checkout FETCH_HEAD\n", nil},
		{"git clone and reset to the branch", "FROM a\nRUN git clone https://x/y.git && cd y && git reset --hard origin/main\n", one(2, Warning)},
		{"git clone with its submodules", "FROM a\nRUN git clone https://x/y.git && cd y && git submodule update --init\n", one(2, Warning)},
		{"git clone of a bare repository, read by its commit", "FROM a\nRUN git clone --bare https://x/y.git && git --git-dir=y.git archive v1 | tar x\n", nil},
		{"git clone of a folder, of a file URL and of a variable", "FROM a\nRUN git clone /src /dst; git clone file:///src /x; git clone $REPOSITORY\n", nil},
		{"a message of git that says clone", "FROM a\nRUN git commit -m clone https://x/y\n", nil},
		{"a folder called main on a mirror", "FROM a\nRUN curl -O http://deb.debian.org/debian/pool/main/c/curl/curl_8.1.deb\n", nil},
		{"a file called main", "FROM a\nRUN curl -O https://x/1.2/main.js\n", nil},
		{"a word that contains latest", "FROM a\nRUN curl -O https://x/v1/greatest-latestable.tgz\n", nil},
		{"a newest file by its name", "FROM a\nRUN curl -O https://nodejs.org/dist/latest-v20.x/x.tar.gz\n", one(2, Warning)},
		{"an archive of a branch", "FROM a\nRUN wget https://github.com/a/b/archive/refs/heads/main.zip\n", one(2, Warning)},
		{"a URL with latest whose content is checked", "FROM a\nRUN curl -LO https://x/latest/y && echo '123  y' | sha256sum -c -\n", nil},
		{"a URL that is only asked for its head", "FROM a\nRUN curl -I https://x/latest/y\n", nil},
		{"apt-get install of a package called upgrade", "FROM a\nRUN apt-get install -y upgrade\n", nil},
		{"an upgrade that only says what it would do", "FROM a\nRUN apt-get upgrade -s\n", nil},
		{"dnf upgrade to a fixed release", "FROM a\nRUN dnf -y upgrade --releasever=2023.6.20250101\n", nil},
		{"a date in a place that only the log shows", "FROM a\nRUN date > /dev/fd/2; date >/proc/self/fd/1\n", nil},
		{"a date only if a test finds no value", "FROM a\nRUN [ -n \"$D\" ] || D=$(date +%s); if test -z \"$D\"; then D=$(date); fi; echo $D > /x\n", nil},
		{"a format without a time, and a library that fakes it", "FROM a\nRUN date +%Z > /tz; LD_PRELOAD=libfaketime.so.1 date > /d\n", nil},
		{"a date behind wrappers", "FROM a\nRUN nice -n 5 busybox date > /d\n", one(2, Warning)},
		{"a UUID of a name", "FROM a\nRUN uuidgen --sha1 -n @dns -N x > /id; uuidgen -s -n @dns -N y > /id\n", nil},
		{"a UUID of random bits", "FROM a\nRUN uuidgen -r > /id\n", one(2, Warning)},
		{"a URL with latest whose content may be checked", "FROM a\nRUN curl -LO https://x/latest/y && test \"$(sha256sum y)\" = abc\n" +
			"FROM a\nRUN curl -LO https://x/latest/y && gpg --verify y.asc y\nFROM a\nRUN curl -LO https://x/latest/y && openssl dgst -sha256 y | grep abc\n", nil},
		{"a URL with latest and a version", "FROM a\nRUN curl -LO https://x/releases/download/v1.2/latest.tgz; curl -LO https://x/latest-tool-1.2.3.tgz\n", nil},
		{"a URL whose content is not kept", "FROM a\nRUN curl https://x/latest/y; curl -sI https://x/latest/y; curl https://x/latest/y >/dev/null; curl -XPOST https://x/latest/y\n", nil},
		{"an upgrade to fixed versions", "FROM a\nRUN apt-get upgrade -y openssl=3.0.1-2 libc6=2.36-9; dnf -y upgrade openssl-3.0.7-28.el9; dnf upgrade --advisory=X\n", nil},
		{"an upgrade to fixed and other versions", "FROM a\nRUN dnf -y upgrade openssl-3.0.7-28.el9 curl\n", one(2, Warning)},
		{"an upgrade that installs nothing", "FROM a\nRUN apt upgrade --help; apt-get upgrade --no-download; apt-get upgrade --download-only\n", nil},
		{"an upgrade from an archive of snapshots", "FROM a\nRUN echo deb http://snapshot.debian.org/archive/debian/20240101T000000Z bookworm main > /etc/apt/sources.list\nRUN apt-get upgrade -y\n", nil},
		{"an upgrade of Amazon Linux 2023, whose repositories are those of its release", "FROM public.ecr.aws/amazonlinux/amazonlinux:2023\nRUN dnf -y upgrade\n", nil},
		{"an upgrade of Amazon Linux 2", "FROM amazonlinux:2\nRUN yum -y update\n", one(2, Warning)},
		{"a program that is not a shell", "FROM a\nSHELL [\"python3\", \"-c\"]\nRUN date > now\nFROM a\nSHELL [\"conda\", \"run\", \"/bin/bash\", \"-c\"]\nRUN date > /d\n", one(6, Warning)},
		{"an unknown program with the same words", "FROM a\nRUN xx-apt-get upgrade; pkg upgrade; gh repo clone https://x/y\n", nil},
	})
}

func TestBuildArgumentsThatChange(t *testing.T) {
	checkRule(t, "time-dependent-run", []ruleCase{
		{"above a RUN that does not use it", "FROM a\nARG COMMIT\nRUN apt-get update && apt-get install -y curl && rm -rf /x\n", one(2, Warning)},
		{"among others, in small letters, with a default", "FROM a\nARG X build_date=none\nRUN apk add curl\n", one(2, Warning)},
		{"a script and make get it in their environment", "FROM a\nARG COMMIT\nRUN /build.sh\nFROM a\nARG COMMIT\nRUN make\nFROM a\nARG COMMIT\nRUN apt-get update && ./x\n", nil},
		{"a package's own script may read it, so it is info", "FROM a\nARG COMMIT\nRUN npm ci\n", one(2, Info)},
		{"a compiler may run a script that reads it", "FROM a\nARG COMMIT\nRUN cargo build\n", nil},
		{"a heredoc for another program", "FROM a\nARG COMMIT\nRUN python3 <<E\nx\nE\n", nil},
		{"above the RUN that uses it", "FROM a\nARG COMMIT\nRUN make V=$COMMIT\nRUN strip x\n", nil},
		{"used in a heredoc", "FROM a\nARG COMMIT\nRUN <<EOF\nmake V=${COMMIT}\nEOF\n", nil},
		{"used through an ENV", "FROM a\nARG COMMIT\nENV V=$COMMIT\nRUN make $V\n", nil},
		{"an ENV that the RUN does not use either", "FROM a\nARG COMMIT\nENV V=$COMMIT\nRUN mkdir /x\n", one(2, Warning)},
		{"below all RUNs", "FROM a\nRUN make\nARG COMMIT\nLABEL revision=$COMMIT\n", nil},
		{"above only a COPY, which does not depend on it", "FROM a\nARG COMMIT\nCOPY a /a\n", nil},
		{"before the first FROM it reaches no stage", "ARG COMMIT\nFROM a\nRUN make\n", nil},
		{"another stage's RUN does not see it", "FROM a\nARG COMMIT\nFROM b\nRUN make\n", nil},
		{"other names", "FROM a\nARG VERSION\nRUN make\n", nil},
		{"used through an ARG", "FROM a\nARG COMMIT\nARG V=$COMMIT\nRUN echo $V\n", nil},
		{"used by an instruction whose result the RUN has", "FROM a\nARG COMMIT\nWORKDIR /$COMMIT\nRUN mkdir x\nFROM a\nARG COMMIT\nCOPY $COMMIT /x\nRUN mkdir x\n", nil},
		{"an ENV with the same name replaces it", "FROM a\nARG COMMIT\nENV COMMIT=1\nRUN mkdir x\n", nil},
		{"an ENV with the same name hands it on", "FROM a\nARG COMMIT\nENV COMMIT=$COMMIT\nRUN make\n", nil},
		{"all variables are printed", "FROM a\nARG COMMIT\nRUN export -p > /x\nFROM a\nARG COMMIT\nRUN set > /x\nFROM a\nARG COMMIT\nRUN cat /proc/self/environ > /x\n", nil},
		{"words that are evaluated", "FROM a\nARG COMMIT\nRUN eval echo '$'COM''MIT > /x\n", nil},
		{"a shell that is not known", "FROM a\nARG COMMIT\nSHELL [\"/bin/my\"]\nRUN mkdir x\nFROM a AS b\nSHELL [\"/bin/my\"]\nFROM b\nARG COMMIT\nRUN mkdir x\n", nil},
	})
}

func TestTheAdviceForAnArgumentNamesWhatUsesIt(t *testing.T) {
	for dockerfile, want := range map[string]string{
		"# syntax=a\nFROM scratch\nARG COMMIT\nRUN mkdir /x\n":                        "move ARG COMMIT down to just before the first instruction that uses it",
		"# syntax=a\nFROM scratch\nARG COMMIT\nLABEL r=$COMMIT\nRUN mkdir \\\n  /x\n": "move ARG COMMIT, and LABEL in line 4, which uses it, below line 6",
	} {
		findings, err := Check([]byte(dockerfile), Options{})
		require.NoError(t, err)
		require.Len(t, findings, 1)
		assert.Equal(t, want, findings[0].Change)
	}
}

func TestUpdateInstallSplit(t *testing.T) {
	checkRule(t, "update-install-split", []ruleCase{
		{"update alone", "FROM a\nRUN apt-get update\nRUN apt-get install -y curl\n", one(2, Warning)},
		{"update with something else", "FROM a\nRUN echo 1 && apt update && rm -rf /x\nRUN apt-get -o a=b install -y curl\n", one(2, Warning)},
		{"apk", "FROM a\nRUN apk update\nRUN apk add curl\n", one(2, Warning)},
		{"in the stage below", "FROM a AS b\nRUN apt-get update\nFROM b\nRUN apt-get install curl\nFROM b\nRUN apt-get install gcc\n", one(2, Warning)},
		{"an install that has its own and one that uses them", "FROM a\nRUN apt-get update && apt-get install x\nRUN apt-get install y\n", one(2, Warning)},
		{"nothing is installed with them, as far as is known", "FROM a\nRUN apt-get update\n", nil},
		{"an unknown program installs", "FROM a\nRUN apt-get update && xx-apt-get install -y gcc\nRUN xx-apt-get install -y g++\n", nil},
		{"a script installs", "FROM a\nRUN apt-get update && ./install.sh\n", nil},
		{"a script that may fetch lists comes before the install", "FROM a\nRUN apt-get update\nRUN ./setup.sh && apt-get install x\n", nil},
		{"a program that fetches lists comes before the install", "FROM a\nRUN apt-get update\nRUN add-apt-repository ppa:x && apt-get install x\n", nil},
		{"the install fetches its own", "FROM a\nRUN apt-get update\nRUN apt-get update && apt-get install x\n", nil},
		{"apk without stored lists", "FROM a\nRUN apk update\nRUN apk add --no-cache curl\nRUN apk add -U x\n", nil},
		{"the lists are removed", "FROM a\nRUN apt-get update && apt-get install x && rm -rf /var/lib/apt/lists/*\nRUN apt-get install -y ./x.deb\n", nil},
		{"the lists are in a mount", "FROM a\nRUN --mount=type=cache,target=/var/lib/apt apt-get update\nRUN --mount=type=cache,target=/var/lib/apt apt-get install x\n", nil},
		{"files are installed, whose needs are not known", "FROM a\nRUN apt-get update && find /var/lib/apt/lists -delete\nRUN apt-get install -y ./x.deb\n", nil},
		{"a file and a package are installed", "FROM a\nRUN apt-get update\nRUN apt-get install -y ./x.deb curl\n", one(2, Warning)},
		{"nothing is installed", "FROM a\nRUN apt-get update\nRUN apt-get install --help; apt-get install -s x; apt-get install --no-download x; apt-get install --print-uris x\n", nil},
		{"nothing is fetched", "FROM a\nRUN apt-get update --help; apt-get update --print-uris\nRUN apt-get install x\n", nil},
		{"a script between them may have fetched others", "FROM a\nRUN apt-get update\nRUN ./setup.sh\nRUN apt-get install x\n", nil},
		{"lists of another root", "FROM a\nRUN apk --root /r update; apt-get -o Dir=/r update\nRUN apk add x; apt-get install x\n", nil},
		{"apk fetches its own, with joined options", "FROM a\nRUN apk update\nRUN apk add -qU x\n", nil},
		{"together behind wrappers", "FROM a\nRUN apt-get update\nRUN sudo -u root apt-get update && sudo apt-get install x\n", nil},
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
		findings, err := Check(source, Options{File: name, Context: &Context{Files: fstest.MapFS{"package.json": {}}}})
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
	findings = slices.DeleteFunc(findings, func(f Finding) bool { return f.Rule == "digest-without-prewarm" })
	assert.Empty(t, findings, "apart from what a pinned image needs before builds")
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
