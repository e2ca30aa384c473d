package pullthrough_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

func privateUpstream(stack awscdk.Stack, prefix string, e *pullthrough.EcrUpstream) *pullthrough.PullThroughCache {
	return pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Ecr, Prefix: jsii.String(prefix), Ecr: e}},
	})
}

func TestTheRoleOfAPrivateUpstreamReadsThereAndWritesHere(t *testing.T) {
	const (
		reads  = "Allow ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:BatchImportUpstreamImage ecr:GetImageCopyStatus on "
		writes = "Allow ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage on "
	)
	for name, c := range map[string]struct {
		upstream *pullthrough.EcrUpstream
		source   string
		prefix   any
		infos    []string
	}{
		"in another account, all of it": {
			&pullthrough.EcrUpstream{Account: jsii.String(there)},
			"arn:${AWS::Partition}:ecr:eu-west-1:222222222222:repository/*",
			nil,
			[]string{"account 222222222222 must allow this account to pull: use pullthrough.AllowPullThrough on its repositories, or allow the same actions in its registry policy"},
		},
		"in another region, below a prefix": {
			&pullthrough.EcrUpstream{Region: jsii.String("us-east-1"), Prefix: jsii.String("base")},
			"arn:${AWS::Partition}:ecr:us-east-1:111111111111:repository/base/*",
			"base",
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := stackOf(here)
			privateUpstream(stack, "shared", c.upstream)

			assert.Equal(t, []string{"Allow sts:AssumeRole to Service=pullthroughcache.ecr.amazonaws.com"},
				synthtest.Statements(synthtest.Properties(t, stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"]))
			assert.Equal(t, []string{
				"Allow ecr:GetAuthorizationToken on *",
				reads + c.source + " " + registry + "shared/*",
				writes + registry + "shared/*",
			}, synthtest.RolePolicy(t, stack))
			assert.Equal(t, c.prefix, synthtest.Properties(t, stack, ruleType)["UpstreamRepositoryPrefix"])
			assert.Equal(t, c.infos, synthtest.Infos(stack))
		})
	}
}

func TestAPrivateUpstreamTakesARoleOfItsOwnAccount(t *testing.T) {
	stack := stackOf(here)
	role := awsiam.Role_FromRoleArn(stack, jsii.String("Role"), jsii.String("arn:aws:iam::111111111111:role/ecr"), nil)
	privateUpstream(stack, "shared", &pullthrough.EcrUpstream{Account: jsii.String(there), Role: role})
	assert.Equal(t, "arn:aws:iam::111111111111:role/ecr", synthtest.Properties(t, stack, ruleType)["CustomRoleArn"])
	assert.Empty(t, synthtest.Resources(stack, "AWS::IAM::Role"))

	stack = stackOf(here)
	role = awsiam.Role_FromRoleArn(stack, jsii.String("Role"), jsii.String("arn:aws:iam::222222222222:role/ecr"), nil)
	privateUpstream(stack, "ROOT", &pullthrough.EcrUpstream{Account: jsii.String(there), Role: role, Prefix: jsii.String("base")})
	assert.Equal(t, []string{
		"Test/Pull: Upstreams[0].Ecr.Role: is in account 222222222222, and the rule in 111111111111; give a role of the rule's account, or leave it out",
		"Test/Pull: Upstreams[0].Ecr.Prefix: cannot be combined with the prefix ROOT, with which ECR keeps the names as they are; leave it out, or give the upstream a prefix",
		`Test/Pull: Upstreams[0].Repositories: is missing with the prefix ROOT, so GrantPull would include every repository of the account; name repositories of the upstream, such as "library/*"`,
	}, synthtest.Errors(stack))
}

func TestMirrorsAndUrisOfPrivateUpstreamsThatAreRenamed(t *testing.T) {
	const upstream, host = "222222222222.dkr.ecr.eu-west-1.${AWS::URLSuffix}", "111111111111.dkr.ecr.eu-west-1.${AWS::URLSuffix}"
	for name, c := range map[string]struct {
		prefix, mirrors string
	}{
		"a prefix that is the same on both sides is a mirror": {"base", upstream + "=" + host},
		"another prefix is not a mirror":                      {"shared", ""},
	} {
		t.Run(name, func(t *testing.T) {
			stack := stackOf(here)
			cache := privateUpstream(stack, c.prefix, &pullthrough.EcrUpstream{Account: jsii.String(there), Prefix: jsii.String("base")})
			awscdk.NewCfnOutput(stack, jsii.String("Mirrors"), &awscdk.CfnOutputProps{Value: jsii.String(*cache.Mirrors() + ".")})
			source := "222222222222.dkr.ecr.eu-west-1." + *stack.UrlSuffix() + "/base/go:1"
			awscdk.NewCfnOutput(stack, jsii.String("Image"), &awscdk.CfnOutputProps{Value: cache.ImageUri(&source)})

			assert.Equal(t, c.mirrors+".", synthtest.Output(stack, "Mirrors"))
			assert.Equal(t, host+"/"+c.prefix+"/go:1", synthtest.Output(stack, "Image"))
			assert.Empty(t, synthtest.Errors(stack))
		})
	}
}

func TestAllowPullThroughAddsAStatementToTheRepository(t *testing.T) {
	stack := stackOf(there)
	pullthrough.AllowPullThrough(awsecr.NewRepository(stack, jsii.String("Base"), nil), jsii.String(here))

	assert.Equal(t, []string{
		"Allow ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:BatchImportUpstreamImage ecr:GetImageCopyStatus to AWS=arn:${AWS::Partition}:iam::111111111111:root",
	}, synthtest.Statements(synthtest.Properties(t, stack, "AWS::ECR::Repository")["RepositoryPolicyText"]))
}
