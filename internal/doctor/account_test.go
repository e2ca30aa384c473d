package doctor

import (
	"context"
	"encoding/base64"
	"errors"
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
		"GetLifecyclePolicy":      awsfake.Gives(map[string]any{"lifecyclePolicyText": everyRule}),
		"GetRepositoryPolicy":     awsfake.Fails(awsfake.Error{Code: "RepositoryPolicyNotFoundException"}),
		"GetRegistryPolicy":       awsfake.Fails(awsfake.Error{Code: "RegistryPolicyNotFoundException"}),
		"GetSigningConfiguration": awsfake.Fails(awsfake.Error{Code: "SigningConfigurationNotFoundException"}),
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
	serve(t, answers)
	checks = newAccount(context.Background(), registries{status}).check(s)
	for _, check := range checks {
		states = append(states, check.Name+" "+string(check.State))
		assert.NotContains(t, check.Found+check.Fix, "pa55word")
	}
	return states, checks
}

// serve makes the test's AWS clients call a fake account.
func serve(t *testing.T, answers map[string]awsfake.Answer) {
	t.Helper()
	server := awsfake.Serve(t, answers)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_CONFIG_FILE": "/dev/null/absent", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null/absent", "AWS_PROFILE": "", "DOCKER_CONFIG": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
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

func TestARegistryPolicyIsComparedWithItsScope(t *testing.T) {
	policy := func(registry, statements string) awsfake.Answer {
		return awsfake.Gives(map[string]any{"registryId": registry, "policyText": `{"Version":"2012-10-17","Statement":` + statements + `}`})
	}
	scope := func(value string) awsfake.Answer {
		return awsfake.Gives(map[string]any{"name": "REGISTRY_POLICY_SCOPE", "value": value})
	}
	const own, everyScope, tags = "111122223333", `[{"Effect":"Allow","Principal":"*","Action":["ecr:CreateRepository","ecr:BatchImportUpstreamImage"]}]`,
		`[{"Effect":"Allow","Principal":"*","Action":"ecr:CreateRepository"},{"Effect":"Allow","Principal":"*","Action":"ecr:TagResource"}]`
	cases := []struct {
		name          string
		policy, scope awsfake.Answer
		want          []string
		found         string
	}{
		{"actions of every scope", policy(own, everyScope), scope("V1"), []string{"mirror ok", "registry policy ok"}, "every policy scope"},
		{"tags, and scope V1", policy(own, tags), scope("V1"), []string{"mirror ok", "registry policy fail"}, "allows ecr:TagResource, which its scope V1 ignores"},
		{"tags, and scope V2", policy(own, tags), scope("V2"), []string{"mirror ok", "registry policy ok"}, "policy scope V2"},
		{"all actions, and scope V1", policy(own, `{"Effect":"Allow","Principal":"*","Action":"ecr:*"}`), scope("V1"), []string{"mirror ok", "registry policy fail"}, "allows ecr:*"},
		{"a refusal, and scope V1", policy(own, `{"Effect":"Deny","Principal":"*","Action":"ecr:TagResource"}`), scope("V1"), []string{"mirror ok", "registry policy ok"}, ""},
		{"the policy of another account", policy("444455556666", tags), scope("V1"), []string{"mirror ok"}, ""},
		{"text that is no policy", policy(own, "7"), scope("V1"), []string{"mirror ok", "registry policy skipped"}, "cannot be read"},
		{"no permission to read the policy", awsfake.Denied("ecr:GetRegistryPolicy"), scope("V1"), []string{"mirror ok", "registry policy skipped"}, "ecr:GetRegistryPolicy"},
		{"no permission to read the scope", policy(own, tags), awsfake.Denied("ecr:GetAccountSetting"), []string{"mirror ok", "registry policy skipped"}, "ecr:GetAccountSetting"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answers := wellSetUp()
			answers["GetRegistryPolicy"], answers["GetAccountSetting"] = c.policy, c.scope
			states, checks := examine(t, answers, variables.Settings{Mirrors: []variables.Mirror{{Upstream: "quay.io", Location: host + "/quay"}}}, http.StatusOK)
			assert.Equal(t, append([]string{"login ok", "registry ok"}, c.want...), states)
			if len(c.want) > 1 {
				assertCheck(t, checks[3], checks[3].State, c.found)
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
			for _, check := range Account(context.Background(), variables.Settings{Repository: strings.TrimPrefix(server.URL, "http://") + "/cache"}, "") {
				states = append(states, check.Name+" "+string(check.State))
			}
			assert.Equal(t, c.want, states)
		})
	}
}

func TestTheFixForAnUnreachableRegistryNamesWhatToCheck(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	checks := Account(context.Background(), variables.Settings{Repository: strings.TrimPrefix(server.URL, "http://") + "/cache"}, "")
	require.Len(t, checks, 1)
	assertCheck(t, checks[0], Fail, "cannot be reached")
	assert.Contains(t, checks[0].Fix, "DNS")
}

func TestAPlaceholderIsNoProblemOfTheNetwork(t *testing.T) {
	cases := []struct {
		name, place, found, fix string
	}{
		{"both placeholders of the documentation", "ACCOUNT.dkr.ecr.REGION.amazonaws.com/layercache/dev", `"ACCOUNT" stands where the account's number belongs`, "12 digits"},
		{"one in angle brackets", "<account>.dkr.ecr.eu-west-1.amazonaws.com/cache", `"<account>" stands where`, "12 digits"},
		{"a variable of a shell that was not replaced", "$ACCOUNT.dkr.ecr.eu-west-1.amazonaws.com/cache", `"$ACCOUNT" stands where`, "12 digits"},
		{"one in braces", "${AWS::AccountId}.dkr.ecr.eu-west-1.amazonaws.com/cache", `"${AWS::AccountId}" stands where`, "12 digits"},
		{"nothing, as from an empty variable", ".dkr.ecr.eu-west-1.amazonaws.com/cache", `"" stands where`, "12 digits"},
		{"an account of too few digits", "11112222.dkr.ecr.eu-west-1.amazonaws.com/cache", `"11112222" stands where`, "12 digits"},
		{"the region alone", "111122223333.dkr.ecr.REGION.amazonaws.com/cache", `"REGION" stands where the region belongs`, "such as eu-west-1"},
		{"the region in small letters", "111122223333.dkr.ecr.region.amazonaws.com/cache", `"region" stands where the region belongs`, "such as eu-west-1"},
		{"the dual-stack form", "ACCOUNT.dkr-ecr.REGION.on.aws/cache", `"ACCOUNT" stands where`, "12 digits"},
		{"a suffix that ECR does not have", "111122223333.dkr.ecr.eu-west-1.amazonaws.co/cache", "ECR's host names have the form", "correct"},
		{"a registry's name in brackets", "<registry>/cache", `"<registry>" is not a host name`, "put the registry's host there"},
		{"a name in capitals", "REGISTRY.invalid/cache", "cannot be reached", "REGISTRY.invalid looks like a placeholder"},
		{"a label in capitals", "REGISTRY.localhost:1/cache", "cannot be reached", "REGISTRY looks like a placeholder"},
		{"a domain of examples", "registry.example:1/cache", "cannot be reached", "registry.example looks like a placeholder"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			location, prefix, _ := strings.Cut(c.place, "/")
			for _, s := range []variables.Settings{
				{Repository: c.place}, {FallbackRepository: c.place}, {Mirrors: []variables.Mirror{{Upstream: "quay.io", Location: location + "/" + prefix}}},
			} {
				checks := newAccount(t.Context(), unreachable{}).check(s)
				require.Len(t, checks, 1)
				assertCheck(t, checks[0], Fail, c.found)
				assert.Contains(t, checks[0].Fix, c.fix)
				assert.NotContains(t, checks[0].Fix, "DNS")
			}
		})
	}
}

// unreachable is a network without any host.
type unreachable struct{}

func (unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no such host")
}
