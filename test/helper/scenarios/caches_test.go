package scenarios

import (
	"runtime"
	"testing"
)

// foreignArch returns an architecture that is not this machine's.
func foreignArch() string {
	if runtime.GOARCH == "arm64" {
		return "amd64"
	}
	return "arm64"
}

func TestScopes(t *testing.T) {
	tag := "shop--linux-" + runtime.GOARCH + "--"
	compare(t, []scenario{
		{name: "a new branch reads the cache of main", files: service,
			change: all(sets("LAYERCACHE_BRANCH", "feature"), writes("src/main.txt", "feature\n")),
			caches: []string{"cache:" + tag + "feature", mainCache}, cause: "src/main.txt"},
		{name: "a branch reads its own cache before that of main", files: service, env: map[string]string{"LAYERCACHE_BRANCH": "feature"},
			change: writes("deps.txt", "right-pad\n"),
			caches: []string{"cache:" + tag + "feature", mainCache}, cause: "deps.txt"},
		{name: "a pull request reads the cache of releases", files: service,
			prepare: func(w *machine) { w.env["LAYERCACHE_REPOSITORY"] = w.registry.Addr() + "/release" },
			change: func(w *machine) {
				w.env["LAYERCACHE_REPOSITORY"], w.env["LAYERCACHE_FALLBACK_REPOSITORY"] = w.registry.Addr()+"/cache", w.registry.Addr()+"/release"
				w.env["LAYERCACHE_BRANCH"] = "pr7"
				w.write("src/main.txt", "pull request\n")
			},
			caches: []string{"cache:" + tag + "pr7", mainCache, "release:" + tag + "pr7", "release:" + tag + "main"}, cause: "src/main.txt"},
	})
}

func TestWhatTheRegistryHolds(t *testing.T) {
	compare(t, []scenario{
		{name: "an image was pushed over the cache", files: service, change: copies("shop:1", mainCache)},
		{name: "another app's cache at the ref", files: service.and("Dockerfile", "FROM scratch\nCOPY deps.txt /cart\n"),
			change: writes("Dockerfile", service["Dockerfile"])},
		{name: "another app's cache that shares a file", files: small("FROM scratch\nCOPY a /a\nCOPY c /c\n"),
			change: writes("Dockerfile", "FROM scratch\nCOPY a /a\nCOPY b /b\n"), cause: "COPY b /b"},
		{name: "another platform's cache at the ref", files: small("FROM bases.example/tiny:1\nCOPY a /a\n"),
			args:   []string{"--platform=linux/" + foreignArch()},
			change: all(copies("cache:shop--linux-"+foreignArch()+"--main", mainCache), with("--platform=linux/"+runtime.GOARCH))},
		{name: "a cache without its config", files: service, change: loses(true)},
		{name: "a cache without its layers", files: service, change: loses(false)},
		{name: "a cache without its layers, and a changed source", files: service, rescued: true,
			change: all(loses(false), writes("src/main.txt", "changed\n"))},
	})
}

func TestForms(t *testing.T) {
	compare(t, []scenario{
		{name: "the cache in the image covers only the last stage", files: service, env: map[string]string{"LAYERCACHE_MODE": "inline"}, caches: []string{"shop:1"}},
		{name: "the cache in an image with one stage", env: map[string]string{"LAYERCACHE_MODE": "inline"}, caches: []string{"shop:1"},
			files:  small("FROM bases.example/tiny:1\nWORKDIR /one\nCOPY a /a\n"),
			change: writes("a", "aa\n"), cause: "a"},
		{name: "only the last stage's layers, and a changed source", files: service, env: map[string]string{"LAYERCACHE_LAYERS": "final"},
			change: writes("src/main.txt", "changed\n"), cause: "only the last stage"},
		{name: "zstd", files: service, env: map[string]string{"LAYERCACHE_COMPRESSION": "zstd"},
			change: writes("src/main.txt", "changed\n"), cause: "src/main.txt"},
		{name: "gzip after zstd", files: service, env: map[string]string{"LAYERCACHE_COMPRESSION": "zstd"},
			change: all(sets("LAYERCACHE_COMPRESSION", "gzip"), writes("src/main.txt", "changed\n")), cause: "src/main.txt"},
	})
}

func TestPlatforms(t *testing.T) {
	both := "--platform=linux/amd64,linux/arm64"
	cache := []string{"cache:shop--linux-amd64-linux-arm64-da806241c7--main"}
	plain := small("FROM scratch\nCOPY a /\nCOPY b /\n")
	cross := small("FROM --platform=$BUILDPLATFORM bases.example/tiny:1 AS build\nCOPY a /\nARG TARGETARCH\nRUN cat /a > /program-$TARGETARCH\n" +
		"FROM scratch\nARG TARGETARCH\nCOPY --from=build /program-$TARGETARCH /program\n")
	compare(t, []scenario{
		{name: "two platforms, the second step changed", files: plain, args: []string{both}, caches: cache, change: writes("b", "bb\n"), cause: "b"},
		{name: "two platforms cross-compiled, unchanged", files: cross, args: []string{both}, caches: cache},
		{name: "two platforms cross-compiled, the source changed", files: cross, args: []string{both}, caches: cache, change: writes("a", "aa\n"), cause: "a"},
	})
}
