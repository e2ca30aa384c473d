package verdict

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/report"
)

const noCredentials = `operation error ECR: GetAuthorizationToken, get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata`

// The errors are those of buildkitd v0.34.2 and buildx v0.38.2.
func TestWhyABuildFailed(t *testing.T) {
	const noHost = `failed to do request: Head "https://registry.example/v2/x/manifests/1": dial tcp: lookup registry.example on 10.0.0.2:53: no such host`
	signIns := SignIns{"111122223333.dkr.ecr.eu-west-1.amazonaws.com": noCredentials}
	cases := []struct {
		name, vertex, problem, buildxError string
		kind, reason, anchor               string
	}{
		{"a step", "[build 2/3] RUN make", `process "/bin/sh -c make" did not complete successfully: exit code: 2`, "",
			report.FailureStep, "[build 2/3] RUN make failed with exit code 2", "step-failed"},
		{"a step that was killed", "[2/2] RUN make", `process "/bin/sh -c make" did not complete successfully: exit code: 137`, "",
			report.FailureStep, "[2/2] RUN make was killed (exit code 137), usually for lack of memory", "step-failed"},
		{"a base image that does not exist", "[internal] load metadata for registry.example/x:1", "registry.example/x:1: not found", "",
			report.FailurePull, "the image registry.example/x:1 does not exist", "image-pull"},
		{"a base image whose registry is not found", "[internal] load metadata for docker.io/library/go:1", noHost, "",
			report.FailurePull, "the image docker.io/library/go:1 could not be pulled: the registry's host name could not be resolved (DNS)", "dns"},
		{"a base image that may not be read", "[1/2] FROM registry.example/x:1", "unexpected status from HEAD request: 403 Forbidden", "",
			report.FailurePull, "the image registry.example/x:1 could not be pulled: access was denied (403)", "image-pull"},
		{"a base image without a sign-in", "[internal] load metadata for 111122223333.dkr.ecr.eu-west-1.amazonaws.com/x:1", noHost, "",
			report.FailurePull, "could not be pulled: the sign-in to its registry failed: there are no AWS credentials", "no-credentials"},
		{"a frontend", "resolve image config for docker-image://docker.io/docker/dockerfile:9", "docker.io/docker/dockerfile:9: not found", "",
			report.FailurePull, "the image docker.io/docker/dockerfile:9 does not exist", "image-pull"},
		{"an image that only buildx names", "", "", "ERROR: failed to build: failed to solve: x:1: failed to resolve source metadata for docker.io/library/x:1: docker.io/library/x:1: not found",
			report.FailurePull, "the image docker.io/library/x:1 does not exist", "image-pull"},
		{"a push that is refused", "exporting to image", "failed to push registry.example/shop:1: unexpected status from POST request: 403 Forbidden", "",
			report.FailurePush, "the image could not be pushed to registry.example/shop:1: access was denied (403)", "image-push"},
		{"a file that does not exist", "", "", `ERROR: failed to build: failed to solve: failed to compute cache key: failed to calculate checksum of ref a::b: "/nothing": not found`,
			report.FailureContext, `an instruction takes "/nothing", which does not exist`, "missing-file"},
		{"a full disk", "[2/2] RUN make", "failed to copy: write /x: no space left on device", "", report.FailureOther, "the disk is full", "disk-full"},
		{"a Dockerfile that cannot be read", "", "", "ERROR: failed to build: failed to solve: dockerfile parse error on line 2: unknown instruction: FOO",
			report.FailureOther, "dockerfile parse error on line 2: unknown instruction: FOO", "the-build-failed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			now := time.Now()
			var failed []*progress.Node
			if c.vertex != "" {
				failed = append(failed, &progress.Node{Vertex: progress.Vertex{Name: c.vertex, Error: c.problem, Completed: &now}})
			}
			got := ExplainFailure(failed, c.buildxError, signIns)
			require.NotNil(t, got)
			assert.Equal(t, c.kind, got.Kind)
			assert.Contains(t, got.Reason, c.reason)
			assert.Equal(t, c.anchor, got.Help.Anchor)
			assert.NotEmpty(t, got.Help.Advice)
		})
	}
	assert.Nil(t, ExplainFailure(nil, "", nil), "nothing is known")
}

// Endpoints of a VPC are only for services of AWS: docs/how-to/vpc.md.
func TestTheAdviceAboutAHostThatIsNotFoundDependsOnTheHost(t *testing.T) {
	const endpoint, nat = "needs an endpoint for it", "needs NAT for it, or a pull-through cache that has the image"
	for problem, want := range map[string]string{
		`Head "https://registry-1.docker.io/v2/library/busybox/manifests/1": dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: no such host`: nat,
		"dial tcp: lookup public.ecr.aws: no such host":                                                    nat,
		"dial tcp: lookup notamazonaws.com: no such host":                                                  nat,
		"dial tcp: lookup 111122223333.dkr.ecr.eu-west-1.amazonaws.com on 10.0.0.2:53: server misbehaving": endpoint,
		"dial tcp: lookup api.ecr.cn-north-1.amazonaws.com.cn: no such host":                               endpoint,
		"dial tcp: lookup prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com: no such host":   endpoint,
		"could not reach the registry: Temporary failure in name resolution":                               "see how builds in a VPC reach it",
	} {
		_, ofCache := explain(problem, errortext.KindOf(problem))
		_, ofImage := explainOfImage(problem, Help{"pull it", "image-pull"})
		assert.Contains(t, ofCache.Advice, want, problem)
		assert.Equal(t, Help{ofCache.Advice, "dns"}, ofImage, problem)
	}
}

