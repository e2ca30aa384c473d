# make demo   an image build, cold, unchanged and changed, through the synthesized buildspec; no AWS account needed
# make unit   the tests that need neither root nor BuildKit, on Linux and macOS: about a minute
# make test   every test, on a real BuildKit and a real registry
# make bench  the benchmark, one round of it; BENCH="-runs 5 -workloads app" says more (go -C test run ./bench -help)
# make soak   200 builds of 20 applications while requests to the cache go wrong, some minutes; SOAK="-seed 2" chooses others
# make deploy-local   the CDK app deployed into an AWS on this machine, two builds in it; runs until Ctrl-C, to look at
# make lint   gofmt, go vet, staticcheck, govulncheck, generated pages
# make docs   the pages of docs/reference from the source

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: demo unit test bench soak deploy-local lint docs clean

# jsii warns about Node.js versions at their end, of which it names the one to be silent about; the CDK works with them.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION = $(shell node -p 'process.versions.node.split(".")[0]' 2>/dev/null)

demo:
	@test/prepare.sh demo
	@echo "synthesizing the CDK app (the first time compiles the helper and buildkitd: some minutes)"
	@npx cdk synth --quiet --output dist/demo/cdk.out
	@go -C test run ./demo --cdk-out dist/demo/cdk.out

deploy-local:
	@test/prepare.sh test
	@echo "synthesizing the CDK app (the first time compiles the helper and buildkitd: some minutes)"
	@npx cdk synth --quiet --output dist/deploy/cdk.out
	@PATH="$(CURDIR)/.venv/bin:$$PATH" go -C test run ./deploy --cdk-out dist/deploy/cdk.out

# The tag leaves out the files of tests that need root or cfn-lint.
unit:
	@go test -vet=off -tags unit ./...
	@go -C test test -vet=off -tags unit ./docs ./helper/cli ./helper/report ./kit/checkout

# Without go vet, which `make lint` runs: where nothing is compiled yet, it is a fifth of making the tests.
test:
	@test/prepare.sh test
	@PATH="$(CURDIR)/.venv/bin:$$PATH" go test -p 3 -vet=off -timeout 14m ./...
	@PATH="$(CURDIR)/.venv/bin:$$PATH" go -C test test -p 3 -vet=off -timeout 14m ./...
	@PATH="$(CURDIR)/.venv-checkers/bin:$$PATH" go -C test/nag test -vet=off -timeout 14m ./...

bench:
	@test/prepare.sh demo
	@go -C test run ./bench -synth $(BENCH)

soak:
	@test/prepare.sh test
	@go -C test test -count=1 -timeout 20m -v ./soak -args -builds 200 -apps 20 $(SOAK)

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	@rooted=$$(git grep -l 'run it as root"' -- '*_test.go' ':!test' | xargs grep -L '^//go:build.*!unit'); [ -z "$$rooted" ] || { echo "need root, and are not left out of make unit by //go:build !unit:"; echo "$$rooted"; exit 1; }
	@for module in . test test/nag; do \
		( cd $$module && go mod tidy -diff && go vet ./... && go tool -modfile="$(CURDIR)/internal/tools/go.mod" staticcheck ./... ) || exit 1; \
	done
	@go run ./internal/bundle/scan
	@go run ./internal/docs -check

docs:
	@go run ./internal/docs

clean:
	rm -rf cdk.out dist node_modules .venv .venv-checkers layercache-report
