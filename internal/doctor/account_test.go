package doctor

import (
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
	"github.com/layercache/layercache/internal/variables"
)

const host = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"

const everyRule = `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":30},"action":{"type":"expire"}}]}`

// wellSetUp returns the responses of ECR for an account that needs no fix.
func wellSetUp() map[string]awsfake.Answer {
	return map[string]awsfake.Answer{
		"GetAuthorizationToken": awsfake.Gives(map[string]any{"authorizationData": []any{map[string]any{
			"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:pa55word")), "expiresAt": 4_000_000_000,
		}}}),
		"DescribeRepositories": awsfake.Gives(map[string]any{"repositories": []any{map[string]any{
			"repositoryName": "layercache/dev", "imageTagMutability": "MUTABLE",
		}}}),
		"GetLifecyclePolicy":  awsfake.Gives(map[string]any{"lifecyclePolicyText": everyRule}),
		"GetRepositoryPolicy": awsfake.Fails(awsfake.Error{Code: "RepositoryPolicyNotFoundException"}),
		"DescribePullThroughCacheRules": awsfake.Gives(map[string]any{"pullThroughCacheRules": []any{map[string]any{
			"ecrRepositoryPrefix": "quay", "upstreamRegistryUrl": "quay.io",
		}}}),
	}
}

// registries answers for every registry host like a private ECR registry. It accepts the password of
// wellSetUp.
type registries struct{ status int }

func (r registries) RoundTrip(request *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	if _, password, _ := request.BasicAuth(); password != "pa55word" {
		answer.Header().Set("WWW-Authenticate", `Basic realm="ecr"`)
		answer.WriteHeader(http.StatusUnauthorized)
	} else {
		answer.WriteHeader(r.status)
	}
	response := answer.Result()
	response.Request = request
	return response, nil
}

// examine checks the settings against a fake account, and returns the checks and each one's name and state.
func examine(t *testing.T, answers map[string]awsfake.Answer, s variables.Settings, status int) (states []string, checks []Check) {
	t.Helper()
	server := awsfake.Serve(t, answers)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_CONFIG_FILE": "/dev/null/absent", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null/absent", "AWS_PROFILE": "", "DOCKER_CONFIG": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
	checks = newAccount(context.Background(), registries{status}).check(s)
	for _, check := range checks {
		states = append(states, check.Name+" "+string(check.State))
		assert.NotContains(t, check.Found+check.Fix, "pa55word")
	}
	return states, checks
}

