package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	cacheAccount = "111111111111"
	devAccount   = "222222222222"
	prodAccount  = "333333333333"
)

func TestThreeAccountsAreDeployedFromOne(t *testing.T) {
	project(t)
	example, _ := config(t, "three-accounts")
	assembly := synth(t, example)
	server := start(t)
	cache, dev, prod := in(t, server, cacheAccount), in(t, server, devAccount), in(t, server, prodAccount)
	require.NoError(t, cache.cdk(assembly).Bootstrap(t.Context(), cacheAccount, region))
	require.NoError(t, dev.cdk(assembly).Bootstrap(t.Context(), devAccount, region, cacheAccount))
	require.NoError(t, prod.cdk(assembly).Bootstrap(t.Context(), prodAccount, region, cacheAccount))

	cdk := cache.cdk(assembly)
	must(t, cdk.Deploy)
	assert.Equal(t, []string{"team/cache/dev", "team/cache/pr", "team/cache/prod"}, slices.Sorted(maps.Keys(cache.repositories())))
	assert.Equal(t, []string{"team/api"}, slices.Sorted(maps.Keys(dev.repositories())))
	assert.Equal(t, []string{"team/api"}, slices.Sorted(maps.Keys(prod.repositories())))
	assert.Equal(t, "333333333333.dkr.ecr.eu-central-1.amazonaws.com/team/api", prod.stack("team-build-prod").Outputs["apiImageUri259CC32A"])
	assert.Empty(t, cache.rolesIn("/team/"))
	assert.Equal(t, []string{"/team/build/dev/", "/team/pull-request/dev/"}, dev.rolesIn("/team/"))
	assert.Equal(t, []string{"/team/build/prod/"}, prod.rolesIn("/team/"), "production must have no role for pull requests")

	app := loaded(t, assembly, cache.stack("team-cache"), dev.stack("team-build-dev"), prod.stack("team-build-prod"))
	cache.takesThePolicies(app)
	assert.Contains(t, cache.repositoryPolicy("team/cache/prod"), prodAccount)
	assert.NotContains(t, cache.repositoryPolicy("team/cache/pr"), prodAccount, "production must have no access to the cache of pull requests")
	projects, err := app.Projects()
	require.NoError(t, err)
	require.Len(t, projects, 3)
	for _, project := range projects {
		require.NoError(t, server.CreateProject(t.Context(), project))
		there := in(t, server, project.Account)
		helper := project.SecondarySources[0].Location
		assert.True(t, strings.HasPrefix(helper, "cdk-hnb659fds-assets-"+project.Account), helper)
		assert.Equal(t, "FROM scratch\n", there.object(helper))
	}

	assert.Equal(t, 3, strings.Count(must(t, cdk.Deploy), "(no changes)"), "deploying again must change no stack")
	must(t, cdk.Destroy)
	assert.Empty(t, cache.repositories())
	assert.Empty(t, dev.rolesIn("/team/"))
	assert.Contains(t, prod.repositories(), "team/api", "images must be kept")
}

// rolesIn returns the paths of the account's roles below a path, without duplicates.
func (p place) rolesIn(path string) []string {
	p.Helper()
	out, err := iam.NewFromConfig(p.config).ListRoles(p.Context(), &iam.ListRolesInput{PathPrefix: &path})
	require.NoError(p, err)
	var paths []string
	for _, role := range out.Roles {
		paths = append(paths, *role.Path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func (p place) repositoryPolicy(name string) string {
	p.Helper()
	out, err := ecr.NewFromConfig(p.config).GetRepositoryPolicy(p.Context(), &ecr.GetRepositoryPolicyInput{RepositoryName: &name})
	require.NoError(p, err)
	return *out.PolicyText
}
