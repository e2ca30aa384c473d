package pullthrough_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

const keyArn = "arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555"

func TestTheRoleOfATemplateWithAKeyAndTagsAllowsOnlyWhatItNeeds(t *testing.T) {
	stack := stackOf(here)
	rules := &[]*lifecycle.Rule{{MaxCount: jsii.Number(9)}}
	pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay, Template: &pullthrough.RepositoryTemplate{
			LifecycleRules: rules,
			Encryption:     awsecr.RepositoryEncryption_KMS_DSSE(),
			EncryptionKey:  awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(keyArn)),
			Tags:           &map[string]*string{"team": jsii.String("platform"), "cost": jsii.String("42")},
		}}},
	})

	policy, _ := lifecycle.Render("", rules)
	template := synthtest.Properties(t, stack, templateType)
	assert.Equal(t, "${PullTemplateRolequay4D24E969.Arn}", synthtest.Text(template["CustomRoleArn"]))
	delete(template, "CustomRoleArn")
	assert.Equal(t, map[string]any{
		"AppliedFor":              []any{"PULL_THROUGH_CACHE"},
		"Description":             "Images that layercache pulls through from quay.io",
		"EncryptionConfiguration": map[string]any{"EncryptionType": "KMS_DSSE", "KmsKey": keyArn},
		"ImageTagMutability":      "MUTABLE",
		"LifecyclePolicy":         policy,
		"Prefix":                  "quay",
		"ResourceTags":            []any{map[string]any{"Key": "cost", "Value": "42"}, map[string]any{"Key": "team", "Value": "platform"}},
	}, template)
	assert.Equal(t, []string{"Allow sts:AssumeRole to Service=ecr.amazonaws.com"},
		synthtest.Statements(synthtest.Properties(t, stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"]))
	assert.Equal(t, []string{
		"Allow ecr:CreateRepository ecr:TagResource on " + registry + "quay/*",
		"Allow kms:CreateGrant kms:RetireGrant kms:DescribeKey on " + keyArn,
	}, synthtest.RolePolicy(t, stack))
}

func TestTheTemplateOfAnUpstreamOverridesTheTemplateOfTheCache(t *testing.T) {
	stack := stackOf(here)
	role := awsiam.Role_FromRoleArn(stack, jsii.String("Role"), jsii.String("arn:aws:iam::111111111111:role/templates"), nil)
	pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Template: &pullthrough.RepositoryTemplate{
			EncryptionKey: awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(keyArn)),
			Tags:          &map[string]*string{"team": jsii.String("platform")},
			Role:          role,
		},
		Upstreams: &[]*pullthrough.Upstream{
			{Registry: pullthrough.Quay},
			{Registry: pullthrough.Kubernetes, Template: &pullthrough.RepositoryTemplate{
				Encryption: awsecr.RepositoryEncryption_AES_256(), Tags: &map[string]*string{},
			}},
		},
	})

	templates := byPrefix(stack, templateType, "Prefix")
	assert.Equal(t, map[string]any{"EncryptionType": "KMS", "KmsKey": keyArn}, templates["quay"]["EncryptionConfiguration"])
	assert.Equal(t, "arn:aws:iam::111111111111:role/templates", templates["quay"]["CustomRoleArn"])
	assert.NotEmpty(t, templates["quay"]["ResourceTags"])
	for _, property := range []string{"EncryptionConfiguration", "CustomRoleArn", "ResourceTags"} {
		assert.NotContains(t, templates["k8s"], property)
	}
	assert.Empty(t, synthtest.Resources(stack, "AWS::IAM::Role"))
}

func TestEveryProblemOfATemplate(t *testing.T) {
	stack := stackOf(here)
	key := awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(keyArn))
	pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Template: &pullthrough.RepositoryTemplate{
			LifecycleRules: &[]*lifecycle.Rule{nil},
			Encryption:     awsecr.RepositoryEncryption_AES_256(),
			EncryptionKey:  key,
		},
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay, Template: &pullthrough.RepositoryTemplate{
			Encryption: awsecr.RepositoryEncryption_KMS(),
			Tags: &map[string]*string{
				"": jsii.String("a"), "AWS:team": jsii.String("b"), "cost": nil, "team": jsii.String(strings.Repeat("x", 257)),
			},
		}}},
	})

	const tags = "Test/Pull: Upstreams[0].Template.Tags"
	assert.Equal(t, []string{
		"Test/Pull: Template.LifecycleRules[0]: is nil; leave it out or give a rule",
		"Test/Pull: Template.EncryptionKey: is not used with AES256; leave it out, or set Encryption to KMS or KMS_DSSE",
		"Test/Pull: Upstreams[0].Template.EncryptionKey: is missing for KMS: the role that creates the repositories needs access to a specific key; give a key",
		tags + `[""]: has a key of 0 characters, and ECR accepts 1 to 128; give another key`,
		tags + `["AWS:team"]: starts with aws:, which AWS reserves; give another key`,
		tags + `["cost"]: has no value, or one of more than 256 characters; give another value`,
		tags + `["team"]: has no value, or one of more than 256 characters; give another value`,
	}, synthtest.Errors(stack))
	assert.Empty(t, synthtest.Resources(stack, templateType))
}
