#!/usr/bin/env bash
# Prepares a checkout for `make demo` or `make test`: checks the prerequisites and installs the rest.
# In the checkout it installs node_modules (the CDK CLI, and iam-simulate for tests) and, for tests, .venv
# (cfn-lint and moto), .venv-checkers (checkov and parliament), .venv-cdk and
# test/constructs/languages/node_modules (the CDK for Python and TypeScript) and dist/newest-cdk.
# On a Linux machine, as root, it also installs the packages runc and busybox-static, and iptables, unzip and chromium for tests.
set -euo pipefail
purpose=${1:?usage: test/prepare.sh demo|test}

missing() { echo "make $purpose: $1" >&2; exit 1; }
say() { echo "prepare: $*" >&2; }
linux_root() { [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ]; }

command -v go >/dev/null || missing "Go is missing: install Go 1.26 or newer from https://go.dev/dl"
command -v npm >/dev/null || missing "Node.js is missing: install Node.js 20 or newer from https://nodejs.org"
if [ "$purpose" = test ]; then
  linux_root || missing "the tests run buildkitd, which needs root on Linux: sudo make test, or run it in a privileged container of golang:1.26-trixie with npm and python3-venv installed"
  command -v python3 >/dev/null || missing "Python is missing (needed by cfn-lint, checkov and parliament, which check the templates, and by moto, which replaces AWS): install Python 3.10 or newer"
elif ! linux_root && ! docker info >/dev/null 2>&1; then
  missing "neither root on Linux nor a running Docker daemon: run as root (sudo make demo), or install and start Docker"
fi

packages() { # packages NAME…: installs packages with the system's package manager
  say "installing $* (once on this machine)"
  if command -v apt-get >/dev/null; then
    apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  elif command -v dnf >/dev/null; then
    dnf install -y -q "$@" >/dev/null
  elif command -v apk >/dev/null; then
    apk add -q "$@"
  else
    missing "$* is missing, and no supported package manager (apt-get, dnf, apk) was found: install it"
  fi
}

# The packages that are missing. The Python of Debian has no ensurepip without python3-venv.
needed=()
if linux_root; then
  command -v runc >/dev/null || needed+=(runc)
  if [ "$purpose" = test ]; then
    command -v iptables >/dev/null || needed+=(iptables)
    command -v unzip >/dev/null || needed+=(unzip) # fetches the helper in buildspecs of attached projects
    command -v chromium >/dev/null || needed+=(chromium) # opens report.html in test/helper/page
    python3 -c 'import ensurepip' 2>/dev/null || packages python3-venv
  fi
  # If no registry can be reached, base images are made from this machine's software, which needs a static shell.
  if command -v apt-get >/dev/null && ! command -v busybox >/dev/null; then needed+=(busybox-static); fi
fi
install_packages() { if [ "${#needed[@]}" -gt 0 ]; then packages "${needed[@]}"; fi; }

install_node() {
  if [ -f node_modules/.package-lock.json ] && ! [ package-lock.json -nt node_modules/.package-lock.json ]; then return; fi
  say "installing the CDK CLI and iam-simulate"
  npm ci --silent --no-audit --no-fund
  touch node_modules/.package-lock.json
}

install_languages() { # the CDK of npm, for test/constructs/languages and test/helper/docker
  if [ "$purpose" != test ]; then return; fi
  local dir=test/constructs/languages
  if [ -f "$dir/node_modules/.package-lock.json" ] && ! [ "$dir/package-lock.json" -nt "$dir/node_modules/.package-lock.json" ]; then return; fi
  say "installing the CDK for TypeScript"
  npm ci --prefix "$dir" --silent --no-audit --no-fund
  touch "$dir/node_modules/.package-lock.json"
}

install_venv() { # install_venv DIR LOCK WHAT: installs the packages of test/LOCK.txt, which has the hash of each file
  if [ -f "$1/ready" ] && ! [ "test/$2.txt" -nt "$1/ready" ]; then return; fi
  say "installing $3"
  python3 -m venv --clear "$1"
  # No package is built from source, because build tools would be downloaded without hashes.
  "$1/bin/pip" install --quiet --no-compile --disable-pip-version-check --require-hashes --only-binary :all: --requirement "test/$2.txt"
  touch "$1/ready"
}

install_python() {
  if [ "$purpose" != test ]; then return; fi
  install_venv .venv requirements "cfn-lint and moto"
  install_venv .venv-checkers checkers "checkov and parliament"
  install_venv .venv-cdk cdk "the CDK for Python"
}

find_newest_cdk() { # for test/constructs/consumer; an unchanged file keeps its timestamp, so go test can reuse its cached result
  mkdir -p dist
  go -C test run ./constructs/consumer/newest >dist/newest-cdk.found
  if ! cmp -s dist/newest-cdk.found dist/newest-cdk; then cp dist/newest-cdk.found dist/newest-cdk; fi
}

install_packages & system=$!
install_node & node=$!
install_languages & languages=$!
install_python & python=$!
if [ "$purpose" = test ]; then find_newest_cdk & newest=$!; fi
if [ "$purpose" = test ]; then go -C test run ./kit/programs/compile; fi
wait "$system"
wait "$node"
wait "$languages"
wait "$python"
if [ "$purpose" = test ]; then wait "$newest"; fi
