package lint

import "sync"

// managersByProgram returns the managers by program.
var managersByProgram = sync.OnceValue(func() map[string]*manager {
	byProgram := map[string]*manager{}
	for _, m := range managers() {
		for _, program := range m.programs {
			byProgram[program] = &m
		}
	}
	return byProgram
})

// managers returns the known package managers. The folders are where the user root has them in the official
// images.
//
// https://docs.docker.com/build/cache/optimize/#use-cache-mounts
func managers() []manager {
	return []manager{
		{
			name: "apt", programs: []string{"apt-get", "apt", "aptitude"}, installs: hasWord("install"),
			mounts: []string{"target=/var/cache/apt,sharing=locked", "target=/var/lib/apt,sharing=locked"},
			hint:   "and first remove /etc/apt/apt.conf.d/docker-clean, which empties them",
		},
		{
			name: "apk", programs: []string{"apk"}, installs: hasWord("add"),
			mounts: []string{"target=/etc/apk/cache,sharing=locked"}, hint: "and remove --no-cache",
		},
		{
			name: "dnf", programs: []string{"dnf", "microdnf"}, installs: hasWord("install"),
			mounts: []string{"target=/var/cache/dnf,sharing=locked"}, hint: "and set --setopt=keepcache=1, without dnf clean all",
		},
		{
			name: "yum", programs: []string{"yum"}, installs: hasWord("install"),
			mounts: []string{"target=/var/cache/yum,sharing=locked"}, hint: "and set --setopt=keepcache=1, without yum clean all",
		},
		{
			name: "pip", programs: []string{"pip", "pip3"}, project: fromRequirements,
			installs:  leads([]string{"install", "wheel", "download"}, "config", "list", "show", "freeze", "uninstall", "check", "cache", "index", "hash", "inspect", "help"),
			manifests: []string{"requirements*.txt"}, fetch: "pip install -r requirements.txt",
			mounts: []string{"target=/root/.cache/pip"}, hint: "and remove --no-cache-dir",
		},
		{
			name: "pipenv", programs: []string{"pipenv"}, installs: hasWord("install", "sync"), project: always,
			manifests: []string{"Pipfile", "Pipfile.lock"}, fetch: "pipenv sync",
			mounts: []string{"target=/root/.cache/pipenv", "target=/root/.cache/pip"},
		},
		{
			name: "poetry", programs: []string{"poetry"}, project: hasWord("install", "sync"),
			installs:  leads([]string{"install", "sync", "add"}, "run", "build", "config", "env", "export", "show", "check", "lock", "publish", "remove"),
			manifests: []string{"pyproject.toml", "poetry.lock"}, fetch: "poetry install --no-root",
			mounts: []string{"target=/root/.cache/pypoetry"},
		},
		{
			name: "uv", programs: []string{"uv"}, installs: uvInstalls,
			project:   func(c shellCommand) bool { return first("sync")(c) || fromRequirements(c) },
			manifests: []string{"pyproject.toml", "uv.lock", "requirements*.txt"}, fetch: "uv sync --frozen --no-install-project",
			mounts: []string{"target=/root/.cache/uv"}, hint: "and set UV_LINK_MODE=copy",
		},
		{
			name: "npm", programs: []string{"npm"}, installs: first("ci", "install", "i", "add", "clean-install", "install-clean", "cit", "it"), project: nodeProject,
			manifests: []string{"package.json", "package-lock.json", "npm-shrinkwrap.json"}, fetch: "npm ci",
			mounts: []string{"target=/root/.npm"},
		},
		{
			name: "yarn", programs: []string{"yarn"}, installs: yarnInstalls, project: nodeProject,
			manifests: []string{"package.json", "yarn.lock", ".yarnrc.yml"}, fetch: "yarn install",
			mounts: []string{"target=/usr/local/share/.cache/yarn"}, hint: "for Yarn 2 or later: target=/root/.yarn/berry/cache",
		},
		{
			name: "pnpm", programs: []string{"pnpm"}, installs: first("install", "i", "fetch", "add"), project: nodeProject,
			manifests: []string{"package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"}, fetch: "pnpm install --frozen-lockfile",
			mounts: []string{"target=/root/.local/share/pnpm/store"}, hint: "or PNPM_HOME/store if PNPM_HOME is set",
		},
		{
			name: "bun", programs: []string{"bun"}, installs: first("install", "i", "add"), project: nodeProject,
			manifests: []string{"package.json", "bun.lock", "bun.lockb"}, fetch: "bun install --frozen-lockfile",
			mounts: []string{"target=/root/.bun/install/cache"},
		},
		{
			name: "go", programs: []string{"go"}, installs: goInstalls, project: goProject,
			manifests: []string{"go.mod", "go.sum"}, fetch: "go mod download",
			mounts: []string{"target=/go/pkg/mod", "target=/root/.cache/go-build"},
		},
		{
			name: "cargo", programs: []string{"cargo"}, installs: first("build", "install", "fetch", "test"),
			project:   func(c shellCommand) bool { return !first("install")(c) || c.has("--path") },
			manifests: []string{"Cargo.toml", "Cargo.lock"}, fetch: "cargo chef cook (or cargo build with an empty src/main.rs)",
			mounts: []string{"target=/usr/local/cargo/registry"}, hint: "and target=/APP/target for compiled code; copy the binary out of it in the same RUN",
		},
		{
			name: "mvn", programs: []string{"mvn", "mvnw"}, installs: anyGoal, project: always,
			manifests: []string{"pom.xml"}, fetch: "mvn dependency:go-offline",
			mounts: []string{"target=/root/.m2"},
		},
		{
			name: "gradle", programs: []string{"gradle", "gradlew"}, installs: anyGoal, project: always,
			manifests: []string{"build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"}, fetch: "gradle dependencies",
			mounts: []string{"target=/root/.gradle"},
		},
		{
			name: "bundle", programs: []string{"bundle", "bundler"}, installs: first("install"), project: always,
			manifests: []string{"Gemfile", "Gemfile.lock"}, fetch: "bundle install",
			mounts: []string{"target=/root/.gem"},
		},
		{
			name: "gem", programs: []string{"gem"}, installs: first("install"),
			mounts: []string{"target=/root/.gem"},
		},
		{
			name: "composer", programs: []string{"composer", "composer.phar"}, project: hasWord("install", "update"),
			installs:  leads([]string{"install", "update", "require"}, "run", "run-script", "exec", "config", "global", "dump-autoload", "dumpautoload", "show", "validate"),
			manifests: []string{"composer.json", "composer.lock"}, fetch: "composer install --no-scripts --no-autoloader",
			mounts: []string{"target=/root/.composer/cache"}, hint: "in the image composer: target=/tmp/cache",
		},
		{
			name: "dotnet", programs: []string{"dotnet"}, project: always,
			installs: func(c shellCommand) bool {
				return first("restore", "build", "publish", "test")(c) && !c.has("--no-restore", "--no-build")
			},
			manifests: []string{"*.csproj", "*.sln"}, fetch: "dotnet restore",
			mounts: []string{"target=/root/.nuget/packages"},
		},
		{
			name: "mix", programs: []string{"mix"}, installs: first("deps.get"), project: always,
			manifests: []string{"mix.exs", "mix.lock"}, fetch: "mix deps.get",
			mounts: []string{"target=/root/.hex"},
		},
	}
}