func TestTheFirstFailureCounts(t *testing.T) {
	early, late := time.Now(), time.Now().Add(time.Second)
	node := func(name, problem string, at time.Time) *progress.Node {
		return &progress.Node{Vertex: progress.Vertex{Name: name, Error: problem, Completed: &at}}
	}
	got := ExplainFailure([]*progress.Node{
		node("RUN cancelled", "context canceled", early.Add(-time.Second)),
		node("RUN late", "did not complete successfully: exit code: 2", late), node("RUN early", "did not complete successfully: exit code: 1", early),
	}, "", nil)
	assert.Equal(t, "RUN early failed with exit code 1", got.Reason)
}

func TestAFailedSignInIsTheFirstCause(t *testing.T) {
	cases := []struct{ name, problem, cause, anchor string }{
		{"no credentials", noCredentials, "there are no AWS credentials", "no-credentials"},
		{"expired credentials", "operation error ECR: GetAuthorizationToken, https response error StatusCode: 400, ExpiredTokenException: The security token included in the request is expired", "the AWS credentials have expired", "no-credentials"},
		{"credentials of nobody", "UnrecognizedClientException: The security token included in the request is invalid.", "AWS does not accept the credentials", "no-credentials"},
		{"an identity that may not sign in", "AccessDeniedException: User: arn:aws:iam::1:user/x is not authorized to perform: ecr:GetAuthorizationToken", "ecr:GetAuthorizationToken is not allowed", "sign-in-denied"},
		{"a role that may not be assumed", "get credentials: operation error STS: AssumeRole, AccessDenied: not authorized to perform: sts:AssumeRole", "the role could not be assumed", "role"},
		{"an API that is not found", "dial tcp: lookup api.ecr.eu-west-1.amazonaws.com: no such host", "the registry's host name could not be resolved (DNS)", "dns"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Decide(Evidence{
				On: true, Refs: []string{ref}, Steps: steps(0, 2), Imports: []progress.Import{{Ref: ref, Error: "lookup x: no such host"}},
				SignIns: SignIns{"111122223333.dkr.ecr.eu-west-1.amazonaws.com": c.problem},
			})
			assert.Equal(t, ImportFailed, got.Name)
			assert.Equal(t, "the cache could not be read: the sign-in to the registry failed: "+c.cause, got.Reason)
			assert.Equal(t, c.anchor, got.Help.Anchor)
			assert.Contains(t, got.Warnings[0], c.cause)
		})
	}
	const fallback = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/cache:main"
	got := Decide(Evidence{
		On: true, Refs: []string{ref, fallback}, Steps: steps(0, 2), Imports: []progress.Import{{Ref: ref, Error: "401"}, {Ref: fallback, Error: "401"}},
		SignIns: SignIns{"111122223333.dkr.ecr.eu-west-1.amazonaws.com": noCredentials},
	})
	assert.Equal(t, []string{"the caches " + ref + " and " + fallback + " could not be read: the sign-in to the registry failed: there are no AWS credentials"}, got.Warnings)
	got = Decide(Evidence{On: true, Refs: []string{notECR}, Steps: steps(0, 2), Imports: []progress.Import{{Ref: notECR, Error: "403 Forbidden"}}, SignIns: SignIns{"other.example": "no"}})
	assert.Equal(t, "the cache could not be read: access to the cache repository was denied (403)", got.Reason)
	assert.Equal(t, "denied", got.Help.Anchor)
}

var (
	helps   = regexp.MustCompile("Help\\{\"([^\"]+)\",\\s*\"([a-z-]+)\"\\}")
	anchors = regexp.MustCompile(`<a id="([a-z-]+)"></a>`)
	heading = regexp.MustCompile(`(?m)^## (.+)$`)
)

// What a message links to is there, and nothing has an anchor that no message uses.
func TestEveryAnchorIsOnThePage(t *testing.T) {
	page, err := os.ReadFile("../../" + Page)
	require.NoError(t, err)
	there := map[string]bool{}
	for _, match := range anchors.FindAllStringSubmatch(string(page), -1) {
		assert.False(t, there[match[1]], "two places have the anchor %s", match[1])
		there[match[1]] = true
	}
	used := map[string]bool{}
	for _, file := range []string{"help.go", "registryerror.go", "failure.go"} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range helps.FindAllStringSubmatch(string(content), -1) {
			used[match[2]] = true
		}
	}
	require.Greater(t, len(used), 15)
	sections := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(string(page), -1) {
		sections[strings.ReplaceAll(strings.ToLower(match[1]), " ", "-")] = true
	}
	for anchor := range used {
		assert.True(t, there[anchor] || sections[anchor], "%s has no place with the anchor %s", Page, anchor)
	}
	for anchor := range there {
		assert.True(t, used[anchor], "no message uses the anchor %s of %s", anchor, Page)
	}
}
