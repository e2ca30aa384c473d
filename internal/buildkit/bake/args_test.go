package bake

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseArgs(t *testing.T) {
	a := ParseArgs([]string{"-f", "a.hcl", "api", "--file=b.json", "--set", "*.tags=x", "--push", "--progress=plain", "--builder", "mine", "--metadata-file=m", "web"})
	assert.Equal(t, []string{"api", "web"}, a.Targets)
	assert.Equal(t, []string{"a.hcl", "b.json"}, a.Values("file"))
	assert.Equal(t, []string{"bake", "--print", "--file=a.hcl", "--file=b.json", "--push=true", "--set=*.tags=x", "--", "api", "web"}, a.Print())
	assert.Equal(t, []string{"--file=a.hcl", "--file=b.json", "--metadata-file=m", "--push=true", "--set=*.tags=x"}, a.Flags())
	assert.Equal(t, []string{"--file=a.hcl", "--file=b.json", "--set=*.tags=x"}, a.CacheOnlyFlags(), "what leaves the builder is left out")
	assert.Equal(t, "mine", a.Value("builder"))
	assert.Equal(t, "plain", a.Value("progress"))
}

func TestOutputsThatAreReplaced(t *testing.T) {
	a := ParseArgs([]string{"--set=*.output=type=cacheonly", "--set=api.output=type=image,push=true", "--set=web.output+=type=registry", "--set=api.args.x.output=1"})
	assert.Equal(t, []string{"--set=*.output=type=cacheonly", "--set=web.output+=type=registry", "--set=api.args.x.output=1"}, a.Flags("api"))
	assert.Equal(t, []string{"--set=*.output=type=cacheonly", "--set=api.output=type=image,push=true", "--set=api.args.x.output=1"}, a.Flags("web"))
	assert.Equal(t, []string{"--set=api.args.x.output=1"}, a.CacheOnlyFlags())
}

func TestWhatIsForBuildxAlone(t *testing.T) {
	for _, c := range []struct {
		name          string
		args          []string
		reads, checks bool
	}{
		{"a build", []string{"--push"}, false, false},
		{"printing", []string{"--print", "api"}, true, false},
		{"listing", []string{"--list", "targets"}, true, false},
		{"the old flag for listing", []string{"--list-targets"}, true, false},
		{"help", []string{"-h"}, true, false},
		{"a flag that is not known here", []string{"--new-flag"}, true, false},
		{"a flag without its value", []string{"--set"}, true, false},
		{"checks", []string{"--check"}, false, true},
		{"a call", []string{"--call=outline"}, false, true},
		{"a call that builds", []string{"--call=build"}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ParseArgs(c.args)
			assert.Equal(t, c.reads, a.OnlyReads())
			if !c.reads {
				assert.Equal(t, c.checks, a.OnlyChecks())
			}
		})
	}
}

func TestARemoteFile(t *testing.T) {
	a := ParseArgs([]string{"https://example.com/shop.git#main", "api", "web"})
	assert.True(t, a.Remote())
	assert.Equal(t, []string{"--", "https://example.com/shop.git#main", "web"}, a.PositionalOf([]string{"web"}))
	assert.False(t, ParseArgs([]string{"api"}).Remote())
	assert.False(t, ParseArgs(nil).Remote())
}

func TestArgumentsOfAnotherFile(t *testing.T) {
	given := []string{"-f", "a.hcl", "--file=b.hcl", "--var=V=1", "--push", "api"}
	for name, c := range map[string]struct{ set, kept []string }{
		"a target of the file keeps its --set":    {[]string{"--set=api.target=web"}, []string{"--set=api.target=web"}},
		"so does a pattern that matches one":      {[]string{"--set=a*.tags+=x", "--set=*.args.a.b=y"}, []string{"--set=a*.tags+=x", "--set=*.args.a.b=y"}},
		"a target that others inherit has none":   {[]string{"--set=_common.args.V=1", "--set=api.target=web"}, []string{"--set=api.target=web"}},
		"nor has a pattern that matches no other": {[]string{"--set=_*.args.V=1"}, nil},
		"buildx reports a malformed pattern":      {[]string{"--set=[.args.V=1"}, []string{"--set=[.args.V=1"}},
	} {
		args := ParseArgs(append(slices.Clone(c.set), given...)).OfFile("/tmp/targets.json", []string{"api", "base"})
		assert.Equal(t, slices.Concat([]string{"--file=/tmp/targets.json", "--push=true"}, c.kept, []string{"--", "api"}), args.All, name)
		assert.Equal(t, []string{"api"}, args.Targets, name)
	}
}

func TestFlagsForOutputs(t *testing.T) {
	args := ParseArgs([]string{"--load", "--pull", "--set=*.tags=a:1", "--set=api.output+=type=docker", "--set=api.args.tags=x", "--set=api.target=web", "api"})
	assert.Equal(t, []string{"--pull=true", "--set=api.args.tags=x", "--set=api.target=web"}, args.FlagsForOutputs())
}
