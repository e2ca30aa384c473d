package pullthrough_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

const ruleType, templateType = "AWS::ECR::PullThroughCacheRule", "AWS::ECR::RepositoryCreationTemplate"

// byPrefix returns the properties of resources by their prefix, the value of property.
func byPrefix(stack awscdk.Stack, kind, property string) map[string]map[string]any {
	found := map[string]map[string]any{}
	for _, r := range synthtest.Resources(stack, kind) {
		p := r["Properties"].(map[string]any)
		found[p[property].(string)] = p
	}
	return found
}

func TestEveryUpstreamWithoutASecretHasARuleAndATemplate(t *testing.T) {
	stack := synthtest.Stack()
	pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), nil)

	assert.Equal(t, map[string]map[string]any{
		"ecr-public": {"EcrRepositoryPrefix": "ecr-public", "UpstreamRegistry": "ecr-public", "UpstreamRegistryUrl": "public.ecr.aws"},
		"k8s":        {"EcrRepositoryPrefix": "k8s", "UpstreamRegistry": "k8s", "UpstreamRegistryUrl": "registry.k8s.io"},
		"quay":       {"EcrRepositoryPrefix": "quay", "UpstreamRegistry": "quay", "UpstreamRegistryUrl": "quay.io"},
	}, byPrefix(stack, ruleType, "EcrRepositoryPrefix"))

	rules, _ := lifecycle.Render("", lifecycle.PullThroughRules())
	want := map[string]map[string]any{}
	for prefix, host := range map[string]string{"ecr-public": "public.ecr.aws", "k8s": "registry.k8s.io", "quay": "quay.io"} {
		want[prefix] = map[string]any{
			"AppliedFor":         []any{"PULL_THROUGH_CACHE"},
			"Description":        "Images that layercache pulls through from " + host,
			"ImageTagMutability": "MUTABLE",
			"LifecyclePolicy":    rules,
			"Prefix":             prefix,
		}
	}
	assert.Equal(t, want, byPrefix(stack, templateType, "Prefix"))
	assert.Empty(t, synthtest.Errors(stack))
}

func TestATemplateIsCreatedBeforeItsRule(t *testing.T) {
	stack := synthtest.Stack()
	pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay}},
	})

	for id := range synthtest.Resources(stack, templateType) {
		assert.Equal(t, []any{id}, synthtest.Resource(t, stack, ruleType)["DependsOn"])
	}
}

func TestGrantPullAllowsOnlyRepositoriesBelowThePrefixes(t *testing.T) {
	stack := synthtest.Stack()
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay, Prefix: jsii.String("team/quay")}, {Registry: pullthrough.EcrPublic}},
	})
	cache.GrantPull(awsiam.NewRole(stack, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
	}), nil)

	const repositories = "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/"
	assert.Equal(t, []string{
		"Allow ecr:GetAuthorizationToken on *",
		"Allow ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:BatchImportUpstreamImage ecr:CreateRepository on " +
			repositories + "team/quay/* " + repositories + "ecr-public/*",
	}, synthtest.RolePolicy(t, stack))
}

func TestMirrorsSendEachUpstreamToItsPrefix(t *testing.T) {
	stack := synthtest.Stack()
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay, Prefix: jsii.String("team/quay")}, {Registry: pullthrough.Kubernetes}},
	})
	awscdk.NewCfnOutput(stack, jsii.String("Mirrors"), &awscdk.CfnOutputProps{Value: cache.Mirrors()})

	const host = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}"
	assert.Equal(t, "quay.io="+host+"/team/quay,registry.k8s.io="+host+"/k8s", synthtest.Output(stack, "Mirrors"))
}

