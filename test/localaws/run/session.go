//go:build linux

package run

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// assume returns a session of the project's service role, and the SDK's configuration for it.
func (c *CodeBuild) assume(ctx context.Context, b *build, name string) (types.Credentials, aws.Config, error) {
	config, err := c.config.AWS.Config(ctx, b.account, b.region)
	if err != nil {
		return types.Credentials{}, config, err
	}
	role := b.project.ServiceRole
	out, err := sts.NewFromConfig(config).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role, RoleSessionName: &name})
	if err != nil {
		return types.Credentials{}, config, fmt.Errorf("run: assume the service role %s: %w", aws.ToString(role), err)
	}
	session := *out.Credentials
	config.Credentials = sdk.NewStaticCredentialsProvider(*session.AccessKeyId, *session.SecretAccessKey, *session.SessionToken)
	return session, config, nil
}

// environment returns the environment of a build without CodeBuild's own variables. Registries and ECR's API
// are those of ecrhost, all other services those of awslocal, including STS.
func (c *CodeBuild) environment(session types.Credentials) []string {
	return slices.Concat(c.config.Env, c.config.Registry.Environ(),
		[]string{"AWS_ENDPOINT_URL=" + c.config.AWS.Endpoint, "AWS_ENDPOINT_URL_STS=" + c.config.AWS.Endpoint}, c.credentials.offer(session))
}
