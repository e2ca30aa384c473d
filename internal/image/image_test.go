package image

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/deployment"
	"github.com/layercache/layercache/internal/variables"
)

const repository = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop"

// read reads the image from an environment.
func read(environment map[string]string, words Words) (Image, error) {
	lookup := func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}
	values, problems := variables.Read(lookup, variables.Image.Variables())
	described, ofImage := From(values, words, lookup)
	return described, append(problems, ofImage...).Err()
}

func TestBuildxArgs(t *testing.T) {
	words := Words{Commit: "0123abc", Branch: "feature/x", Build: "7"}
	cases := []struct {
		name      string
		variables map[string]string
		want      []string
	}{
		{"with only the repository every flag has its default", nil, []string{"--push", "--tag=" + repository + ":latest", "--file=Dockerfile", "--", "."}},
		{"words in tags are replaced", map[string]string{"LAYERCACHE_TAGS": "v1, {commit},{branch}-{build}"},
			[]string{"--push", "--tag=" + repository + ":v1", "--tag=" + repository + ":0123abc", "--tag=" + repository + ":feature-x-217d2bf51f16e9dc49a2-7", "--file=Dockerfile", "--", "."}},
		{"without a push only the cache is kept", map[string]string{"LAYERCACHE_PUSH": "false"},
			[]string{"--output=type=cacheonly", "--tag=" + repository + ":latest", "--file=Dockerfile", "--", "."}},
		{"a tag for one platform", map[string]string{"LAYERCACHE_PLATFORMS": "linux/arm64", "LAYERCACHE_PLATFORM_TAGS": "true"},
			[]string{"--push", "--tag=" + repository + ":latest-linux-arm64", "--file=Dockerfile", "--platform=linux/arm64", "--", "."}},
		{"every variable", map[string]string{
			"LAYERCACHE_DOCKERFILE": "a b/Dockerfile", "LAYERCACHE_CONTEXT": "--push", "LAYERCACHE_TARGET": "release",
			"LAYERCACHE_PLATFORMS": "linux/amd64, linux/arm64", "LAYERCACHE_BUILD_ARGS": `{"B":"--x","A":"1 2"}`,
			"LAYERCACHE_SECRETS": `{"npmrc":"NPM"}`, "NPM": "hidden", "LAYERCACHE_PROVENANCE": "mode=max", "LAYERCACHE_SBOM": "true", "LAYERCACHE_ARGS": `["--network=host"]`,
		}, []string{
			"--push", "--tag=" + repository + ":latest", "--file=a b/Dockerfile", "--target=release", "--platform=linux/amd64,linux/arm64",
			"--build-arg=A=1 2", "--build-arg=B=--x", "--secret=type=env,id=npmrc,env=NPM", "--provenance=mode=max", "--sbom=true", "--network=host", "--", "--push",
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			environment := map[string]string{"LAYERCACHE_IMAGE": repository}
			for name, value := range c.variables {
				environment[name] = value
			}
			described, err := read(environment, words)
			require.NoError(t, err)
			assert.Equal(t, c.want, described.BuildxArgs())
		})
	}
}

func TestAPathThatASymlinkLeadsOutOfTheWorkingDirectoryIsRefused(t *testing.T) {
	outer := t.TempDir()
	for _, dir := range []string{"outside", "source/inside"} {
		require.NoError(t, os.MkdirAll(filepath.Join(outer, dir), 0o755))
	}
	t.Chdir(filepath.Join(outer, "source"))
	for link, target := range map[string]string{"up": "../outside", "root": "/", "chain": "up", "within": "inside", "loop": "loop"} {
		require.NoError(t, os.Symlink(target, link))
	}
	cases := []struct {
		name, context, dockerfile string
		refused                   bool
	}{
		{"the working directory", ".", "Dockerfile", false},
		{"a folder", "inside", "inside/Dockerfile", false},
		{"a symlink inside", "within", "within/Dockerfile", false},
		{"a folder that does not exist", "none", "none/Dockerfile", false},
		{"a URL", "https://example.com/shop.git#main", "Dockerfile", false},
		{"a path that is outside by its own text", "../outside", "../outside/Dockerfile", false},
		{"a symlink to itself", "loop", "Dockerfile", false},
		{"a context that is a symlink to a parent's folder", "up", "Dockerfile", true},
		{"a context that is a symlink to the root folder", "root", "Dockerfile", true},
		{"a context below a symlink", "up/../up", "Dockerfile", true},
		{"a context that is a symlink to a symlink", "chain", "Dockerfile", true},
		{"a Dockerfile in a folder that is a symlink", ".", "root/Dockerfile", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(map[string]string{"LAYERCACHE_IMAGE": repository, "LAYERCACHE_CONTEXT": c.context, "LAYERCACHE_DOCKERFILE": c.dockerfile}, Words{})
			if c.refused {
				assert.ErrorContains(t, err, "a symlink that leads out of the working directory")
				return
			}
			assert.NoError(t, err)
		})
	}
}

