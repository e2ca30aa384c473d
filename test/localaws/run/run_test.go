//go:build linux

package run_test

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/ecrhost"
	"github.com/layercache/layercache/test/localaws/agent"
)

// TestBuilds starts builds of one project one after the other, as a user does.
func TestBuilds(t *testing.T) {
	w := newAccount(t)

	t.Run("a build without --follow runs as the service role", func(t *testing.T) {
		got := w.start(w.project.Name)
		require.Zero(t, got.status, got.stderr)
		id := strings.TrimSpace(got.stdout)
		ended, err := w.builds.Wait(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, agent.Succeeded, ended.Status)
		assert.Equal(t, "cold", ended.Exported["LAYERCACHE_VERDICT"])
		assert.Equal(t, ended.Exported["LAYERCACHE_IMAGE_DIGEST"], w.image().Digest.String(), "the exported digest must be that of the image in the registry")
		assert.Empty(t, w.aws.Started()[0].EnvironmentVariablesOverride)

		_, uuid, _ := strings.Cut(id, ":")
		session := "arn:aws:sts::" + w.project.Account + ":assumed-role/" + path.Base(w.project.ServiceRole) + "/AWSCodeBuild-" + uuid
		assert.Equal(t, []string{session}, w.principals(http.MethodPut), "the principals that wrote")
		assert.Contains(t, w.principals(http.MethodGet), session, "the principals that read")
		var callers []string
		for _, call := range w.registry.Calls() {
			callers = append(callers, call.Action+" "+call.Principal)
		}
		assert.Equal(t, []string{"GetAuthorizationToken " + session}, callers)
		assert.True(t, slices.ContainsFunc(w.fetched(), func(path string) bool {
			return strings.HasPrefix(path, "/v2/ecr-public/docker/library/busybox/blobs/")
		}), "the base image must come through the pull-through cache")
	})

	t.Run("an override applies only to its build", func(t *testing.T) {
		got := w.start(w.project.Name, "--set", "LAYERCACHE_REFRESH=true", "--set", "LAYERCACHE_TAGS=v2", "--follow")
		require.Zero(t, got.status, got.stderr)
		assert.Contains(t, got.stdout, "Running command layercache image", "the output must have the log")
		assert.Contains(t, got.stdout, "layercache: cache ", "the output must have the end of the log")
		assert.Contains(t, got.stderr, "verdict cold")
		assert.Contains(t, got.stderr, "succeeded in")
		assert.True(t, w.has(http.MethodPut, "/manifests/v2"))

		build := w.described(startedID(t, got.stderr))
		assert.Equal(t, types.StatusTypeSucceeded, build.BuildStatus)
		assert.Equal(t, int64(2), *build.BuildNumber)
		assert.Equal(t, w.project.Source.Location, *build.Source.Location)
		assert.Equal(t, "layercache", *build.SecondarySources[0].SourceIdentifier)
		assert.Equal(t, "true", valueOf(build.Environment.EnvironmentVariables, "LAYERCACHE_REFRESH"))
		assert.Equal(t, w.project.Value("LAYERCACHE_IMAGE"), valueOf(build.Environment.EnvironmentVariables, "LAYERCACHE_IMAGE"))
		assert.Len(t, w.aws.Started()[1].EnvironmentVariablesOverride, 2)
	})

	t.Run("an unchanged source is built from the cache", func(t *testing.T) {
		got := w.start(w.project.Name, "--follow")
		require.Zero(t, got.status, got.stderr)
		assert.Contains(t, got.stderr, "verdict used, ")
		assert.Contains(t, got.stderr, "hit ratio 1.00")
	})

	t.Run("a failed build makes layercache start fail", func(t *testing.T) {
		w.source("FROM public.ecr.aws/docker/library/busybox:1.37\nRUN exit 3\n")
		got := w.start(w.project.Name, "--follow")
		assert.Equal(t, 1, got.status)
		assert.Contains(t, got.stdout, "Phase complete: BUILD State: FAILED")
		assert.Contains(t, got.stderr, "failed: BUILD: COMMAND_EXECUTION_ERROR: Error while executing command: layercache image. Reason: exit status 1")
	})

	t.Run("an unsupported source is a fault with an explanation", func(t *testing.T) {
		project := w.project
		project.Name, project.Source.Type, project.Source.Location = "from-github", "GITHUB", "https://github.com/acme/shop.git"
		require.NoError(t, w.aws.CreateProject(t.Context(), project))
		got := w.start(project.Name)
		require.Zero(t, got.status, got.stderr)
		id := strings.TrimSpace(got.stdout)
		_, err := w.builds.Wait(t.Context(), id)
		const why = "source https://github.com/acme/shop.git is of type GITHUB: only S3 and NO_SOURCE are supported here"
		require.ErrorContains(t, err, why)
		build := w.described(id)
		assert.Equal(t, types.StatusTypeFault, build.BuildStatus)
		assert.Contains(t, *build.Phases[0].Contexts[0].Message, why)
	})

	t.Run("an unsupported override is a fault too", func(t *testing.T) {
		started, err := w.api().StartBuild(t.Context(), &codebuild.StartBuildInput{ProjectName: &w.project.Name, BuildspecOverride: aws.String("version: 0.2")})
		require.NoError(t, err)
		_, err = w.builds.Wait(t.Context(), *started.Build.Id)
		assert.ErrorContains(t, err, "other overrides are not supported")
	})
}