func TestAnAccountIsChecked(t *testing.T) {
	cache := variables.Settings{Repository: host + "/layercache/dev"}
	notFound := func(code string) awsfake.Answer { return awsfake.Fails(awsfake.Error{Code: code, Message: "x"}) }
	cases := []struct {
		name     string
		answers  map[string]awsfake.Answer
		settings variables.Settings
		want     []string
	}{
		{"everything is correct", nil, cache, []string{"login ok", "registry ok", "cache ok", "tags ok", "lifecycle ok", "policy ok"}},
		{"a fallback repository in the same registry", nil, variables.Settings{Repository: cache.Repository, FallbackRepository: host + "/layercache/prod"},
			[]string{"login ok", "registry ok", "cache ok", "tags ok", "lifecycle ok", "policy ok", "fallback ok", "policy ok"}},
		{"mirrors", nil, variables.Settings{Mirrors: []variables.Mirror{{Upstream: "quay.io", Location: host + "/quay"}, {Upstream: "ghcr.io", Location: host + "/ghcr"}}},
			[]string{"login ok", "registry ok", "mirror ok", "mirror fail"}},
		{"nothing is set", nil, variables.Settings{}, []string{"account skipped"}},
		{"no repository", map[string]awsfake.Answer{"DescribeRepositories": notFound("RepositoryNotFoundException")}, cache, []string{"login ok", "registry ok", "cache fail"}},
		{"no lifecycle", map[string]awsfake.Answer{"GetLifecyclePolicy": notFound("LifecyclePolicyNotFoundException")}, cache,
			[]string{"login ok", "registry ok", "cache ok", "tags ok", "lifecycle warn", "policy ok"}},
		{"no sign-in", map[string]awsfake.Answer{"GetAuthorizationToken": awsfake.Denied("ecr:GetAuthorizationToken")}, cache, []string{"login fail"}},
		{"no sign-in, and a second repository", map[string]awsfake.Answer{"GetAuthorizationToken": awsfake.Denied("ecr:GetAuthorizationToken")},
			variables.Settings{Repository: cache.Repository, FallbackRepository: host + "/layercache/prod"}, []string{"login fail"}},
		{"AWS fails", map[string]awsfake.Answer{"GetRepositoryPolicy": notFound("InvalidParameterException")}, cache,
			[]string{"login ok", "registry ok", "cache ok", "tags ok", "lifecycle ok", "policy fail"}},
		{"no permission for any check", map[string]awsfake.Answer{
			"DescribeRepositories": awsfake.Denied("ecr:DescribeRepositories"), "GetLifecyclePolicy": awsfake.Denied("ecr:GetLifecyclePolicy"),
			"GetRepositoryPolicy": awsfake.Denied("ecr:GetRepositoryPolicy"), "DescribePullThroughCacheRules": awsfake.Denied("ecr:DescribePullThroughCacheRules"),
		}, variables.Settings{Repository: cache.Repository, Mirrors: []variables.Mirror{{Upstream: "quay.io", Location: host + "/quay"}}},
			[]string{"login ok", "registry ok", "cache skipped", "lifecycle skipped", "policy skipped", "mirror skipped"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answers := wellSetUp()
			maps.Copy(answers, c.answers)
			states, checks := examine(t, answers, c.settings, http.StatusOK)
			assert.Equal(t, c.want, states, "%v", checks)
			for _, check := range checks {
				if check.State == Skipped && check.Name != "account" {
					assert.Contains(t, check.Found, "not allowed to call ecr:")
				}
			}
		})
	}
}

func TestARegistryThatFailsOrRefusesTheSignInIsReported(t *testing.T) {
	s := variables.Settings{Repository: host + "/layercache/dev"}
	for status, message := range map[int]string{http.StatusForbidden: "refused the sign-in", http.StatusBadGateway: host} {
		_, checks := examine(t, wellSetUp(), s, status)
		assertCheck(t, checks[1], Fail, message)
	}
}

func TestARegistryOtherThanECRIsCheckedWithTheUsersSignIn(t *testing.T) {
	cases := []struct {
		name   string
		status map[string]int
		want   []string
	}{
		{"there is a cache", map[string]int{"/v2/": 200, "/v2/cache/": 200}, []string{"registry ok", "cache ok"}},
		{"there is no cache yet", map[string]int{"/v2/": 200, "/v2/cache/": 404}, []string{"registry ok", "cache ok"}},
		{"the repository refuses access", map[string]int{"/v2/": 200, "/v2/cache/": 403}, []string{"registry ok", "cache fail"}},
		{"the registry refuses access", map[string]int{"/v2/": 403}, []string{"registry fail"}},
		{"the registry is broken", map[string]int{"/v2/": 500}, []string{"registry fail"}},
		{"the repository is broken", map[string]int{"/v2/": 200, "/v2/cache/": 400}, []string{"registry ok", "cache fail"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("DOCKER_CONFIG", t.TempDir())
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				path := "/v2/"
				if strings.HasPrefix(r.URL.Path, "/v2/cache/") {
					path = "/v2/cache/"
					w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
					w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
					w.Header().Set("Content-Length", "2")
				}
				w.WriteHeader(c.status[path])
			}))
			defer server.Close()
			var states []string
			for _, check := range Account(context.Background(), variables.Settings{Repository: strings.TrimPrefix(server.URL, "http://") + "/cache"}) {
				states = append(states, check.Name+" "+string(check.State))
			}
			assert.Equal(t, c.want, states)
		})
	}
}

func TestTheFixForAnUnreachableRegistryNamesWhatToCheck(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	checks := Account(context.Background(), variables.Settings{Repository: strings.TrimPrefix(server.URL, "http://") + "/cache"})
	require.Len(t, checks, 1)
	assertCheck(t, checks[0], Fail, "cannot be reached")
	assert.Contains(t, checks[0].Fix, "DNS")
}