// Whatever a variable contains, it is refused or stays the value of its own flag.
func FuzzNoVariableSmugglesAFlag(f *testing.F) {
	f.Add("--push", "--output=type=local,dest=/", `{"A":"--x"}`, "-t")
	f.Add("a,--load", "x --push", `{"--push":"HOME"}`, "\n--\n")
	f.Fuzz(func(t *testing.T, tags, text, object, context string) {
		environment := map[string]string{
			"LAYERCACHE_IMAGE": repository, "LAYERCACHE_PUSH": "false", "LAYERCACHE_TAGS": tags, "LAYERCACHE_BUILD_ARGS": object, "LAYERCACHE_SECRETS": object,
			"LAYERCACHE_DOCKERFILE": text, "LAYERCACHE_TARGET": text, "LAYERCACHE_PLATFORMS": text, "LAYERCACHE_PROVENANCE": text, "LAYERCACHE_SBOM": text,
			"LAYERCACHE_CONTEXT": context, "HOME": "x",
		}
		described, err := read(environment, Words{Commit: text, Branch: text, Build: text})
		if err != nil {
			return
		}
		args := described.BuildxArgs()
		assert.Equal(t, "--output=type=cacheonly", args[0])
		require.GreaterOrEqual(t, len(args), 3)
		assert.Equal(t, "--", args[len(args)-2], "the context cannot be a flag")
		for _, arg := range args[1 : len(args)-2] {
			assert.Regexp(t, `\A--(tag|file|target|platform|build-arg|secret|provenance|sbom)=`, arg)
		}
	})
}

func TestWrongVariablesAreRefused(t *testing.T) {
	cases := []struct{ name, variable, value, message string }{
		{"no image", "LAYERCACHE_IMAGE", "", "LAYERCACHE_IMAGE"},
		{"an image with a scheme", "LAYERCACHE_IMAGE", "https://" + repository, "LAYERCACHE_IMAGE"},
		{"an image with a tag", "LAYERCACHE_IMAGE", repository + ":v1", "LAYERCACHE_IMAGE"},
		{"an invalid tag", "LAYERCACHE_TAGS", "a b", "at most 128"},
		{"a word without a value in this build", "LAYERCACHE_TAGS", "{build}", "not known"},
		{"an unknown word", "LAYERCACHE_TAGS", "{date}", "at most 128"},
		{"build arguments that are not an object", "LAYERCACHE_BUILD_ARGS", "A=1", "JSON object"},
		{"build arguments that are not strings", "LAYERCACHE_BUILD_ARGS", `{"A":1}`, "JSON object"},
		{"a secret's id with a comma", "LAYERCACHE_SECRETS", `{"a,src=/etc/shadow":"HOME"}`, "has the name"},
		{"a secret whose variable is not set", "LAYERCACHE_SECRETS", `{"a":"NOPE"}`, "is not set"},
		{"arguments that are not an array", "LAYERCACHE_ARGS", "--network=host", "JSON array"},
		{"platform tags without one platform", "LAYERCACHE_PLATFORM_TAGS", "true", "expected one"},
		{"a push that is neither true nor false", "LAYERCACHE_PUSH", "maybe", "true or false"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			environment := map[string]string{"LAYERCACHE_IMAGE": repository}
			environment[c.variable] = c.value
			_, err := read(environment, Words{})
			assert.ErrorContains(t, err, c.message)
			assert.ErrorContains(t, err, c.variable)
		})
	}
}

func TestABranchCannotTakeTheTagOfADeployment(t *testing.T) {
	taken := deployment.Tag([]byte("inputs"))
	cases := []struct {
		name, tags, branch string
		want               []string
	}{
		{"the function that starts the build gives the tag itself", "latest," + taken, "main", []string{"latest", taken}},
		{"a branch with the name of the tag is refused", "{branch}", taken, nil},
		{"so is one with the name of a platform's image", "{branch}", taken + "-linux-amd64", nil},
		{"so is one that a template completes", "deploy-{branch}", strings.TrimPrefix(taken, "deploy-"), nil},
		{"a branch may begin like it", "{branch}", "deploy-faster", []string{"deploy-faster"}},
		{"a tag may have the commit", "deploy-{commit}", "main", []string{"deploy-0123456789abcdef0123456789abcdef01234567"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			words := Words{Branch: c.branch, Commit: "0123456789abcdef0123456789abcdef01234567"}
			described, err := read(map[string]string{"LAYERCACHE_IMAGE": repository, "LAYERCACHE_TAGS": c.tags}, words)
			if c.want == nil {
				require.ErrorContains(t, err, "tags of this form belong to deployments")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, described.Tags)
		})
	}
}

func TestABranchDoesNotTakeTheTagOfOnePlatformsImage(t *testing.T) {
	for _, c := range []struct {
		name, branch, tags string
		settings           map[string]string
		refused            string
	}{
		{"whose images are joined", "main-linux-amd64", "{branch}", map[string]string{"LAYERCACHE_PLATFORM_TAGS": "true", "LAYERCACHE_PLATFORMS": "linux/amd64"}, "belong to the images of one platform"},
		{"a variant", "main-linux-arm-v7", "{branch}", map[string]string{"LAYERCACHE_PLATFORM_TAGS": "true", "LAYERCACHE_PLATFORMS": "linux/amd64"}, "belong to the images of one platform"},
		{"that a template completes", "linux-amd64", "main-{branch}", map[string]string{"LAYERCACHE_PLATFORMS": "linux/amd64,linux/arm64"}, "belong to the images of one platform"},
		{"of a project without such images", "main-linux-amd64", "{branch}", nil, ""},
		{"but one that only has the word", "linux-amd64-fix", "{branch}", map[string]string{"LAYERCACHE_PLATFORMS": "linux/amd64,linux/arm64"}, ""},
		{"too long with the platform", strings.Repeat("a", 80), "{branch}-{commit}", map[string]string{"LAYERCACHE_PLATFORM_TAGS": "true", "LAYERCACHE_PLATFORMS": "linux/amd64"}, "at most 128"},
	} {
		t.Run(c.name, func(t *testing.T) {
			settings := map[string]string{"LAYERCACHE_IMAGE": repository, "LAYERCACHE_TAGS": c.tags}
			maps.Copy(settings, c.settings)
			_, err := read(settings, Words{Branch: c.branch, Commit: strings.Repeat("0123", 10)})
			if c.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.refused)
		})
	}
}
