# make demo   builds an image cold, unchanged and changed with the synthesized buildspec; needs no AWS account
# make unit   runs the tests that need neither root nor BuildKit, on Linux and macOS; takes about a minute
# make test   runs every test, with real BuildKit and a real registry
# make bench  runs one round of the benchmark; options: BENCH="-runs 5 -workloads app" (go -C test run ./speed/bench -help)
# make soak   runs 200 builds of 20 applications while requests to the cache fail; takes minutes; options: SOAK="-seed 2"
# make deploy-local   deploys the CDK app into a local AWS and runs two builds in it; stays up until Ctrl-C
# make lint   runs gofmt, go vet, staticcheck and govulncheck, and checks that generated pages are up to date
# make release   makes the programs, zips, SBOMs and checksums of a release in dist/release, from the tag of a clean checkout
# make docs   generates the pages of docs/reference and the copy of the Dockerfile parser

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: demo unit test bench soak deploy-local lint docs release clean

# Silences jsii's warning about a Node.js version at its end of life; the CDK still works with it.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION = $(shell node -p 'process.versions.node.split(".")[0]' 2>/dev/null)

demo:
	@test/prepare.sh demo
	@echo "synthesizing the CDK app (the first time, the helper and buildkitd are compiled, which takes some minutes)"
	@npx cdk synth --quiet --output dist/demo/cdk.out
	@go -C test run ./demo --cdk-out dist/demo/cdk.out

deploy-local:
	@test/prepare.sh test
	@echo "synthesizing the CDK app (the first time, the helper and buildkitd are compiled, which takes some minutes)"
	@npx cdk synth --quiet --output dist/deploy/cdk.out
	@PATH="$(CURDIR)/.venv/bin:$$PATH" go -C test run ./localaws/deploy --cdk-out dist/deploy/cdk.out

# The tag leaves out the files of tests that need root or cfn-lint.
unit:
	@go test -vet=off -tags unit ./...
	@go -C test test -vet=off -tags unit ./docs ./helper/cli ./helper/report ./kit/checkout

# Without go vet, which `make lint` runs: on a clean machine, it takes a fifth of the time to compile the tests.
test:
	@test/prepare.sh test
	@PATH="$(CURDIR)/.venv/bin:$$PATH" go test -p 3 -vet=off -timeout 25m ./...
	@PATH="$(CURDIR)/.venv/bin:$$PATH" go -C test test -p 3 -vet=off -timeout 25m ./...
	@PATH="$(CURDIR)/.venv-checkers/bin:$$PATH" go -C test/constructs/nag test -vet=off -timeout 25m ./...

bench:
	@test/prepare.sh demo
	@go -C test run ./speed/bench -synth $(BENCH)

soak:
	@test/prepare.sh test
	@go -C test test -count=1 -timeout 20m -v ./helper/soak -args -builds 200 -apps 20 $(SOAK)

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not formatted with gofmt:"; echo "$$unformatted"; exit 1; }
	@rooted=$$(git grep -l 'run it as root"' -- '*_test.go' ':!test' | xargs grep -L '^//go:build.*!unit'); [ -z "$$rooted" ] || { echo "need root, but have no //go:build !unit to keep them out of make unit:"; echo "$$rooted"; exit 1; }
	@for module in . test test/constructs/nag; do \
		( cd $$module && go mod tidy -diff && go vet ./... && go tool -modfile="$(CURDIR)/internal/tools/go.mod" staticcheck ./... ) || exit 1; \
	done
# CDK apps run on any system. Only these packages have files for single systems, and they compile in seconds.
	@for system in darwin windows; do \
		GOOS=$$system go build $$(GOOS=$$system go list -deps ./constructs/... ./stacks/... | grep layercache/internal/) || exit 1; \
	done
	@go run ./internal/bundle/scan
	@go run ./internal/dockerfile/copy -check
	@go run ./internal/docs -check

docs:
	@go run ./internal/dockerfile/copy
	@go run ./internal/docs

release:
	@go run ./internal/release

clean:
	rm -rf cdk.out dist node_modules .venv .venv-checkers .venv-cdk test/constructs/languages/node_modules layercache-report
