package stacks_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/stacks"
)

func TestWithDefaults(t *testing.T) {
	tiers := func(names ...string) map[string]stacks.TierConfig {
		found := map[string]stacks.TierConfig{}
		for _, name := range names {
			found[name] = stacks.TierConfig{}
		}
		return found
	}
	yes, no := jsii.Bool(true), jsii.Bool(false)
	for name, c := range map[string]struct{ given, want stacks.Config }{
		"an empty configuration builds with the tier prod": {
			stacks.Config{},
			stacks.Config{Name: "layercache", Cache: stacks.CacheConfig{Tiers: tiers("dev", "prod")}, Build: stacks.BuildPlace{Tier: "prod", PullRequests: yes}},
		},
		"the only tier is the default": {
			stacks.Config{Cache: stacks.CacheConfig{Tiers: tiers("one")}},
			stacks.Config{Name: "layercache", Cache: stacks.CacheConfig{Tiers: tiers("one")}, Build: stacks.BuildPlace{Tier: "one", PullRequests: yes}},
		},
		"of several tiers without prod, none is the default": {
			stacks.Config{Cache: stacks.CacheConfig{Tiers: tiers("a", "b")}},
			stacks.Config{Name: "layercache", Cache: stacks.CacheConfig{Tiers: tiers("a", "b")}, Build: stacks.BuildPlace{PullRequests: yes}},
		},
		"an environment has the tier of its name, and Build stays empty": {
			stacks.Config{Environments: []stacks.EnvironmentConfig{{Name: "dev"}, {Name: "prod", Tier: "dev", PullRequests: no}, {Name: "test"}}},
			stacks.Config{Name: "layercache", Cache: stacks.CacheConfig{Tiers: tiers("dev", "prod")}, Environments: []stacks.EnvironmentConfig{
				{Name: "dev", Tier: "dev", PullRequests: yes}, {Name: "prod", Tier: "dev", PullRequests: no}, {Name: "test", PullRequests: yes},
			}},
		},
		"an app has the name of its build": {
			stacks.Config{Name: "team", Builds: []stacks.BuildConfig{{Name: "api"}, {Name: "web", App: "shop"}}},
			stacks.Config{
				Name: "team", Cache: stacks.CacheConfig{Tiers: tiers("dev", "prod")}, Build: stacks.BuildPlace{Tier: "prod", PullRequests: yes},
				Builds: []stacks.BuildConfig{{Name: "api", App: "api"}, {Name: "web", App: "shop"}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.given
			before.Environments = append([]stacks.EnvironmentConfig(nil), c.given.Environments...)
			before.Builds = append([]stacks.BuildConfig(nil), c.given.Builds...)
			got := c.given.WithDefaults()
			assert.Equal(t, &c.want, got)
			assert.Equal(t, got, got.WithDefaults(), "defaults are added only once")
			assert.Equal(t, before, c.given, "the configuration itself is unchanged")
		})
	}
}

func TestAddToDoesNotDependOnValidate(t *testing.T) {
	inProject(t)
	config := &stacks.Config{Builds: []stacks.BuildConfig{{Name: "api", Source: stacks.SourceConfig{Directory: "api"}, HelperZip: "helper.zip"}}}
	app := config.AddTo(awscdk.NewApp(nil))
	require.Len(t, app.Caches, 1)
	require.Len(t, app.Builds, 1)
	assert.Equal(t, "layercache-cache", *app.Caches[0].StackName())
	assert.Equal(t, "layercache-build", *app.Builds[0].StackName())
	assert.NotNil(t, app.Caches[0].Cache("prod"))
}
