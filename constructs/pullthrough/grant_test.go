package pullthrough_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

const (
	login = "Allow ecr:GetAuthorizationToken on *"
	pull  = "ecr:BatchGetImage ecr:GetDownloadUrlForLayer"
	// importing are the additional actions of the first pull of an image.
	importing = "ecr:BatchImportUpstreamImage ecr:CreateRepository"
)

func newRole(stack awscdk.Stack) awsiam.Role {
	return awsiam.NewRole(stack, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
	})
}

func TestAGrantCoversWhatItsOptionsName(t *testing.T) {
	tags := &pullthrough.RepositoryTemplate{Tags: &map[string]*string{"team": jsii.String("platform")}}
	const repositories = "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/"
	for name, c := range map[string]struct {
		upstreams []*pullthrough.Upstream
		options   *pullthrough.PullOptions
		want      []string
	}{
		"one repository of Docker Hub, by its short name": {
			[]*pullthrough.Upstream{{Registry: pullthrough.Quay}, {Registry: pullthrough.DockerHub}},
			&pullthrough.PullOptions{Repositories: jsii.Strings("golang")},
			[]string{login, "Allow " + pull + " " + importing + " on " + repositories + "docker-hub/library/golang"},
		},
		"a whole upstream and one repository of another, in the order of the upstreams": {
			[]*pullthrough.Upstream{{Registry: pullthrough.Quay}, {Registry: pullthrough.DockerHub}},
			&pullthrough.PullOptions{Repositories: jsii.Strings("docker.io/bitnami/redis", "quay.io/*")},
			[]string{login, "Allow " + pull + " " + importing + " on " + repositories + "quay/* " + repositories + "docker-hub/bitnami/redis"},
		},
		"without options, the repositories of the upstreams": {
			[]*pullthrough.Upstream{{Registry: pullthrough.Quay, Repositories: jsii.Strings("prometheus/*", "coreos/etcd")}},
			nil,
			[]string{login, "Allow " + pull + " " + importing + " on " + repositories + "quay/prometheus/* " + repositories + "quay/coreos/etcd"},
		},
		"with the prefix ROOT, repositories by their own names": {
			[]*pullthrough.Upstream{{Registry: pullthrough.Quay, Prefix: jsii.String("ROOT"), Repositories: jsii.Strings("prometheus/*")}},
			nil,
			[]string{login, "Allow " + pull + " " + importing + " on " + repositories + "prometheus/*"},
		},
		"tagging, only where a template tags": {
			[]*pullthrough.Upstream{{Registry: pullthrough.Quay}, {Registry: pullthrough.Kubernetes, Template: tags}},
			nil,
			[]string{
				login,
				"Allow " + pull + " " + importing + " on " + repositories + "quay/* " + repositories + "k8s/*",
				"Allow ecr:TagResource on " + repositories + "k8s/*",
			},
		},
		"without the first pull, nothing that creates or tags a repository": {
			[]*pullthrough.Upstream{{Registry: pullthrough.Quay}, {Registry: pullthrough.Kubernetes, Template: tags}},
			&pullthrough.PullOptions{FirstPull: jsii.Bool(false)},
			[]string{login, "Allow " + pull + " ecr:BatchImportUpstreamImage on " + repositories + "quay/* " + repositories + "k8s/*"},
		},
		"a private upstream under another prefix": {
			[]*pullthrough.Upstream{{Registry: pullthrough.Ecr, Prefix: jsii.String("shared"), Ecr: &pullthrough.EcrUpstream{Region: jsii.String("us-east-1"), Prefix: jsii.String("base")}}},
			nil,
			[]string{login, "Allow " + pull + " " + importing + " on " + repositories + "shared/*"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			for _, u := range c.upstreams {
				if u.Registry == pullthrough.DockerHub {
					u.Secret = secret(stack, "docker")
				}
			}
			cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{Upstreams: &c.upstreams})
			role := newRole(stack)
			cache.GrantPull(role, c.options)
			assert.Empty(t, synthtest.Errors(stack))
			assert.Equal(t, c.want, policyOf(stack, "RoleDefaultPolicy"))
		})
	}
}

// policyOf returns the statements of the policy whose logical id starts with id.
func policyOf(stack awscdk.Stack, id string) []string {
	for name, r := range synthtest.Resources(stack, "AWS::IAM::Policy") {
		if len(name) >= len(id) && name[:len(id)] == id {
			return synthtest.Statements(r["Properties"].(map[string]any)["PolicyDocument"])
		}
	}
	return nil
}

