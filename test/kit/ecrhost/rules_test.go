//go:build linux

package ecrhost_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	registrytypes "github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/ecrhost"
)

// user is a client with a token for the registries.
type user struct {
	t      *testing.T
	server *ecrhost.Server
}

func newUser(t *testing.T, registries map[string]ecrhost.Registry) user {
	t.Helper()
	server, err := ecrhost.Start(ecrhost.Config{Dir: t.TempDir(), Registries: registries})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return user{t, server}
}

func (u user) options() []remote.Option {
	auth := &authn.Basic{Username: "AWS", Password: u.server.Token(ecrhost.Own, time.Hour)}
	return []remote.Option{remote.WithTransport(u.server.Transport()), remote.WithAuth(auth), remote.WithContext(u.t.Context())}
}

func (u user) push(image string) error {
	u.t.Helper()
	content, err := random.Image(100, 1)
	require.NoError(u.t, err)
	return u.write(image, content)
}

func (u user) write(image string, content v1.Image) error {
	u.t.Helper()
	ref, err := name.ParseReference(image)
	require.NoError(u.t, err)
	return remote.Write(ref, content, u.options()...)
}

func (u user) pull(image string) error {
	u.t.Helper()
	ref, err := name.ParseReference(image)
	require.NoError(u.t, err)
	_, err = remote.Get(ref, u.options()...)
	return err
}

// answered checks the error that a registry returned. If code is empty, the request must succeed.
func answered(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	if code == "" {
		require.NoError(t, err)
		return
	}
	var answer *transport.Error
	require.ErrorAs(t, err, &answer)
	assert.Equal(t, status, answer.StatusCode)
	require.NotEmpty(t, answer.Errors)
	assert.Equal(t, code, string(answer.Errors[0].Code))
	assert.Contains(t, answer.Errors[0].Message, message)
}

func TestARepositoryMustExist(t *testing.T) {
	u := newUser(t, map[string]ecrhost.Registry{imageHost: {}})
	unknown := "The repository with name 'team/shop' does not exist in the registry with id '111122223333'"
	answered(t, u.push(imageHost+"/team/shop:1"), http.StatusNotFound, "NAME_UNKNOWN", unknown)
	answered(t, u.pull(imageHost+"/team/shop:1"), http.StatusNotFound, "NAME_UNKNOWN", unknown)

	client := ecr.New(ecr.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(u.server.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(u.server.OwnKey()),
	})
	create := &ecr.CreateRepositoryInput{
		RepositoryName: aws.String("team/shop"), ImageTagMutability: types.ImageTagMutabilityImmutableWithExclusion,
		ImageTagMutabilityExclusionFilters: []types.ImageTagMutabilityExclusionFilter{
			{Filter: aws.String("cache-*"), FilterType: types.ImageTagMutabilityExclusionFilterTypeWildcard},
		},
	}
	created, err := client.CreateRepository(t.Context(), create)
	require.NoError(t, err)
	assert.Equal(t, imageHost+"/team/shop", *created.Repository.RepositoryUri)
	_, err = client.CreateRepository(t.Context(), create)
	var exists *types.RepositoryAlreadyExistsException
	assert.ErrorAs(t, err, &exists)

	answered(t, u.pull(imageHost+"/team/shop:1"), http.StatusNotFound, "MANIFEST_UNKNOWN", "Requested image not found")
	answered(t, u.push(imageHost+"/team/shop:1"), 0, "", "")
	answered(t, u.pull(imageHost+"/team/shop:1"), 0, "", "")
	answered(t, u.push(imageHost+"/team/shop:1"), http.StatusBadRequest, "TAG_INVALID", "immutable")
	answered(t, u.push(imageHost+"/team/shop:cache-1"), 0, "", "")
	answered(t, u.push(imageHost+"/team/shop:cache-1"), 0, "", "")
}

