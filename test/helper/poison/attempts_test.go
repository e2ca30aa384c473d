//go:build linux

package poison

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/variables"
)

// unclaimed is an image of an upstream that was never pulled through the cache.
const unclaimed = "docker/library/unclaimed"

// The sources of the first release and of the next ones.
const (
	first  = "first\n"
	second = "second\n"
	third  = "third\n"
	fourth = "fourth\n"
)

// attempt is one way to change the result of a release, in a deployment where a release was built before.
type attempt struct {
	name string
	run  func(w *running)
	// next is the source of the release after the attempt. For the attempts on the cache mount it differs, which
	// makes the step run.
	next string
}

var attempts = []attempt{
	{"the policies refuse a push to the tag of the release's cache", func(w *running) {
		forged := w.forge(w.cache, w.tag, w.as(w.pullRequest))
		w.refuses(w.cache, w.plant(forged, w.cache, w.tag, w.as(w.pullRequest)))
		old, err := remote.Get(w.ref(w.cache, w.tag+"--steps"), w.as(w.pullRequest)...)
		require.NoError(w.t, err)
		w.refuses(w.cache, remote.Put(w.ref(w.cache, w.tag), old, w.as(w.pullRequest)...))
	}, first},
	{"the policies refuse a push to the record of the release's cache", func(w *running) {
		cache, err := remote.Get(w.ref(w.cache, w.tag), w.as(w.pullRequest)...)
		require.NoError(w.t, err)
		w.refuses(w.cache, remote.Put(w.ref(w.cache, w.tag+"--steps"), cache, w.as(w.pullRequest)...))
	}, first},
	{"the policies refuse an export to the release's cache that the variables name", func(w *running) {
		got := w.proposes("other\n", map[string]string{
			"LAYERCACHE_REPOSITORY": w.cache, "LAYERCACHE_BRANCH": "main", "LAYERCACHE_WRITE": "true", "LAYERCACHE_REFRESH": "true",
		})
		assert.Zero(w.t, got.exitCode, got.log)
		require.NotNil(w.t, got.Report, got.log)
		assert.Equal(w.t, w.cache+":"+w.tag, got.Refs.Export, "the build must try to export to the release's cache")
		assert.Equal(w.t, "failed", got.Exported)
		assert.Contains(w.t, strings.Join(got.Warnings, "\n"), "the cache could not be written to "+w.cache)
	}, first},
	{"a pull request's branch with the name of the default branch stays in its own tier, which no release reads", func(w *running) {
		got := w.proposes(first, map[string]string{"LAYERCACHE_BRANCH": "main"})
		assert.Equal(w.t, "yes", got.Exported, got.log)
		assert.Equal(w.t, w.prCache+":"+w.tag, got.Refs.Export)
		forged := w.forge(w.prCache, w.tag, w.as(w.pullRequest))
		require.NoError(w.t, w.plant(forged, w.prCache, w.tag, w.as(w.pullRequest)), "a pull request may write to its own tier")
	}, first},
	{"the branch main of a fork has the scope of the pull request", func(w *running) {
		got := w.proposes(first, map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "pr/7", "CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/main"})
		assert.NotEqual(w.t, w.prCache+":"+w.tag, got.Refs.Export)
		assert.Contains(w.t, got.Refs.Export, "pr-7-")
	}, first},
	{"a branch with a name similar to the default branch has a separate tag", func(w *running) {
		scope := cache.Scope{App: w.release.Value("LAYERCACHE_APP"), Platform: "linux/" + runtime.GOARCH, Branch: "main"}
		require.Equal(w.t, w.tag, cache.Tag(scope))
		for _, branch := range lookalikes {
			scope.Branch = branch
			assert.NotEqual(w.t, w.tag, cache.Tag(scope), branch)
		}
		got := w.releases("other\n", "CODEBUILD_WEBHOOK_TRIGGER", "branch/"+lookalikes[0])
		assert.Equal(w.t, "yes", got.Exported, got.log)
		assert.NotEqual(w.t, w.cache+":"+w.tag, got.Refs.Export)
	}, first},
	{"the policies refuse an image with an inline cache at the tag of a release", func(w *running) {
		got := w.proposes(first, map[string]string{
			"LAYERCACHE_MODE": variables.ModeInline, "LAYERCACHE_PUSH": "true", "LAYERCACHE_IMAGE": w.image, "LAYERCACHE_TAGS": "latest",
		})
		assert.NotZero(w.t, got.exitCode, "the refused push must fail the attacker's build")
		assert.Contains(w.t, got.log, "not authorized to perform: ecr:")
	}, first},
	{"the policies refuse a push to the repository of a base image", func(w *running) {
		w.refuses(w.mirror, remote.Write(w.ref(w.mirror, "1.37"), w.evilBase(), w.as(w.pullRequest)...))
	}, first},
	{"the policies refuse to create the repository of a new base image, and a push to it", func(w *running) {
		place, _, _ := strings.Cut(w.mirror, "/docker/")
		_, name, _ := strings.Cut(place+"/"+unclaimed, "/")
		require.ErrorContains(w.t, w.createRepository(name), "is not authorized to perform: ecr:CreateRepository")
		image, err := random.Image(100, 1)
		require.NoError(w.t, err)
		w.refuses(place+"/"+unclaimed, remote.Write(w.ref(place+"/"+unclaimed, "1"), image, w.as(w.pullRequest)...))
	}, first},
	{"a pull request reads the cache mount of releases, and saves its own in its own tier", func(w *running) {
		before := w.digest(w.mountTag())
		got := w.proposes(second, map[string]string{"LAYERCACHE_BRANCH": "main"})
		assert.Contains(w.t, got.log, "cache mounts: 1 restored, ")
		_, err := remote.Get(w.ref(w.prCache, w.mountTag()), w.as(w.pullRequest)...)
		assert.NoError(w.t, err)
		assert.Equal(w.t, before, w.digest(w.mountTag()), "the release's mount must not change")
	}, first},
	{"a file that a pull request leaves in a cache mount stays in the tier of pull requests", func(w *running) {
		got := w.run(build{w.pullRequest, source{"Dockerfile": w.leaves(), "src.txt": second}, map[string]string{"LAYERCACHE_BRANCH": "main"}})
		assert.Equal(w.t, "yes", got.Exported, got.log)
		assert.Contains(w.t, w.mountFiles(w.prCache, w.as(w.pullRequest)), "poison")
		assert.Equal(w.t, []string{".release"}, w.mountFiles(w.cache, w.as(w.release)))
	}, second},
	{"the policies refuse a push of a cache mount to the cache of releases", func(w *running) {
		w.refuses(w.cache, w.copyMount(w.as(w.pullRequest)))
	}, third},
	{"the policies refuse a save of a cache mount to the release's cache that the variables name", func(w *running) {
		before := w.digest(w.mountTag())
		got := w.run(build{w.pullRequest, source{"Dockerfile": w.leaves(), "src.txt": "other\n"}, map[string]string{
			"LAYERCACHE_REPOSITORY": w.cache, "LAYERCACHE_BRANCH": "main", "LAYERCACHE_WRITE": "true",
		}})
		assert.Zero(w.t, got.exitCode, got.log)
		assert.Contains(w.t, got.log, "warning: cache mount deps: not saved: ")
		assert.Equal(w.t, before, w.digest(w.mountTag()))
	}, fourth},
}

