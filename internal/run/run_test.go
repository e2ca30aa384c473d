package run

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/variables"
)

const repository = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev"

func nothing(string) (string, bool) { return "", false }

func TestRefs(t *testing.T) {
	host := "linux-" + runtime.GOARCH
	on := variables.Settings{Mode: variables.ModeRegistry, Repository: repository, Branch: "main", FallbackBranch: "main"}
	with := func(change func(*variables.Settings)) variables.Settings {
		changed := on
		change(&changed)
		return changed
	}
	cases := []struct {
		name     string
		settings variables.Settings
		args     []string
		imports  []string
		export   string
	}{
		{"the app is the image's name", on, []string{"-t", "host.example/shop:v1", "."},
			[]string{repository + ":shop--" + host + "--main"}, repository + ":shop--" + host + "--main"},
		{"LAYERCACHE_APP takes precedence over the image's name", with(func(s *variables.Settings) { s.App = "cart" }), []string{"-t", "shop", "."},
			[]string{repository + ":cart--" + host + "--main"}, repository + ":cart--" + host + "--main"},
		{"without both the app is the folder's name", on, []string{"."},
			[]string{repository + ":folder--" + host + "--main"}, repository + ":folder--" + host + "--main"},
		{"another branch imports its own cache, then the fallback branch's, and exports its own", with(func(s *variables.Settings) { s.Branch = "next" }), []string{"-t", "shop", "."},
			[]string{repository + ":shop--" + host + "--next", repository + ":shop--" + host + "--main"}, repository + ":shop--" + host + "--next"},
		{"a platform has a cache of its own", on, []string{"-t", "shop", "--platform", "linux/arm64", "."},
			[]string{repository + ":shop--linux-arm64--main"}, repository + ":shop--linux-arm64--main"},
		{"off has no cache", with(func(s *variables.Settings) { s.Mode = variables.ModeOff }), []string{"-t", "shop", "."}, nil, ""},
		{"a call that only checks has no cache", on, []string{"--check", "-t", "shop", "."}, nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			request := Request{Settings: c.settings, LookupEnv: nothing, Dir: t.TempDir() + "/folder"}
			flags, _, err := chooseCache(t.Context(), request, buildx.ParseArgs(c.args))
			require.NoError(t, err)
			assert.Equal(t, cache.Refs{Imports: c.imports, Export: c.export}, flags.Refs)
		})
	}
}

func TestArgumentsForBuildx(t *testing.T) {
	both := cache.Flags{From: []string{"type=registry,ref=r:own", "type=registry,ref=r:main"}, To: "type=registry,ref=r:own"}
	cases := []struct {
		name    string
		refresh bool
		builder activeBuilder
		flags   cache.Flags
		want    []string
	}{
		{"imports come in order, then the export", false, activeBuilder{name: "b", exportsCache: true}, both,
			[]string{"build", "--progress=rawjson", "--builder", "b", "--cache-from", "type=registry,ref=r:own", "--cache-from", "type=registry,ref=r:main", "--cache-to", "type=registry,ref=r:own"}},
		{"a builder that cannot export does not", false, activeBuilder{name: "default"}, both,
			[]string{"build", "--progress=rawjson", "--builder", "default", "--cache-from", "type=registry,ref=r:own", "--cache-from", "type=registry,ref=r:main"}},
		{"but every builder can export inline", false, activeBuilder{name: "default"}, cache.Flags{To: cache.Inline},
			[]string{"build", "--progress=rawjson", "--builder", "default", "--cache-to", "type=inline"}},
		{"a refresh imports nothing and exports", true, activeBuilder{name: "b", exportsCache: true}, both,
			[]string{"build", "--progress=rawjson", "--builder", "b", "--no-cache", "--cache-to", "type=registry,ref=r:own"}},
		{"the native builder signs in to S3 itself, and no credentials go with the build", false, activeBuilder{name: "b", kind: "native", exportsCache: true},
			cache.Flags{From: []string{"type=s3,bucket=c,name=own"}, To: "type=s3,bucket=c,name=own,mode=max"},
			[]string{"build", "--progress=rawjson", "--builder", "b", "--cache-from", "type=s3,bucket=c,name=own,access_key_id=,secret_access_key=",
				"--cache-to", "type=s3,bucket=c,name=own,mode=max,access_key_id=,secret_access_key="}},
		{"another builder gets what buildx finds", false, activeBuilder{name: "b", kind: "container", exportsCache: true},
			cache.Flags{From: []string{"type=s3,bucket=c,name=own"}},
			[]string{"build", "--progress=rawjson", "--builder", "b", "--cache-from", "type=s3,bucket=c,name=own"}},
		{"a cache in a registry stays as it is on the native builder", false, activeBuilder{name: "b", kind: "native"},
			cache.Flags{From: []string{"type=registry,ref=r:own"}},
			[]string{"build", "--progress=rawjson", "--builder", "b", "--cache-from", "type=registry,ref=r:own"}},
		{"without a cache there are no cache flags", false, activeBuilder{name: "b", exportsCache: true}, cache.Flags{},
			[]string{"build", "--progress=rawjson", "--builder", "b"}},
		{"a builder that the caller names is not named again", false, activeBuilder{}, cache.Flags{},
			[]string{"build", "--progress=rawjson"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := &build{Request: Request{Settings: variables.Settings{Refresh: c.refresh}}, builder: c.builder}
			assert.Equal(t, c.want, b.arguments(c.flags))
		})
	}
}

