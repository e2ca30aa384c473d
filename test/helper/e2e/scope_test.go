package e2e

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestBuildsOfDifferentImagesKeepTheirCaches builds two images in turns, with default settings.
func TestBuildsOfDifferentImagesKeepTheirCaches(t *testing.T) {
	t.Parallel()
	const api, web = "FROM " + base + "\nCOPY deps.txt /\nRUN echo api > /o\n", "FROM " + base + "\nCOPY deps.txt /\nRUN echo web > /o\n"
	cases := []struct {
		name  string
		files map[string]string
		// first and second are the arguments of the builds; images are below the registry's address.
		first, second []string
	}{
		{"two tags of one repository", map[string]string{"Dockerfile.api": api, "Dockerfile.web": web},
			[]string{"--tag", "images:api", "-f", "Dockerfile.api", "."}, []string{"--tag", "images:web", "-f", "Dockerfile.web", "."}},
		{"two contexts without a tag", map[string]string{"a/Dockerfile": api, "a/deps.txt": "", "b/Dockerfile": web, "b/deps.txt": ""},
			[]string{"a"}, []string{"b"}},
		{"two targets of one image", map[string]string{"Dockerfile": "FROM " + base + " AS test\nRUN echo test > /o\nFROM " + base + " AS prod\nRUN echo prod > /o\n"},
			[]string{"--tag", "shop:1", "--target", "test", "."}, []string{"--tag", "shop:1", "--target", "prod", "."}},
		{"two namespaces", map[string]string{"Dockerfile.a": api, "Dockerfile.b": web},
			[]string{"--tag", "team-a/api:1", "-f", "Dockerfile.a", "."}, []string{"--tag", "team-b/api:1", "-f", "Dockerfile.b", "."}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			w.checkout(c.files)
			for round := range 2 {
				for _, args := range [][]string{c.first, c.second} {
					got := w.succeeds(w.run(w.of(args)...))
					if round > 0 {
						assert.Equal(t, "used", got.Verdict, got.log)
					}
				}
			}
		})
	}
}

// TestAClashIsSaid gives two images one cache.
func TestAClashIsSaid(t *testing.T) {
	t.Parallel()
	const one = "FROM " + base + "\nARG SERVICE\nRUN echo $SERVICE > /o\n"
	cases := []struct {
		name          string
		files         map[string]string
		env           map[string]string
		first, second []string
		// rounds is how often the two take turns before it is said.
		rounds      int
		other, says string
	}{
		{"one app for two Dockerfiles", map[string]string{"Dockerfile.api": one + "RUN true\n", "Dockerfile.web": one}, settings("APP", "shop"),
			[]string{"--tag", "images:api", "-f", "Dockerfile.api", "."}, []string{"--tag", "images:web", "-f", "Dockerfile.web", "."},
			1, "images:api (Dockerfile Dockerfile.api)", "LAYERCACHE_APP"},
		{"one app for two targets", map[string]string{"Dockerfile": "FROM " + base + " AS test\nRUN echo test > /o\nFROM " + base + " AS prod\nRUN echo prod > /o\n"}, settings("APP", "shop"),
			[]string{"--tag", "shop:1", "--target", "test", "."}, []string{"--tag", "shop:1", "--target", "prod", "."},
			1, "shop:1 (Dockerfile Dockerfile, target test)", "LAYERCACHE_APP"},
		{"two tags of one Dockerfile", map[string]string{"Dockerfile": one}, nil,
			[]string{"--tag", "images:api", "--build-arg", "SERVICE=api", "."}, []string{"--tag", "images:web", "--build-arg", "SERVICE=web", "."},
			2, "images:api (Dockerfile Dockerfile)", "LAYERCACHE_APP"},
		{"one folder for two Dockerfiles", map[string]string{"Dockerfile.api": one + "RUN true\n", "Dockerfile.web": one}, settings("MODE", "local", "LOCAL_DIR", "CACHE"),
			[]string{"--tag", "images:api", "-f", "Dockerfile.api", "."}, []string{"--tag", "images:web", "-f", "Dockerfile.web", "."},
			1, "images:api (Dockerfile Dockerfile.api)", "LAYERCACHE_LOCAL_DIR"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			w.checkout(c.files)
			maps.Copy(w.env, c.env)
			if w.env["LAYERCACHE_LOCAL_DIR"] != "" {
				w.env["LAYERCACHE_LOCAL_DIR"] = filepath.Join(w.tmp, "cache")
			}
			first := w.succeeds(w.run(w.of(c.first)...))
			assert.NotContains(t, first.log, "was last written by the build of")
			var second outcome
			for round := range c.rounds {
				if round > 0 {
					w.succeeds(w.run(w.of(c.first)...))
				}
				second = w.succeeds(w.run(w.of(c.second)...))
			}
			assert.Contains(t, second.log, "was last written by the build of "+c.other+", and builds of this image replace it: give each image a cache of its own with "+c.says)
			again := w.succeeds(w.run(w.of(c.second)...))
			assert.Equal(t, "used", again.Verdict, again.log)
			assert.NotContains(t, again.log, "was last written by the build of")
		})
	}
}

// of returns the arguments of a build that pushes, with the images at the machine's registry.
func (w *machine) of(args []string) []string {
	all := []string{"build"}
	for i, arg := range args {
		if i > 0 && args[i-1] == "--tag" {
			all, arg = append(all, "--push"), w.registry.Addr()+"/"+arg
			all[len(all)-1], all[len(all)-2] = all[len(all)-2], all[len(all)-1]
		}
		all = append(all, arg)
	}
	return all
}

// TestAGitTagDoesNotReplaceTheCacheOfABranch builds as CodeBuild does for a tag named main.
func TestAGitTagDoesNotReplaceTheCacheOfABranch(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.succeeds(w.build())
	delete(w.env, "LAYERCACHE_BRANCH")
	w.env["CODEBUILD_WEBHOOK_TRIGGER"] = "tag/main"
	w.write("src/main.txt", "an older version\n")
	tag := w.succeeds(w.build())
	assert.Equal(t, "partly-used", tag.Verdict, "a tag reads the default branch's cache")
	w.env["CODEBUILD_WEBHOOK_TRIGGER"] = "branch/main"
	w.write("src/main.txt", "hello\n")
	assert.Equal(t, "used", w.succeeds(w.build()).Verdict, "a tag must not write the branch's cache")
}
