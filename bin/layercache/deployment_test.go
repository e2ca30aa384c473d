package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/deployment"
	"github.com/layercache/layercache/internal/image"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/variables"
)

const (
	repository = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop"
	digest     = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// told is a deployment that waits, and the answers that it gets.
type told struct {
	*waitingDeployment
	answers []deployment.Answer
	stderr  strings.Builder
}

func newWaiting(t *testing.T, described image.Image) *told {
	t.Helper()
	w := &told{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var a deployment.Answer
		assert.NoError(t, json.Unmarshal(body, &a))
		w.answers = append(w.answers, a)
	}))
	t.Cleanup(server.Close)
	t.Setenv(variables.Ticket, deployment.Ticket{URL: server.URL + "/?X-Amz-Signature=secret", Image: repository, Tag: "deploy-1"}.String())
	t.Setenv("LAYERCACHE_SECRET_NPM", "token-of-npm\nsecond line\nab")
	t.Setenv("CODEBUILD_BUILD_URL", "https://console/build")
	var err error
	w.waitingDeployment, err = waiting(&w.stderr)
	require.NoError(t, err)
	w.expect(described)
	return w
}

var described = image.Image{Repository: repository, Tags: []string{"latest", "deploy-1"}, Push: true}

func TestWithoutATicketNobodyIsTold(t *testing.T) {
	d, err := waiting(io.Discard)
	require.NoError(t, err)
	require.Nil(t, d)
	d.expect(described)
	d.built(t.Context(), &report.Report{Image: digest})
	d.joined(t.Context(), nil)
	d.failed(t.Context(), errors.New("wrong setting"))
}

func TestABuildTellsTheDeploymentWhichImageItPushed(t *testing.T) {
	platform := described
	platform.Platforms, platform.PlatformTags = []string{"linux/arm64"}, true
	unpushed := described
	unpushed.Push = false
	others := described
	others.Tags = []string{"latest"}
	for name, c := range map[string]struct {
		described image.Image
		digest    string
		tells     bool
	}{
		"its image":                             {described, digest, true},
		"an image without a digest":             {described, "", false},
		"the image of one platform of a batch":  {platform, digest, false},
		"an image that is not pushed":           {unpushed, digest, false},
		"an image without the deployment's tag": {others, digest, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWaiting(t, c.described)
			w.built(t.Context(), &report.Report{Verdict: "used", VerdictReason: "all steps", Image: c.digest})
			if !c.tells {
				assert.Empty(t, w.answers, "the function looks for the image when the build has ended")
				return
			}
			require.Len(t, w.answers, 1)
			assert.Equal(t, "SUCCESS", w.answers[0].Status)
			assert.Equal(t, digest, w.answers[0].Data["ImageDigest"])
			assert.Contains(t, w.answers[0].Reason, "cache used: all steps")
			assert.Contains(t, w.stderr.String(), "answered the deployment")
		})
	}
}

func TestTheIndexOfABatchIsTheImageOfTheDeployment(t *testing.T) {
	w := newWaiting(t, described)
	hash, err := v1.NewHash(digest)
	require.NoError(t, err)
	w.joined(t.Context(), []image.PushedIndex{{Name: repository + ":latest", Digest: hash}, {Name: repository + ":deploy-1", Digest: hash}})
	require.Len(t, w.answers, 1)
	assert.Equal(t, digest, w.answers[0].Data["ImageDigest"])
}

func TestAFailedBuildTellsTheStepItsLastLinesTheVerdictAndALink(t *testing.T) {
	w := newWaiting(t, described)
	w.built(t.Context(), &report.Report{
		Verdict: "partly-used", VerdictReason: "a step changed", ExitCode: 1,
		Steps: []report.Step{
			{Instruction: "RUN slow", Error: "process did not complete: context canceled", Tail: "not this"},
			{Stage: "app", Instruction: "RUN make", Error: "exit code: 2", Tail: "first\n\x1b[31mlast\x1b[0m token-of-npm\nsecond line and ab\n"},
		},
	})
	require.Len(t, w.answers, 1)
	assert.Equal(t, "FAILED", w.answers[0].Status)
	assert.Equal(t, strings.Join([]string{
		"failed: [app] RUN make", "exit code: 2", "cache partly used: a step changed; cache not written; the build failed (exit status 1)",
		"first", "last ***", "*** and ab", "https://console/build",
	}, "\n"), w.answers[0].Reason, "secrets and escape sequences are not shown")
}

func TestABuildThatIsStoppedTellsIt(t *testing.T) {
	w := newWaiting(t, described)
	ctx, stop := context.WithCancelCause(t.Context())
	stop(run.Stopped{Signal: syscall.SIGTERM})
	w.built(ctx, &report.Report{Verdict: "cold", VerdictReason: "there is no cache yet", ExitCode: 143})
	require.Len(t, w.answers, 1, "although the context has ended")
	assert.True(t, strings.HasPrefix(w.answers[0].Reason, "stopped by signal: terminated\ncache cold"), w.answers[0].Reason)
}

func TestABuildThatCannotStartTellsWhy(t *testing.T) {
	w := newWaiting(t, described)
	w.failed(t.Context(), errors.New("LAYERCACHE_TAGS is wrong"))
	require.Len(t, w.answers, 1)
	assert.Equal(t, "LAYERCACHE_TAGS is wrong\nhttps://console/build", w.answers[0].Reason)
}

func TestASecretThatStartsWithAnotherIsHidden(t *testing.T) {
	secrets := []string{"LAYERCACHE_SECRET_A=user", "LAYERCACHE_SECRET_B=user:password", "LAYERCACHE_SECRET_C=user:password:admin"}
	assert.Equal(t, "login *** *** ***", hidingSecrets(secrets).Replace("login user user:password user:password:admin"))
}
