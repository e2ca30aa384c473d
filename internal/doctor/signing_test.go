package doctor

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
	"github.com/layercache/layercache/internal/variables"
)

// signingRules returns the response of ECR for the rules, in JSON.
func signingRules(t *testing.T, account, rules string) awsfake.Answer {
	t.Helper()
	var list []any
	require.NoError(t, json.Unmarshal([]byte(rules), &list))
	return awsfake.Gives(map[string]any{"registryId": account, "signingConfiguration": map[string]any{"rules": list}})
}

func TestManagedSigningIsChecked(t *testing.T) {
	const (
		account = "111122223333"
		profile = "arn:aws:signer:eu-west-1:111122223333:/signing-profiles/central"
		rule    = `{"signingProfileArn":"` + profile + `"`
		all     = `[` + rule + `}]`
	)
	filtered := func(filter string) string {
		return `[` + rule + `,"repositoryFilters":[{"filter":"` + filter + `","filterType":"WILDCARD_MATCH"}]}]`
	}
	cases := []struct {
		name   string
		answer awsfake.Answer
		image  bool
		// state is empty if there is no check.
		state   State
		message string
	}{
		{"no signing configuration", awsfake.Fails(awsfake.Error{Code: "SigningConfigurationNotFoundException"}), false, "", ""},
		{"no rules", signingRules(t, account, `[]`), false, "", ""},
		{"a rule for all repositories signs caches", signingRules(t, account, all), false, Warn, "each signature is one more image"},
		{"a rule for the caches", signingRules(t, account, filtered("layercache/*")), false, Warn, profile},
		{"a rule for other repositories", signingRules(t, account, filtered("shop*")), false, "", ""},
		{"a rule for the image", signingRules(t, account, filtered("shop*")), true, Warn, "ECR signs images of shop/api as whoever pushes them, with " + profile},
		{"a rule that leaves the image out", signingRules(t, account, filtered("layercache/*")), true, "", ""},
		{"the registry of another account", signingRules(t, "444455556666", all), true, Skipped, "can be read only in that account"},
		{"no permission", awsfake.Denied("ecr:GetSigningConfiguration"), true, Skipped, "not allowed to call ecr:GetSigningConfiguration"},
		{"AWS fails", awsfake.Fails(awsfake.Error{Code: "ValidationException", Message: "x"}), false, Skipped, "could not be read"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answers := wellSetUp()
			maps.Copy(answers, map[string]awsfake.Answer{"GetSigningConfiguration": c.answer})
			serve(t, answers)
			a := newAccount(context.Background(), registries{http.StatusOK})
			checks := a.check(variables.Settings{Repository: host + "/layercache/dev"})
			if c.image {
				checks = a.image(host + "/shop/api")
			}
			var found []Check
			for _, check := range checks {
				if check.Name == "signing" {
					found = append(found, check)
				}
			}
			if c.state == "" {
				assert.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			assertCheck(t, found[0], c.state, c.message)
		})
	}
}

func TestAnImageOutsideOfECRHasNoSigning(t *testing.T) {
	a := newAccount(context.Background(), registries{http.StatusOK})
	assert.Empty(t, a.image("ghcr.io/acme/shop"))
	assert.Empty(t, a.image("not a repository"))
}

func TestSignaturesCountInALifecycle(t *testing.T) {
	const keeps60 = `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":60},"action":{"type":"expire"}}]}`
	assertCheck(t, checkLifecycle(keeps60, "app", 0), OK, "the newest 60 images")
	assertCheck(t, checkLifecycle(keeps60, "app", 1), Warn, "keeps only 60 images, to which records, replaced caches and signatures belong,")
}