// api returns a client of CodeBuild with the credentials of the account's administrator.
func (w *account) api() *codebuild.Client {
	return codebuild.NewFromConfig(w.user, func(o *codebuild.Options) { o.BaseEndpoint = &w.builds.Endpoint })
}

// described returns a build from the API.
func (w *account) described(id string) types.Build {
	w.t.Helper()
	out, err := w.api().BatchGetBuilds(w.t.Context(), &codebuild.BatchGetBuildsInput{Ids: []string{id}})
	require.NoError(w.t, err)
	require.Len(w.t, out.Builds, 1)
	return out.Builds[0]
}

// startedID returns the id in the first line of `layercache start --follow`.
func startedID(t *testing.T, stderr string) string {
	t.Helper()
	_, rest, ok := strings.Cut(stderr, "started build ")
	require.True(t, ok, stderr)
	id, _, _ := strings.Cut(rest, "\n")
	return id
}

func valueOf(variables []types.EnvironmentVariable, name string) string {
	for _, variable := range variables {
		if *variable.Name == name {
			return aws.ToString(variable.Value)
		}
	}
	return ""
}

// image returns the image with the project's tag from the registry.
func (w *account) image() *remote.Descriptor {
	w.t.Helper()
	ref, err := name.ParseReference(w.project.Value("LAYERCACHE_IMAGE") + ":latest")
	require.NoError(w.t, err)
	auth := &authn.Basic{Username: "AWS", Password: w.registry.Token(w.project.ServiceRole, time.Hour)}
	got, err := remote.Get(ref, remote.WithTransport(w.registry.Transport()), remote.WithAuth(auth))
	require.NoError(w.t, err)
	return got
}

// principals returns the principals with successful requests of the method, without duplicates.
func (w *account) principals(method string) []string {
	var found []string
	for _, request := range w.registry.Requests() {
		if request.Method == method && request.Status < 300 && !slices.Contains(found, request.Principal) {
			found = append(found, request.Principal)
		}
	}
	return found
}

// fetched returns the paths of all successful GET requests.
func (w *account) fetched() []string {
	var paths []string
	for _, request := range w.registry.Requests() {
		if request.Method == http.MethodGet && request.Status == http.StatusOK {
			paths = append(paths, request.Path)
		}
	}
	return paths
}

// has reports whether there was a successful request whose path ends with the suffix.
func (w *account) has(method, suffix string) bool {
	return slices.ContainsFunc(w.registry.Requests(), func(r ecrhost.Request) bool {
		return r.Method == method && strings.HasSuffix(r.Path, suffix) && r.Status < 300
	})
}
