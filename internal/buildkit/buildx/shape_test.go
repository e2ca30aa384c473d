package buildx

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestArgumentsThatBuildTheSameHaveTheSameShape(t *testing.T) {
	base := "--file Dockerfile --target release ."
	cases := []struct {
		name, other string
		same        bool
	}{
		{"other tags and outputs", "--file Dockerfile --push -t a:1 --tag=b:2 --target release --iidfile x -q .", true},
		{"labels and attestations", "--file Dockerfile --label commit=1 --sbom=true --provenance mode=max --target release .", true},
		{"an additional build argument", "--build-arg A=1 --file Dockerfile --target release .", true},
		{"another target", "--file Dockerfile --target test .", false},
		{"another platform", "--platform linux/arm64 --file Dockerfile --target release .", false},
		{"another network", "--file Dockerfile --target release --network=none .", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			first, second := ParseArgs(strings.Fields(base)).Shape(), ParseArgs(strings.Fields(c.other)).Shape()
			assert.NotEmpty(t, first)
			assert.NotEmpty(t, second)
			assert.Equal(t, c.same, first == second)
		})
	}
	for _, flag := range []string{"--no-cache", "--pull", "--build-context x=.", "--no-cache-filter a", "--cache-from type=local,src=x"} {
		assert.Empty(t, ParseArgs(strings.Fields(flag+" .")).Shape(), flag)
	}
}

func TestWithoutBuildArg(t *testing.T) {
	cases := []struct {
		line, rest string
		had        bool
	}{
		{"--build-arg A=1 --build-arg BUILDKIT_INLINE_CACHE=1 -t a .", "--build-arg A=1 -t a .", true},
		{"--build-arg=BUILDKIT_INLINE_CACHE=1 --build-arg BUILDKIT_INLINE_CACHE .", ".", true},
		{"--build-arg BUILDKIT_INLINE_CACHE_=1 --label BUILDKIT_INLINE_CACHE=1 -- .", "--build-arg BUILDKIT_INLINE_CACHE_=1 --label BUILDKIT_INLINE_CACHE=1 -- .", false},
	}
	for _, c := range cases {
		changed, had := ParseArgs(strings.Fields(c.line)).WithoutBuildArg(InlineCache)
		assert.Equal(t, strings.Fields(c.rest), changed.Rest, c.line)
		assert.Equal(t, c.had, had, c.line)
	}
}

func TestWritesImage(t *testing.T) {
	for line, expected := range map[string]bool{
		"-t a .": false, "--push .": true, "--push --push=false .": false, "--load .": true, "-o type=registry .": true, "-otype=oci,dest=a.tar .": true,
		"-o out .": false, "--output type=cacheonly .": false, "--push -o out .": true, "-o type=docker -o out .": true, "-- --push": false,
	} {
		assert.Equal(t, expected, ParseArgs(strings.Fields(line)).WritesImage(), line)
	}
}

func TestCacheOnlyDropsTheOutputs(t *testing.T) {
	given := strings.Fields("--push -t a:1 --no-cache --no-cache-filter=deps --secret id=s,env=S -f D --build-arg A=1 --metadata-file m -o type=registry --load --sbom=true --label a=b -- ctx")
	assert.Equal(t, strings.Fields("--output type=cacheonly --provenance=false --secret id=s,env=S -f D --build-arg A=1 -- ctx"), ParseArgs(given).CacheOnly())
}

func TestTheContextAndTheDockerfile(t *testing.T) {
	cases := []struct{ arguments, context, dockerfile string }{
		{".", ".", ""},
		{"--push -f other/Dockerfile dir", "dir", "other/Dockerfile"},
		{"--file=D -t x -- ctx", "ctx", "D"},
		{"-f - -", "-", "-"},
		{"--push", "", ""},
		{"dir --push", "dir", ""},
	}
	for _, c := range cases {
		got := ParseArgs(strings.Fields(c.arguments))
		assert.Equal(t, c.context, got.Context, c.arguments)
		assert.Equal(t, c.dockerfile, got.Dockerfile, c.arguments)
	}
}

func TestOnAnyBuilderRemovesTheBuilder(t *testing.T) {
	cases := []struct {
		line, rest string
		leaves     bool
	}{
		{"--builder mine --push -t a .", "--push -t a .", true},
		{"--load --builder=mine .", "--load .", true},
		{"-o type=registry -f - --builder mine -", "-o type=registry -f - -", true},
		{"--builder mine -t a .", "-t a .", false},
		{"--label --push --builder mine -- --builder", "--label --push -- --builder", false},
	}
	for _, c := range cases {
		t.Run(c.line, func(t *testing.T) {
			args := ParseArgs(split(c.line))
			got, leaves := args.OnAnyBuilder()
			assert.Equal(t, split(c.rest), got.Rest)
			assert.Equal(t, c.leaves, leaves)
			assert.Empty(t, got.Builder)
			assert.Equal(t, args.Tags, got.Tags)
			assert.Equal(t, split(c.line), args.Rest, "the original arguments are not modified")
		})
	}
}
