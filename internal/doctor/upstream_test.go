package doctor

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/pullthrough"
)

func TestUpstreamPrefixesAreTheDefaultsOfAllRegistries(t *testing.T) {
	var prefixes []string
	for _, registry := range []pullthrough.UpstreamRegistry{
		pullthrough.EcrPublic, pullthrough.Kubernetes, pullthrough.Quay, pullthrough.DockerHub, pullthrough.GitHub, pullthrough.GitLab,
		pullthrough.Azure, pullthrough.Chainguard, pullthrough.Ecr,
	} {
		prefixes = append(prefixes, registry.DefaultPrefix())
	}
	assert.ElementsMatch(t, prefixes, upstreamPrefixes)
}
