package stacks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
	"github.com/layercache/layercache/stacks"
)

const ruleType = "AWS::ECR::PullThroughCacheRule"

// threeBuilds are builds in different stacks of 16.
const threeBuilds = `"builds":[{"name":"api","source":{"directory":"api"},"helperZip":"helper.zip"},{"name":"web","source":{"directory":"api"},"helperZip":"helper.zip"},
	{"name":"job","stack":"jobs","source":{"directory":"api"},"helperZip":"helper.zip"}]`

func stackNames(app *stacks.App) []string {
	var names []string
	for _, build := range app.Builds {
		names = append(names, *build.StackName())
	}
	return names
}

func TestBuildsInSeveralStacksShareOnePullThroughCache(t *testing.T) {
	app := synthApp(t, `{"stacks":16,`+threeBuilds+`}`)

	require.Equal(t, []string{"layercache-shared", "layercache-build-10of16", "layercache-build-14of16", "layercache-build-jobs"}, stackNames(app))
	assert.Len(t, synthtest.Resources(app.Builds[0].Stack, ruleType), 3)
	assert.Empty(t, synthtest.Resources(app.Builds[0].Stack, "AWS::CodeBuild::Project"))
	for _, build := range app.Builds[1:] {
		assert.Empty(t, synthtest.Resources(build.Stack, ruleType))
		assert.Contains(t, variable(t, build, "LAYERCACHE_MIRRORS"), "/ecr-public,registry.k8s.io=")
		assert.Contains(t, strings.Join(synthtest.RolePolicy(t, build.Stack), "\n"), "ecr:BatchImportUpstreamImage ecr:CreateRepository on arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/ecr-public/*")
		var needs []string
		for _, stack := range *build.Dependencies() {
			needs = append(needs, *stack.StackName())
		}
		assert.ElementsMatch(t, []string{"layercache-shared", "layercache-cache"}, needs)
		for _, word := range []string{"Fn::ImportValue", `"Export"`} {
			assert.NotContains(t, text(t, build.Stack), word)
		}
	}
}

func TestBuildsOfAStackOfTheirOwnLeaveTheOthersInTheFirst(t *testing.T) {
	before := synthApp(t, `{"builds":[{"name":"api","source":{"directory":"api"},"helperZip":"helper.zip"},{"name":"web","source":{"directory":"api"},"helperZip":"helper.zip"}]}`)
	after := synthApp(t, `{`+threeBuilds+`}`)

	require.Equal(t, []string{"layercache-build", "layercache-build-jobs"}, stackNames(after))
	assert.Equal(t, text(t, before.Builds[0].Stack), text(t, after.Builds[0].Stack))
	assert.Contains(t, after.Builds[1].Builds(), "job")
	assert.Empty(t, synthtest.Infos(after.Builds[0].Stack))
}

func TestManyBuildsAreSpreadWithoutAKey(t *testing.T) {
	inProject(t)
	config := &stacks.Config{}
	for i := range 101 {
		config.Builds = append(config.Builds, stacks.BuildConfig{Name: fmt.Sprintf("build-%d", i), Source: stacks.SourceConfig{GitHub: "acme/api"}, HelperZip: "helper.zip"})
	}
	config = config.WithDefaults()
	require.Empty(t, config.Validate())
	cdk := awscdk.NewApp(nil)
	app := config.AddTo(cdk)

	assert.Len(t, app.Builds, 17)
	assert.Equal(t, []string{"the builds do not fit into one stack, so they are spread over 16 by their names. Set layercache.stacks to 16 to keep them there when their number changes. " +
		"If layercache-build is already deployed with builds, set layercache.stacks to 1 instead, and the key stack of each new build"}, synthtest.Infos(app.Builds[0].Stack))
	problems, err := app.CheckLimits(cdk.Synth(nil))
	require.NoError(t, err)
	assert.Empty(t, problems)
}

func TestTheRulesOfAnotherConfigurationAreUsed(t *testing.T) {
	_, own := synth(t, `{`+oneBuild+`}`)
	app := synthApp(t, `{"name":"second","pullThrough":{"existing":true},"builds":[{"name":"web","source":{"directory":"api"},"helperZip":"helper.zip"}]}`)

	require.Equal(t, []string{"second-build"}, stackNames(app))
	second := app.Builds[0]
	for _, kind := range []string{ruleType, "AWS::ECR::RepositoryCreationTemplate"} {
		assert.NotEmpty(t, synthtest.Resources(own.Stack, kind))
		assert.Empty(t, synthtest.Resources(second.Stack, kind))
	}
	assert.Equal(t, variable(t, own, "LAYERCACHE_MIRRORS"), variable(t, second, "LAYERCACHE_MIRRORS"))
	pulls := func(build *stacks.BuildStack) []string {
		var lines []string
		for _, line := range synthtest.RolePolicy(t, build.Stack) {
			if strings.Contains(line, "ecr:BatchImportUpstreamImage") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	require.NotEmpty(t, pulls(own))
	assert.Equal(t, pulls(own), pulls(second))
}

func TestExistingRulesAreNamedByTheirPrefixes(t *testing.T) {
	_, build := synth(t, `{"pullThrough":{"existing":true,"prefixes":{"docker-hub":"hub","quay":"base/quay"}},`+oneBuild+`}`)
	assert.Equal(t, "quay.io=${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/base/quay,docker.io=${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/hub",
		variable(t, build, "LAYERCACHE_MIRRORS"))

	inProject(t)
	_, problems := read(t, `{"pullThrough":{"existing":true,"enabled":false,"secrets":{"docker-hub":"ecr-pullthroughcache/hub"}},`+oneBuild+`}`)
	assert.Equal(t, []string{
		"layercache.pullThrough.existing: is set, but layercache.pullThrough.enabled is false; keep one of the two keys",
		"layercache.pullThrough.secrets: is set, but the rules exist with their secrets; leave it out, and list the upstreams in layercache.pullThrough.prefixes",
	}, problems)
}