// lookalikes are branch names that could give the same tag as the default branch, because a tag allows few
// characters.
var lookalikes = []string{
	"Main", "MAIN", "main-", "-main", "--main", "main ", " main", "main/", "/main", ".main", "main.", "m\u0430in", "main\x00", "main\n",
	"main--steps", "main-steps", "refs/heads/main", "heads/main", "linux-amd64--main", "api--linux-amd64--main", "main/../main", "\u202emain",
}

// refuses checks that err is a refused push, and that the role of pull requests is refused each request of a
// push.
func (w *running) refuses(repository string, err error) {
	w.t.Helper()
	var answer *transport.Error
	require.ErrorAs(w.t, err, &answer)
	assert.Equal(w.t, http.StatusForbidden, answer.StatusCode)
	host, name, _ := strings.Cut(repository, "/")
	const blob = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for action, call := range map[string][2]string{
		"ecr:BatchCheckLayerAvailability": {http.MethodHead, "blobs/" + blob},
		"ecr:InitiateLayerUpload":         {http.MethodPost, "blobs/uploads/"},
		"ecr:UploadLayerPart":             {http.MethodPatch, "blobs/uploads/1"},
		"ecr:CompleteLayerUpload":         {http.MethodPut, "blobs/uploads/1?digest=" + blob},
		"ecr:PutImage":                    {http.MethodPut, "manifests/" + w.tag},
		"ecr:BatchDeleteImage":            {http.MethodDelete, "manifests/" + blob},
	} {
		request, err := http.NewRequestWithContext(w.t.Context(), call[0], "https://"+host+"/v2/"+name+"/"+call[1], nil)
		require.NoError(w.t, err)
		request.SetBasicAuth("AWS", w.aws.Token(session(w.pullRequest.ServiceRole), time.Hour))
		got, err := w.aws.Transport().RoundTrip(request)
		require.NoError(w.t, err)
		body, err := io.ReadAll(got.Body)
		require.NoError(w.t, errors.Join(err, got.Body.Close()))
		assert.Equal(w.t, http.StatusForbidden, got.StatusCode, action)
		if call[0] != http.MethodHead {
			assert.Contains(w.t, string(body), "is not authorized to perform: "+action+" on resource: "+repository)
		}
	}
}

// createRepository creates a repository in the account of the builds, as the role of pull requests.
func (w *running) createRepository(name string) error {
	client := ecr.New(ecr.Options{
		Region: w.pullRequest.Region, BaseEndpoint: aws.String(w.aws.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(pullRequestKey, "secret", "session"),
	})
	_, err := client.CreateRepository(w.t.Context(), &ecr.CreateRepositoryInput{RepositoryName: &name})
	return err
}