func TestEveryProblemOfAGrant(t *testing.T) {
	stack := synthtest.Stack()
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{
			{Registry: pullthrough.Quay},
			{Registry: pullthrough.Kubernetes, Prefix: jsii.String("ROOT"), Repositories: jsii.Strings("pause")},
		},
	})
	cache.GrantPull(newRole(stack), &pullthrough.PullOptions{Repositories: jsii.Strings("golang", "quay.io/coreos/etcd:v3", "registry.k8s.io/*", "")})
	cache.GrantPull(awsiam.NewOrganizationPrincipal(jsii.String("o-a1b2c3d4e5")), nil)
	cache.ImageUri(jsii.String("ghcr.io/team/app:1"))

	assert.Equal(t, []string{
		`Test/Pull: GrantPull.Repositories[0]: "golang" is on docker.io, which is not an upstream of this cache; use one of quay.io, registry.k8s.io, or add the upstream`,
		`Test/Pull: GrantPull.Repositories[1]: "quay.io/coreos/etcd:v3" is not an upstream repository; give HOST/NAME without a tag, such as docker.io/library/golang or quay.io/*`,
		`Test/Pull: GrantPull.Repositories[2]: "registry.k8s.io/*" with the prefix ROOT would include every repository of the account; name repositories`,
		`Test/Pull: GrantPull.Repositories[3]: "" is not an upstream repository; give HOST/NAME without a tag, such as docker.io/library/golang or quay.io/*`,
		"Test/Pull: GrantPull: the grantee has no policy to which the permission could be added; grant to a role, or add accounts and organizations to Pullers",
		`Test/Pull: ImageUri: "ghcr.io/team/app:1" is on ghcr.io, which is not an upstream of this cache; use one of quay.io, registry.k8s.io, or add the upstream`,
	}, synthtest.Errors(stack))
}

func TestNoGrantReachesTheSecrets(t *testing.T) {
	stack := stackOf(here)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{Upstreams: everyUpstream(stack)})
	cache.GrantPull(newRole(stack), nil)

	assert.NotContains(t, fmt.Sprint(synthtest.Resources(stack, "AWS::IAM::Policy")), "secretsmanager")
}

const registry = "arn:${AWS::Partition}:ecr:eu-west-1:111111111111:repository/"

func TestAGranteeOfAnotherAccountIsAllowedInBothAccounts(t *testing.T) {
	app := awscdk.NewApp(nil)
	stack, other := stackIn(app, "Test", here), stackIn(app, "Other", there)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay}, {Registry: pullthrough.Kubernetes}},
		Template:  &pullthrough.RepositoryTemplate{Tags: &map[string]*string{"team": jsii.String("platform")}},
	})
	cache.GrantPull(newRole(other), &pullthrough.PullOptions{Repositories: jsii.Strings("quay.io/coreos/etcd")})

	assert.Equal(t, []string{
		login,
		"Allow " + pull + " " + importing + " on " + registry + "quay/coreos/etcd",
		"Allow ecr:TagResource on " + registry + "quay/coreos/etcd",
	}, synthtest.RolePolicy(t, other))
	const account = " to AWS=arn:${AWS::Partition}:iam::222222222222:root"
	assert.Equal(t, []string{
		"Allow " + importing + " on " + registry + "quay/coreos/etcd" + account,
		"Allow ecr:TagResource on " + registry + "quay/coreos/etcd" + account,
	}, synthtest.Statements(synthtest.Properties(t, stack, "AWS::ECR::RegistryPolicy")["PolicyText"]))
	templates := byPrefix(stack, templateType, "Prefix")
	assert.Equal(t,
		`{"Statement":[{"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Effect":"Allow","Principal":{"AWS":"arn:${AWS::Partition}:iam::222222222222:root"}}],"Version":"2012-10-17"}`,
		synthtest.Text(templates["quay"]["RepositoryPolicy"]))
	assert.NotContains(t, templates["k8s"], "RepositoryPolicy")
	assert.Empty(t, synthtest.Warnings(stack))
}

func TestAGranteeOfAnotherAccountIsAllowedWithoutTheFirstPull(t *testing.T) {
	stack := stackOf(here)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay}},
		Template:  &pullthrough.RepositoryTemplate{Tags: &map[string]*string{"team": jsii.String("platform")}},
	})
	cache.GrantPull(awsiam.NewAccountPrincipal(jsii.String(there)), &pullthrough.PullOptions{FirstPull: jsii.Bool(false)})

	assert.Equal(t, []string{"Allow ecr:BatchImportUpstreamImage on " + registry + "quay/* to AWS=arn:${AWS::Partition}:iam::222222222222:root"},
		synthtest.Statements(synthtest.Properties(t, stack, "AWS::ECR::RegistryPolicy")["PolicyText"]))
	assert.Equal(t, []string{
		"GrantPull cannot change policies of account 222222222222, which must allow its principal ecr:GetAuthorizationToken on *, and " +
			"ecr:BatchGetImage, ecr:GetDownloadUrlForLayer, ecr:BatchImportUpstreamImage on the repositories quay/* of this registry" +
			" [ack: layercache:pull-from-222222222222]",
	}, synthtest.Warnings(stack))
}

