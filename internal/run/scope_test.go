package run

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/variables"
)

// build is one call of the helper in a checkout.
type scopedBuild struct {
	// dir is the working directory, relative to the checkout, and args are the words of the arguments.
	dir, args string
	env       map[string]string
	app       string
}

// tagOf returns the tag that the build writes.
func (b scopedBuild) tagOf(t *testing.T, checkout string) string {
	t.Helper()
	lookup := func(variable string) (string, bool) {
		value, ok := b.env[variable]
		return strings.ReplaceAll(value, "CHECKOUT", checkout), ok
	}
	request := Request{Dir: filepath.Join(checkout, b.dir), LookupEnv: lookup, Settings: variables.Settings{App: b.app}}
	_, write := cache.Tags(scopeOf(t.Context(), request, buildx.ParseArgs(strings.Fields(strings.ReplaceAll(b.args, "CHECKOUT", checkout)))), "main")
	return write
}

// checkout returns a Git checkout named shop with the folders api and web.
func checkout(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "shop")
	for _, folder := range []string{".git", "api", "web", "tmp.Xy12", "cdk.out/asset.0a1b2c3d4e5f", "services/v2", "api,file=x", `api\`, `api\,file=x`} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, folder), 0o755))
	}
	return root
}

func codebuild(pairs ...string) map[string]string {
	env := map[string]string{"CODEBUILD_SRC_DIR": "CHECKOUT", "CODEBUILD_BUILD_ID": "project:1"}
	for i := 0; i < len(pairs); i += 2 {
		env["CODEBUILD_"+pairs[i]] = pairs[i+1]
	}
	return env
}

func TestBuildsOfDifferentImagesHaveDifferentCaches(t *testing.T) {
	cases := []struct {
		name string
		a, b scopedBuild
	}{
		{"two Dockerfiles and two tags of one repository", scopedBuild{args: "-t r.example/images:api -f Dockerfile.api ."}, scopedBuild{args: "-t r.example/images:web -f Dockerfile.web ."}},
		{"two contexts and two tags of one repository", scopedBuild{args: "-t r.example/images:api api"}, scopedBuild{args: "-t r.example/images:web web"}},
		{"two contexts without a tag", scopedBuild{args: "api"}, scopedBuild{args: "web"}},
		{"two working directories without a tag", scopedBuild{dir: "api", args: "."}, scopedBuild{dir: "web", args: "."}},
		{"two working directories and one image repository", scopedBuild{dir: "api", args: "-t images:api ."}, scopedBuild{dir: "web", args: "-t images:web ."}},
		{"two targets", scopedBuild{args: "-t shop --target test ."}, scopedBuild{args: "-t shop --target prod ."}},
		{"a target and the last stage", scopedBuild{args: "-t shop --target test ."}, scopedBuild{args: "-t shop ."}},
		{"a Dockerfile of another context", scopedBuild{args: "-t shop -f api/Dockerfile ."}, scopedBuild{args: "-t shop api"}},
		{"a context whose name looks like a context and a Dockerfile", scopedBuild{args: "-t shop api,file=x"}, scopedBuild{args: "-t shop -f x api"}},
		{"a context whose name ends in a backslash", scopedBuild{args: `-t shop api\,file=x`}, scopedBuild{args: `-t shop -f x api\`}},
		{"two image repositories that end alike", scopedBuild{args: "-t r.example/team-a/api ."}, scopedBuild{args: "-t r.example/team-b/api ."}},
		{"an image repository in a namespace and one without", scopedBuild{args: "-t r.example/team/api ."}, scopedBuild{args: "-t r.example/api ."}},
		{"two folders of a Git context", scopedBuild{args: "-t shop https://git.example/o/r.git#main:api"}, scopedBuild{args: "-t shop https://git.example/o/r.git#main:web"}},
		{"two Git contexts without a tag", scopedBuild{args: "https://git.example/o/a.git"}, scopedBuild{args: "https://git.example/o/b.git"}},
		{"two sources in CodeBuild without a tag", scopedBuild{args: ".", env: codebuild("SOURCE_REPO_URL", "https://github.com/org/a.git")}, scopedBuild{args: ".", env: codebuild("SOURCE_REPO_URL", "https://github.com/org/b.git")}},
		{"two organizations in CodeBuild without a tag", scopedBuild{args: ".", env: codebuild("SOURCE_REPO_URL", "https://github.com/x/a.git")}, scopedBuild{args: ".", env: codebuild("SOURCE_REPO_URL", "https://github.com/y/a.git")}},
		{"two projects of a source in S3 without a tag", scopedBuild{args: ".", env: codebuild("BUILD_ID", "api:1", "SOURCE_REPO_URL", "bucket/a.zip")}, scopedBuild{args: ".", env: codebuild("BUILD_ID", "web:1", "SOURCE_REPO_URL", "bucket/b.zip")}},
		{"two apps", scopedBuild{args: "-t shop .", app: "api"}, scopedBuild{args: "-t shop .", app: "web"}},
		{"a pull request and a branch of its name", scopedBuild{args: "-t shop .", env: codebuild("WEBHOOK_TRIGGER", "pr/7")}, scopedBuild{args: "-t shop .", env: codebuild("WEBHOOK_TRIGGER", "branch/pr/7")}},
		{"a Git tag and a branch of its name", scopedBuild{args: "-t shop .", env: codebuild("WEBHOOK_TRIGGER", "tag/main", "WEBHOOK_HEAD_REF", "refs/tags/main")}, scopedBuild{args: "-t shop .", env: codebuild("WEBHOOK_TRIGGER", "branch/main")}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root := checkout(t)
			assert.NotEqual(t, c.a.tagOf(t, root), c.b.tagOf(t, root))
		})
	}
}

func TestBuildsOfOneImageShareACache(t *testing.T) {
	cases := []struct {
		name string
		a, b scopedBuild
	}{
		{"two tags", scopedBuild{args: "-t shop:v1 ."}, scopedBuild{args: "-t shop:0123456789abcdef ."}},
		{"two registries", scopedBuild{args: "-t a.example/shop:1 ."}, scopedBuild{args: "-t b.example:5000/shop:1 ."}},
		{"another working directory", scopedBuild{args: "-t shop api"}, scopedBuild{dir: "api", args: "-t shop ."}},
		{"another working directory and no tag", scopedBuild{args: "api"}, scopedBuild{dir: "api", args: "."}},
		{"another spelling of the Dockerfile", scopedBuild{args: "-t shop ."}, scopedBuild{args: "-t shop --file=./Dockerfile CHECKOUT"}},
		{"the lower-case Dockerfile", scopedBuild{args: "-t shop ."}, scopedBuild{args: "-t shop -f dockerfile ."}},
		{"a staged asset of the CDK", scopedBuild{args: "-t shop cdk.out/asset.0a1b2c3d4e5f"}, scopedBuild{args: "-t shop cdk.out/asset.ffffffff0123"}},
		{"a temporary context in the checkout", scopedBuild{args: "-t shop tmp.Xy12"}, scopedBuild{args: "-t shop tmp.Ab99"}},
		{"a temporary Dockerfile outside of the checkout", scopedBuild{args: "-t shop -f /tmp/a/Dockerfile ."}, scopedBuild{args: "-t shop -f /tmp/b/Dockerfile ."}},
		{"two commits of a Git context", scopedBuild{args: "-t shop https://user:secret@git.example/o/r.git#v1:api"}, scopedBuild{args: "-t shop https://git.example/o/r.git#v2:api"}},
		{"two builds of a project whose source is a new object each time", scopedBuild{args: ".", env: codebuild("SOURCE_REPO_URL", "bucket/1.zip")}, scopedBuild{args: ".", env: codebuild("SOURCE_REPO_URL", "bucket/2.zip", "BUILD_ID", "project:2")}},
		{"an app that the user names", scopedBuild{args: "-t images:api -f Dockerfile.api --target x .", app: "shop"}, scopedBuild{args: "-t images:web web", app: "shop"}},
		{"two Git tags", scopedBuild{args: "-t shop .", env: codebuild("WEBHOOK_TRIGGER", "tag/v1")}, scopedBuild{args: "-t shop .", env: codebuild("WEBHOOK_TRIGGER", "tag/v2")}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root := checkout(t)
			assert.Equal(t, c.a.tagOf(t, root), c.b.tagOf(t, root))
		})
	}
}

// If these tags changed, no existing cache would be found again.
func TestTheTagsOfTheUsualBuild(t *testing.T) {
	host := "--linux-" + runtime.GOARCH + "--main"
	cases := []struct {
		name  string
		build scopedBuild
		want  string
	}{
		{"an image from the root of a checkout", scopedBuild{args: "-t r.example/shop:v1 ."}, "shop" + host},
		{"no image", scopedBuild{args: "."}, "shop" + host},
		{"a named app", scopedBuild{args: "-t r.example/team/x --target prod api", app: "cart"}, "cart" + host},
		{"a folder whose name has a version", scopedBuild{args: "-t shop services/v2"}, "shop-context-services-v2-" + "6309e274e7" + host},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, c.build.tagOf(t, checkout(t))) })
	}
}

func TestADirectoryWithoutACheckoutIsTheRoot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folder")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	assert.Equal(t, "folder--linux-"+runtime.GOARCH+"--main", scopedBuild{args: "."}.tagOf(t, dir))
}