func TestEveryProblemOfTheProps(t *testing.T) {
	const form = "; use lower-case letters and digits, with '.', '_', '-' or '/' between them, such as team/quay"
	const unknown = "is not a registry that ECR can cache from; use one of azure-container-registry, chainguard, docker-hub, ecr, ecr-public, github-container-registry, gitlab-container-registry, k8s, quay"
	for name, c := range map[string]struct {
		upstreams []*pullthrough.Upstream
		want      []string
	}{
		"no upstream": {
			[]*pullthrough.Upstream{},
			[]string{"Upstreams: is empty; name a registry, or leave the prop out to cache from the registries that need no secret"},
		},
		"registries that are unknown, or nil": {
			[]*pullthrough.Upstream{{Registry: "nexus"}, {}, nil},
			[]string{"Upstreams[0].Registry: " + unknown, "Upstreams[1].Registry: " + unknown, "Upstreams[2].Registry: " + unknown},
		},
		"prefixes that are too short, too long, of the wrong form, or the whole registry": {
			[]*pullthrough.Upstream{
				{Registry: pullthrough.EcrPublic, Prefix: jsii.String("p")},
				{Registry: pullthrough.Kubernetes, Prefix: jsii.String("a123456789012345678901234567890")},
				{Registry: pullthrough.Quay, Prefix: jsii.String("Quay/")},
			},
			[]string{
				`Upstreams[0].Prefix: "p" has 1 characters, and ECR accepts 2 to 30` + form,
				`Upstreams[1].Prefix: "a123456789012345678901234567890" has 31 characters, and ECR accepts 2 to 30` + form,
				`Upstreams[2].Prefix: "Quay/" has the wrong form` + form,
			},
		},
		"the prefix ROOT, if grants would include every repository": {
			[]*pullthrough.Upstream{
				{Registry: pullthrough.Quay, Prefix: jsii.String("ROOT")},
				{Registry: pullthrough.Kubernetes, Prefix: jsii.String("ROOT"), Repositories: jsii.Strings("*/pause", "pause")},
			},
			[]string{
				`Upstreams[0].Repositories: is missing with the prefix ROOT, so GrantPull would include every repository of the account; name repositories of the upstream, such as "library/*"`,
				`Upstreams[1].Repositories[0]: "*/pause" with the prefix ROOT would include repositories of other origin; begin it with a name`,
				`Upstreams[1].Prefix: "ROOT" is already used by another upstream; give each upstream its own prefix`,
			},
		},
		"repositories that are empty or not names": {
			[]*pullthrough.Upstream{
				{Registry: pullthrough.Quay, Repositories: &[]*string{}},
				{Registry: pullthrough.Kubernetes, Repositories: jsii.Strings("pause:3.9", "")},
			},
			[]string{
				`Upstreams[0].Repositories: is empty, so GrantPull would allow nothing; name repositories of the upstream, such as "library/*", or leave the prop out`,
				`Upstreams[1].Repositories[0]: is not a repository name of the upstream; give a name without host and tag, such as library/golang; "*" stands for any text`,
				`Upstreams[1].Repositories[1]: is not a repository name of the upstream; give a name without host and tag, such as library/golang; "*" stands for any text`,
			},
		},
		"names of Azure registries that are missing, malformed or not needed": {
			[]*pullthrough.Upstream{
				{Registry: pullthrough.Quay, AzureRegistry: jsii.String("team1")},
				{Registry: pullthrough.Azure},
				{Registry: pullthrough.Azure, Prefix: jsii.String("az2"), AzureRegistry: jsii.String("team1.azurecr.io")},
			},
			[]string{
				"Upstreams[0].AzureRegistry: is set, but the registry is quay; leave it out",
				"Upstreams[1].AzureRegistry: is missing; give NAME of NAME.azurecr.io, 5 to 50 letters and digits",
				`Upstreams[2].AzureRegistry: "team1.azurecr.io" is not the name of a registry; give NAME of NAME.azurecr.io, 5 to 50 letters and digits`,
				"Upstreams[1].Secret: is missing: ECR signs in to azure-container-registry with a secret; give a secret with a name that starts with ecr-pullthroughcache/ and the keys username and accessToken",
				"Upstreams[2].Secret: is missing: ECR signs in to azure-container-registry with a secret; give a secret with a name that starts with ecr-pullthroughcache/ and the keys username and accessToken",
			},
		},
		"private registries that are missing, the same, malformed or not needed": {
			[]*pullthrough.Upstream{
				{Registry: pullthrough.Quay, Ecr: &pullthrough.EcrUpstream{}},
				{Registry: pullthrough.Ecr},
				{Registry: pullthrough.Ecr, Prefix: jsii.String("e2"), Ecr: &pullthrough.EcrUpstream{}},
				{Registry: pullthrough.Ecr, Prefix: jsii.String("e3"), Ecr: &pullthrough.EcrUpstream{Account: jsii.String("1"), Region: jsii.String("Europe"), Prefix: jsii.String("A")}},
			},
			[]string{
				"Upstreams[0].Ecr: is set, but the registry is quay; leave it out",
				"Upstreams[1].Ecr: is missing; give the account or the region of the images",
				"Upstreams[2].Ecr: is the registry of the rule itself; give the account or the region of the images",
				`Upstreams[3].Ecr.Account: "1" has the wrong form; give the 12 digits of the account`,
				`Upstreams[3].Ecr.Region: "Europe" has the wrong form; give a region, such as eu-west-1`,
				`Upstreams[3].Ecr.Prefix: "A" has 1 characters, and ECR accepts 2 to 30` + form,
			},
		},
		"one prefix for two upstreams": {
			[]*pullthrough.Upstream{{Registry: pullthrough.Quay, Prefix: jsii.String("base")}, {Registry: pullthrough.Kubernetes, Prefix: jsii.String("base")}},
			[]string{`Upstreams[1].Prefix: "base" is already used by another upstream; give each upstream its own prefix`},
		},
		"one upstream twice": {
			[]*pullthrough.Upstream{{Registry: pullthrough.Quay}, {Registry: pullthrough.Quay, Prefix: jsii.String("other")}},
			[]string{`Upstreams[1].Registry: "quay" is listed twice; keep one of them`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{Upstreams: &c.upstreams})
			var want []string
			for _, problem := range c.want {
				want = append(want, "Test/Pull: "+problem)
			}
			assert.Equal(t, want, synthtest.Errors(stack))
			assert.Empty(t, *cache.Mirrors())
			assert.Empty(t, synthtest.Resources(stack, ruleType))
		})
	}
}
