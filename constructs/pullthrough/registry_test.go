package pullthrough

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/doctor"
)

func TestDoctorKnowsTheDefaultPrefixOfEveryRegistry(t *testing.T) {
	var prefixes []string
	for registry := range kinds {
		prefixes = append(prefixes, registry.DefaultPrefix())
	}
	assert.ElementsMatch(t, prefixes, doctor.UpstreamPrefixes())
}