func TestAnImmutableTagCanBePushedOnlyOnce(t *testing.T) {
	repositories := map[string]ecrhost.Repository{
		"mutable":        {},
		"immutable":      {Mutability: ecrhost.Immutable},
		"all-but-caches": {Mutability: ecrhost.ImmutableWithExclusion, Exclusions: []string{"*--main", "latest"}},
		"releases-alone": {Mutability: ecrhost.MutableWithExclusion, Exclusions: []string{"v*"}},
	}
	u := newUser(t, map[string]ecrhost.Registry{imageHost: {Repositories: repositories}})
	for image, isImmutable := range map[string]bool{
		"mutable:1": false, "immutable:1": true,
		"all-but-caches:1": true, "all-but-caches:latest": false, "all-but-caches:latest2": true, "all-but-caches:not-latest": true,
		"all-but-caches:shop--main": false, "all-but-caches:shop--main2": true,
		"releases-alone:v1": true, "releases-alone:latest": false,
	} {
		t.Run(image, func(t *testing.T) {
			require.NoError(t, u.push(imageHost+"/"+image))
			err := u.push(imageHost + "/" + image)
			if !isImmutable {
				require.NoError(t, err)
				return
			}
			repository, tag, _ := strings.Cut(image, ":")
			answered(t, err, http.StatusBadRequest, "TAG_INVALID",
				"The image tag '"+tag+"' already exists in the '"+repository+"' repository and cannot be overwritten because the tag is immutable.")
		})
	}
}

func TestTheFirstPullThroughTheCacheCreatesTheRepository(t *testing.T) {
	u := newUser(t, map[string]ecrhost.Registry{mirrorHost: {PullThrough: map[string]string{"ecr-public": "public.ecr.aws"}}})
	const image = mirrorHost + "/ecr-public/docker/library/busybox:1.37"
	layer, err := random.Layer(100, registrytypes.OCILayer)
	require.NoError(t, err)
	upload := func() error {
		return remote.WriteLayer(name.MustParseReference(image).Context(), layer, u.options()...)
	}
	answered(t, upload(), http.StatusNotFound, "NAME_UNKNOWN", "does not exist")
	require.NoError(t, u.pull(image))
	require.NoError(t, upload(), "the repository must exist now")
	answered(t, u.pull(mirrorHost+"/docker-hub/library/busybox:1.37"), http.StatusNotFound, "NAME_UNKNOWN", "'docker-hub/library/busybox' does not exist")
}

func TestAnImageWithoutALayerIsRefused(t *testing.T) {
	u := newUser(t, map[string]ecrhost.Registry{imageHost: {Repositories: map[string]ecrhost.Repository{"shop": {}}}})
	answered(t, u.write(imageHost+"/shop:1", empty.Image), http.StatusMethodNotAllowed, "UNSUPPORTED", "Invalid parameter at 'ImageManifest'")
}

func TestARoleIncludesItsSessions(t *testing.T) {
	const session = "arn:aws:sts::111122223333:assumed-role/build/AWSCodeBuild-1"
	for role, want := range map[string]int{
		"arn:aws:iam::111122223333:role/build":       http.StatusOK,
		"arn:aws:iam::111122223333:role/teams/build": http.StatusOK,
		"arn:aws:iam::111122223333:role/builder":     http.StatusForbidden,
		"arn:aws:iam::444455556666:role/build":       http.StatusForbidden,
		"arn:aws:iam::111122223333:user/build":       http.StatusForbidden,
		session:                                      http.StatusOK,
	} {
		u := newUser(t, map[string]ecrhost.Registry{imageHost: {Principals: []string{role}}})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+imageHost+"/v2/", nil)
		require.NoError(t, err)
		request.SetBasicAuth("AWS", u.server.Token(session, time.Hour))
		answer, err := u.server.Transport().RoundTrip(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, want, answer.StatusCode, role)
	}
}

// BuildKit's older cache format is an index of layers.
func TestACacheThatIsNotAnImageIsRefused(t *testing.T) {
	p := newProject(t, ecrhost.Config{Registries: everyone()})
	p.env["LAYERCACHE_MODE"] = "off"
	to := "--cache-to=type=registry,mode=max,ignore-error=true,ref=" + imageHost + "/cache:plain"
	got := p.succeeds(p.build(to + ",image-manifest=false"))
	assert.Contains(t, got.log, "ERROR: error writing manifest blob: ")
	assert.True(t, p.has(imageHost, "/v2/cache/manifests/plain", http.StatusBadRequest))
	p.succeeds(p.build(to + ",image-manifest=true"))
	assert.True(t, p.has(imageHost, "/v2/cache/manifests/plain", http.StatusCreated))
}

func TestAMissingCacheRepositoryIsReported(t *testing.T) {
	registries := everyone()
	registries[cacheHost] = ecrhost.Registry{}
	p := newProject(t, ecrhost.Config{Registries: registries})
	got := p.succeeds(p.build())
	assert.Equal(t, "missing", got.Verdict)
	assert.True(t, p.has(imageHost, imageManifest, http.StatusCreated), "the image must be pushed anyway")
}
