package pullthrough_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

const here, there = "111111111111", "222222222222"

// stackOf returns a stack of an account and eu-west-1, in its own app.
func stackOf(account string) awscdk.Stack { return stackIn(awscdk.NewApp(nil), "Test", account) }

func stackIn(app awscdk.App, id, account string) awscdk.Stack {
	return awscdk.NewStack(app, jsii.String(id), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String(account), Region: jsii.String("eu-west-1")},
	})
}

func secret(stack awscdk.Stack, name string) awssecretsmanager.ISecret {
	return awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String(name), jsii.String("ecr-pullthroughcache/"+name))
}

// everyUpstream returns an upstream of every kind.
func everyUpstream(stack awscdk.Stack) *[]*pullthrough.Upstream {
	return &[]*pullthrough.Upstream{
		{Registry: pullthrough.EcrPublic},
		{Registry: pullthrough.Kubernetes},
		{Registry: pullthrough.Quay},
		{Registry: pullthrough.DockerHub, Secret: secret(stack, "docker")},
		{Registry: pullthrough.GitHub, Secret: secret(stack, "github")},
		{Registry: pullthrough.GitLab, Secret: secret(stack, "gitlab")},
		{Registry: pullthrough.Azure, Secret: secret(stack, "azure"), AzureRegistry: jsii.String("team1")},
		{Registry: pullthrough.Chainguard, Secret: secret(stack, "chainguard")},
		{Registry: pullthrough.Ecr, Ecr: &pullthrough.EcrUpstream{Account: jsii.String(there)}},
		{Registry: pullthrough.Ecr, Prefix: jsii.String("virginia"), Ecr: &pullthrough.EcrUpstream{Region: jsii.String("us-east-1")}},
	}
}

func TestEveryKindOfUpstreamHasItsRule(t *testing.T) {
	stack := stackOf(here)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{Upstreams: everyUpstream(stack)})
	awscdk.NewCfnOutput(stack, jsii.String("Mirrors"), &awscdk.CfnOutputProps{Value: cache.Mirrors()})

	got := map[string][]string{}
	for prefix, p := range byPrefix(stack, ruleType, "EcrRepositoryPrefix") {
		got[prefix] = []string{
			p["UpstreamRegistry"].(string), synthtest.Text(p["UpstreamRegistryUrl"]),
			synthtest.Text(or(p["CredentialArn"])), synthtest.Text(or(p["CustomRoleArn"])), synthtest.Text(or(p["UpstreamRepositoryPrefix"])),
		}
	}
	const arn = "arn:${AWS::Partition}:secretsmanager:eu-west-1:111111111111:secret:ecr-pullthroughcache/"
	assert.Equal(t, map[string][]string{
		"ecr-public": {"ecr-public", "public.ecr.aws", "", "", ""},
		"k8s":        {"k8s", "registry.k8s.io", "", "", ""},
		"quay":       {"quay", "quay.io", "", "", ""},
		"docker-hub": {"docker-hub", "registry-1.docker.io", arn + "docker", "", ""},
		"github":     {"github-container-registry", "ghcr.io", arn + "github", "", ""},
		"gitlab":     {"gitlab-container-registry", "registry.gitlab.com", arn + "gitlab", "", ""},
		"azure":      {"azure-container-registry", "team1.azurecr.io", arn + "azure", "", ""},
		"chainguard": {"chainguard", "cgr.dev", arn + "chainguard", "", ""},
		"ecr":        {"ecr", "222222222222.dkr.ecr.eu-west-1.${AWS::URLSuffix}", "", "${PullUpstreamecrecr21169E2F.Arn}", ""},
		"virginia":   {"ecr", "111111111111.dkr.ecr.us-east-1.${AWS::URLSuffix}", "", "${PullUpstreamecrvirginia2088AAC8.Arn}", ""},
	}, got)

	const host = "111111111111.dkr.ecr.eu-west-1.${AWS::URLSuffix}"
	assert.Equal(t, "public.ecr.aws="+host+"/ecr-public,registry.k8s.io="+host+"/k8s,quay.io="+host+"/quay,docker.io="+host+"/docker-hub,"+
		"ghcr.io="+host+"/github,registry.gitlab.com="+host+"/gitlab,team1.azurecr.io="+host+"/azure,cgr.dev="+host+"/chainguard,"+
		"222222222222.dkr.ecr.eu-west-1.${AWS::URLSuffix}="+host+"/ecr,111111111111.dkr.ecr.us-east-1.${AWS::URLSuffix}="+host+"/virginia",
		synthtest.Output(stack, "Mirrors"))
	assert.Empty(t, synthtest.Errors(stack))
}

// or returns a value of a template, or "" for nil.
func or(value any) any {
	if value == nil {
		return ""
	}
	return value
}
