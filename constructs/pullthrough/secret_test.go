package pullthrough_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestTheSecretOfAnUpstream(t *testing.T) {
	const at, name = "Test/Pull: Upstreams[0].Secret: ", "; name it ecr-pullthroughcache/NAME; ECR reads no other secrets"
	newSecret := func(s awscdk.Stack, props *awssecretsmanager.SecretProps) awssecretsmanager.ISecret {
		return awssecretsmanager.NewSecret(s, jsii.String("Secret"), props)
	}
	byArn := func(s awscdk.Stack, arn string) awssecretsmanager.ISecret {
		return awssecretsmanager.Secret_FromSecretCompleteArn(s, jsii.String("Secret"), jsii.String(arn))
	}
	for text, c := range map[string]struct {
		registry pullthrough.UpstreamRegistry
		secret   func(awscdk.Stack) awssecretsmanager.ISecret
		want     []string
	}{
		"is made with the right name": {
			pullthrough.DockerHub,
			func(s awscdk.Stack) awssecretsmanager.ISecret {
				return newSecret(s, &awssecretsmanager.SecretProps{SecretName: jsii.String("ecr-pullthroughcache/docker")})
			},
			nil,
		},
		"is made with another name": {
			pullthrough.DockerHub,
			func(s awscdk.Stack) awssecretsmanager.ISecret {
				return newSecret(s, &awssecretsmanager.SecretProps{SecretName: jsii.String("docker")})
			},
			[]string{at + `the name "docker" does not start with ecr-pullthroughcache/` + name},
		},
		"is made without a name": {
			pullthrough.DockerHub,
			func(s awscdk.Stack) awssecretsmanager.ISecret { return newSecret(s, nil) },
			[]string{at + "has no name, so CloudFormation would generate one" + name},
		},
		"has a customer managed key": {
			pullthrough.DockerHub,
			func(s awscdk.Stack) awssecretsmanager.ISecret {
				return newSecret(s, &awssecretsmanager.SecretProps{
					SecretName:    jsii.String("ecr-pullthroughcache/docker"),
					EncryptionKey: awskms.NewKey(s, jsii.String("Key"), nil),
				})
			},
			[]string{at + "is encrypted with a customer managed key, which ECR cannot use; encrypt it with the default AWS managed key, aws/secretsmanager"},
		},
		"is imported by an ARN of this account and region": {
			pullthrough.GitHub,
			func(s awscdk.Stack) awssecretsmanager.ISecret {
				return byArn(s, "arn:aws:secretsmanager:eu-west-1:111111111111:secret:ecr-pullthroughcache/github-AbCdEf")
			},
			nil,
		},
		"is imported by an ARN without the suffix that Secrets Manager adds": {
			pullthrough.GitHub,
			func(s awscdk.Stack) awssecretsmanager.ISecret {
				return awssecretsmanager.Secret_FromSecretPartialArn(s, jsii.String("Secret"), jsii.String("arn:aws:secretsmanager:eu-west-1:111111111111:secret:ecr-pullthroughcache/github"))
			},
			nil,
		},
		"is imported by an ARN with another name, of another account and region": {
			pullthrough.GitHub,
			func(s awscdk.Stack) awssecretsmanager.ISecret {
				return byArn(s, "arn:aws:secretsmanager:us-east-1:222222222222:secret:github-AbCdEf")
			},
			[]string{
				at + `the name "github" does not start with ecr-pullthroughcache/` + name,
				at + "is in account 222222222222, and the rule in 111111111111; give a secret in the account and region of the rule",
				at + "is in region us-east-1, and the rule in eu-west-1; give a secret in the account and region of the rule",
			},
		},
		"is imported by another name": {
			pullthrough.Chainguard,
			func(s awscdk.Stack) awssecretsmanager.ISecret {
				return awssecretsmanager.Secret_FromSecretNameV2(s, jsii.String("Secret"), jsii.String("ecr-pullthroughcache/"))
			},
			[]string{at + `the name "ecr-pullthroughcache/" does not start with ecr-pullthroughcache/` + name},
		},
		"is missing": {
			pullthrough.GitLab,
			func(awscdk.Stack) awssecretsmanager.ISecret { return nil },
			[]string{at + "is missing: ECR signs in to gitlab-container-registry with a secret; give a secret with a name that starts with ecr-pullthroughcache/ and the keys username and accessToken"},
		},
		"is set but not needed": {
			pullthrough.Quay,
			func(s awscdk.Stack) awssecretsmanager.ISecret { return secret(s, "quay") },
			[]string{at + "is set, but ECR needs no secret for quay; leave it out"},
		},
	} {
		t.Run(text, func(t *testing.T) {
			stack := stackOf(here)
			pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
				Upstreams: &[]*pullthrough.Upstream{{Registry: c.registry, Secret: c.secret(stack)}},
			})
			assert.Equal(t, c.want, synthtest.Errors(stack))
		})
	}
}