func TestAnAccountCanBeTheGrantee(t *testing.T) {
	stack := stackOf(here)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay}},
	})
	cache.GrantPull(awsiam.NewAccountPrincipal(jsii.String(there)), nil)

	assert.Equal(t, []string{"Allow " + importing + " on " + registry + "quay/* to AWS=arn:${AWS::Partition}:iam::222222222222:root"},
		synthtest.Statements(synthtest.Properties(t, stack, "AWS::ECR::RegistryPolicy")["PolicyText"]))
	assert.Empty(t, synthtest.Errors(stack))
	assert.Len(t, synthtest.Warnings(stack), 1)
}

func TestAnImportedRoleIsAllowedWithAWarningForItsAccount(t *testing.T) {
	stack := stackOf(here)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay}},
	})
	cache.GrantPull(awsiam.Role_FromRoleArn(stack, jsii.String("Role"), jsii.String("arn:aws:iam::222222222222:role/ci/build"), nil), nil)

	assert.Equal(t, []string{
		"Allow " + importing + " on " + registry + "quay/* to AWS=arn:${AWS::Partition}:iam::222222222222:root if ArnEquals=aws:PrincipalArn=arn:aws:iam::222222222222:role/ci/build",
	}, synthtest.Statements(synthtest.Properties(t, stack, "AWS::ECR::RegistryPolicy")["PolicyText"]))
	assert.Equal(t, []string{
		"GrantPull cannot change policies of account 222222222222, which must allow its principal ecr:GetAuthorizationToken on *, and " +
			"ecr:BatchGetImage, ecr:GetDownloadUrlForLayer, ecr:BatchImportUpstreamImage, ecr:CreateRepository on the repositories quay/* of this registry" +
			" [ack: layercache:pull-from-222222222222]",
	}, synthtest.Warnings(stack))
}

func TestTheWarningOfAGrantCanBeAcknowledged(t *testing.T) {
	const id = "layercache:pull-from-222222222222"
	for _, test := range []struct {
		name          string
		before, after string
		warnings      int
	}{
		{name: "a warning that nobody acknowledged stays", warnings: 1},
		{name: "a warning acknowledged before the grant is not added", before: id},
		{name: "a warning acknowledged after the grant is removed", after: id},
		{name: "acknowledging another account's warning changes nothing", before: "layercache:pull-from-333333333333", after: "layercache:pull-from-333333333333", warnings: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			stack := stackOf(here)
			cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
				Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay}},
			})
			acknowledge := func(id string) {
				if id != "" {
					awscdk.Annotations_Of(stack).AcknowledgeWarning(jsii.String(id), nil)
				}
			}
			acknowledge(test.before)
			cache.GrantPull(awsiam.NewAccountPrincipal(jsii.String(there)), nil)
			acknowledge(test.after)
			assert.Len(t, synthtest.Warnings(stack), test.warnings)
		})
	}
}

func TestGrantPullOfAnImportedCacheChangesOnlyTheGrantee(t *testing.T) {
	stack := stackOf(there)
	cache := pullthrough.PullThroughCache_FromPullThroughCacheAttributes(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheAttributes{
		Account:   jsii.String(here),
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.DockerHub}},
	})
	cache.GrantPull(newRole(stack), nil)
	awscdk.NewCfnOutput(stack, jsii.String("Mirrors"), &awscdk.CfnOutputProps{Value: cache.Mirrors()})
	awscdk.NewCfnOutput(stack, jsii.String("Image"), &awscdk.CfnOutputProps{Value: cache.ImageUri(jsii.String("golang:1.26"))})

	assert.Equal(t, []string{login, "Allow " + pull + " " + importing + " on " + registry + "docker-hub/*"}, synthtest.RolePolicy(t, stack))
	const host = "111111111111.dkr.ecr.eu-west-1.${AWS::URLSuffix}"
	assert.Equal(t, "docker.io="+host+"/docker-hub", synthtest.Output(stack, "Mirrors"))
	assert.Equal(t, host+"/docker-hub/library/golang:1.26", synthtest.Output(stack, "Image"))
	assert.Empty(t, synthtest.Resources(stack, ruleType))
	assert.Empty(t, synthtest.Errors(stack))
	assert.Equal(t, []string{"the pull-through cache of account 111111111111 must include this account in PullThroughCacheProps.Pullers"}, synthtest.Infos(stack))
}

func TestEveryProblemOfAnImport(t *testing.T) {
	stack := synthtest.Stack()
	pullthrough.PullThroughCache_FromPullThroughCacheAttributes(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheAttributes{
		Account: jsii.String("1"), Region: jsii.String("Europe"), Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay, Prefix: jsii.String("q")}},
	})

	assert.Equal(t, []string{
		`Test/Pull: Upstreams[0].Prefix: "q" has 1 characters, and ECR accepts 2 to 30; use lower-case letters and digits, with '.', '_', '-' or '/' between them, such as team/quay`,
		`Test/Pull: Account: "1" has the wrong form; give the 12 digits of the account`,
		`Test/Pull: Region: "Europe" has the wrong form; give a region, such as eu-west-1`,
	}, synthtest.Errors(stack))
}
