package cloud

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"

// diagnose runs doctor on the account and returns the states by check. The proxy makes all registries
// unreachable.
func diagnose(t *testing.T, address, repository string) (states map[string]string, status int) {
	t.Helper()
	environ := append(environment(address), "HTTPS_PROXY=http://localhost:1", "LAYERCACHE_REPOSITORY="+registry+"/"+repository)
	got := layercache(t, environ, "doctor", "--account", "--format", "json")
	var answer struct {
		Checks []struct{ Name, State string }
	}
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &answer), got.stderr)
	states = map[string]string{}
	for _, check := range answer.Checks {
		states[check.Name] = check.State
	}
	return states, got.status
}

func TestDoctorFindsWhatIsWrongInAnAccount(t *testing.T) {
	address, config := moto(t)
	client := ecr.NewFromConfig(config)
	create := func(name string, mutability types.ImageTagMutability, lifecycle, policy string) {
		_, err := client.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: &name, ImageTagMutability: mutability})
		require.NoError(t, err)
		if lifecycle != "" {
			_, err = client.PutLifecyclePolicy(t.Context(), &ecr.PutLifecyclePolicyInput{RepositoryName: &name, LifecyclePolicyText: &lifecycle})
			require.NoError(t, err)
		}
		if policy != "" {
			_, err = client.SetRepositoryPolicy(t.Context(), &ecr.SetRepositoryPolicyInput{RepositoryName: &name, PolicyText: &policy})
			require.NoError(t, err)
		}
	}
	create("good", types.ImageTagMutabilityMutable,
		`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":30},"action":{"type":"expire"}}]}`,
		`{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":["ecr:BatchGetImage"]}]}`)
	create("bad", types.ImageTagMutabilityImmutable,
		`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":3},"action":{"type":"expire"}}]}`,
		`{"Version":"2012-10-17","Statement":[{"Sid":"All","Effect":"Allow","Principal":"*","Action":["ecr:PutImage"]}]}`)
	create("bare", types.ImageTagMutabilityMutable, "", "")

	// moto does not know the call for the signing rules.
	for repository, want := range map[string]map[string]string{
		"good":   {"settings": "ok", "login": "ok", "registry": "fail", "cache": "ok", "tags": "ok", "lifecycle": "ok", "policy": "ok", "signing": "skipped"},
		"bad":    {"settings": "ok", "login": "ok", "registry": "fail", "cache": "ok", "tags": "fail", "lifecycle": "warn", "policy": "fail", "signing": "skipped"},
		"bare":   {"settings": "ok", "login": "ok", "registry": "fail", "cache": "ok", "tags": "ok", "lifecycle": "warn", "policy": "ok", "signing": "skipped"},
		"absent": {"settings": "ok", "login": "ok", "registry": "fail", "cache": "fail"},
	} {
		states, status := diagnose(t, address, repository)
		assert.Equal(t, want, states, repository)
		assert.Equal(t, 1, status, "doctor must fail, because the registry is unreachable")
	}
}

func TestDoctorSucceedsWithNothingToFix(t *testing.T) {
	environ := append(environment("http://localhost:1"), "LAYERCACHE_WRITE=false")
	got := layercache(t, environ, "doctor", "--account")
	assert.Equal(t, 0, got.status, got.stderr)
	assert.Contains(t, got.stdout, "skipped  account   neither a repository nor mirrors are set")

	got = layercache(t, environ, "doctor", "--format", "xml")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.stderr, `--format is "xml": use one of text, json`)
}
