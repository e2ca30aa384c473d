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

// properties of resources by their prefix, which one property holds.
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

func TestATemplateIsThereBeforeItsRule(t *testing.T) {
	stack := synthtest.Stack()
	pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay}},
	})

	for id := range synthtest.Resources(stack, templateType) {
		assert.Equal(t, []any{id}, synthtest.Resource(t, stack, ruleType)["DependsOn"])
	}
}

func TestPullingIsGrantedBelowThePrefixesAlone(t *testing.T) {
	stack := synthtest.Stack()
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay, Prefix: jsii.String("team/quay")}, {Registry: pullthrough.EcrPublic}},
	})
	cache.GrantPull(awsiam.NewRole(stack, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
	}))

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
	for name, c := range map[string]struct {
		upstreams []*pullthrough.Upstream
		want      []string
	}{
		"no upstream": {
			[]*pullthrough.Upstream{},
			[]string{"Upstreams: is empty; name a registry, or leave the prop out to have them all"},
		},
		"registries that need a secret, or are unknown, or nil": {
			[]*pullthrough.Upstream{{Registry: "docker-hub"}, {}, nil},
			[]string{
				"Upstreams[0].Registry: is not a registry that can be cached without a secret; use one of ecr-public, k8s, quay",
				"Upstreams[1].Registry: is not a registry that can be cached without a secret; use one of ecr-public, k8s, quay",
				"Upstreams[2].Registry: is not a registry that can be cached without a secret; use one of ecr-public, k8s, quay",
			},
		},
		"prefixes that are too short, too long, of the wrong form, or the whole registry": {
			[]*pullthrough.Upstream{
				{Registry: pullthrough.EcrPublic, Prefix: jsii.String("p")},
				{Registry: pullthrough.Kubernetes, Prefix: jsii.String("a123456789012345678901234567890")},
				{Registry: pullthrough.Quay, Prefix: jsii.String("Quay/")},
			},
			[]string{
				`Upstreams[0].Prefix: "p" has 1 characters, and ECR takes 2 to 30` + form,
				`Upstreams[1].Prefix: "a123456789012345678901234567890" has 31 characters, and ECR takes 2 to 30` + form,
				`Upstreams[2].Prefix: "Quay/" has the wrong form` + form,
			},
		},
		"the prefix that stands for every repository": {
			[]*pullthrough.Upstream{{Registry: pullthrough.Quay, Prefix: jsii.String("ROOT")}},
			[]string{`Upstreams[0].Prefix: "ROOT" would take in every repository of the registry` + form},
		},
		"one prefix for two upstreams": {
			[]*pullthrough.Upstream{{Registry: pullthrough.Quay, Prefix: jsii.String("base")}, {Registry: pullthrough.Kubernetes, Prefix: jsii.String("base")}},
			[]string{`Upstreams[1].Prefix: "base" is taken by another upstream; give each upstream a prefix of its own`},
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