func TestHostsToSignInTo(t *testing.T) {
	request := Request{Settings: variables.Settings{Mirrors: []variables.Mirror{{Upstream: "docker.io", Location: "mirror.example/docker-hub"}, {Upstream: "quay.io", Location: "bare.example"}}}}
	args := buildx.ParseArgs([]string{"-t", "image.example/shop:1", "-o", "type=registry,name=other.example/shop", "."})
	refs := cache.Refs{Imports: []string{repository + ":a"}, Export: repository + ":a"}
	hosts := registryHosts(request, args, refs)
	for _, host := range []string{"image.example", "other.example", "mirror.example", "bare.example", "111122223333.dkr.ecr.eu-west-1.amazonaws.com"} {
		assert.Contains(t, hosts, host)
	}
}

func TestExitCodes(t *testing.T) {
	stopped, cancel := context.WithCancelCause(t.Context())
	cancel(Stopped{Signal: syscall.SIGTERM})
	assert.Equal(t, 143, ExitCode(stoppedBy(stopped)))
	assert.Equal(t, 130, ExitCode(errors.Join(errors.New("x"), Stopped{Signal: syscall.SIGINT})))
	assert.Equal(t, 1, ExitCode(errors.New("anything else")))
	assert.NoError(t, stoppedBy(t.Context()))
}

func TestTheResultOfTheExport(t *testing.T) {
	const asked = "type=s3,bucket=b,name=main"
	cases := []struct {
		name    string
		outcome outcome
		asked   string
		want    string
		warning string
	}{
		{"a completed export", outcome{export: progress.Export{Attempted: true}}, asked, "yes", ""},
		{"a failed export", outcome{export: progress.Export{Attempted: true, Error: "403 Forbidden"}}, asked, "failed", "was denied (403)"},
		{"an export without a step to write", outcome{export: progress.Export{Attempted: true, Empty: true}}, asked, "off", ""},
		{"an export that buildx omitted silently", outcome{}, asked, "failed", "the builder does not support type=s3"},
		{"an export that a failed build did not reach", outcome{exitCode: 1}, asked, "off", ""},
		{"nothing new", outcome{unchanged: true}, asked, "unchanged", ""},
		{"none asked for", outcome{}, "", "off", ""},
		{"an inline cache of a build that has no image", outcome{}, cache.Inline, "off", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := statusOfExport(c.outcome, c.asked, "r:main", nil)
			assert.Equal(t, c.want, got.name)
			assert.Contains(t, strings.Join(got.warnings, "\n"), c.warning)
			assert.Equal(t, c.warning == "", len(got.warnings) == 0)
		})
	}
}

func TestReportsShowTheBeginningOfALongInstruction(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	steps, _ := reportSteps([]progress.Step{{Instruction: long, Error: long, Ran: true}}, make([]*float64, 1), time.Now())
	assert.Equal(t, maxInstruction+1, utf8.RuneCountInString(steps[0].Instruction))
	assert.Equal(t, maxInstruction+1, utf8.RuneCountInString(steps[0].Error))
}

func TestTheErrorOfABuildThatWasStopped(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	failed := errors.New("start buildx: context canceled")
	assert.Equal(t, failed, orStopped(ctx, failed))
	stop(Stopped{Signal: syscall.SIGTERM})
	assert.EqualError(t, orStopped(ctx, failed), "stopped by signal: terminated", "its consequences are not shown")
}
